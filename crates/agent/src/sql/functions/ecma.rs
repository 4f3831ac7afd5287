// SPDX-License-Identifier: Apache-2.0
//! Translates a regular expression of ECMAScript, as C++'s `std::regex` takes it, into the syntax
//! of the `regex` crate, byte by byte. What that engine cannot do in linear time (look-around,
//! back-references) is refused by name.
//!
//! It is a little more lenient than the C++ libraries where these disagree with each other: a
//! stray `]` or `}` stands for itself, and so does a hyphen after `\w` within brackets.

/// Translates a pattern.
///
/// # Errors
/// A text that says what is wrong or unsupported.
pub fn translate(pattern: &[u8]) -> Result<String, String> {
    let mut translation =
        Translation { rest: pattern, out: String::new(), depth: 0, repeatable: false };
    while let Some(byte) = translation.take() {
        translation.term(byte)?;
    }
    match translation.depth {
        0 => Ok(translation.out),
        _ => Err("a parenthesis is not closed".to_owned()),
    }
}

struct Translation<'p> {
    rest: &'p [u8],
    out: String,
    /// Open parentheses.
    depth: usize,
    /// Whether a repetition may follow.
    repeatable: bool,
}

/// A byte, or a class such as `\d` in the syntax of the target.
enum Item {
    Byte(u8),
    Class(String),
}

impl Translation<'_> {
    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take_if(&mut self, prefix: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn term(&mut self, byte: u8) -> Result<(), String> {
        let is_repeatable = std::mem::replace(&mut self.repeatable, true);
        match byte {
            b'^' | b'$' | b'|' => {
                self.out.push(char::from(byte));
                self.repeatable = false;
            }
            b'.' => self.out.push_str(r"[^\n\r]"),
            b'(' => self.open()?,
            b')' => {
                self.depth =
                    self.depth.checked_sub(1).ok_or("a parenthesis is closed but never opened")?;
                self.out.push(')');
            }
            b'[' => self.brackets()?,
            b'*' | b'+' | b'?' | b'{' => {
                if !is_repeatable {
                    return Err(format!("nothing for {:?} to repeat", char::from(byte)));
                }
                self.repetition(byte)?;
            }
            b'\\' => self.escape()?,
            other => push_byte(&mut self.out, other),
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        self.depth += 1;
        self.repeatable = false;
        if self.take_if(b"?:") {
            self.out.push_str("(?:");
        } else if [b"?=".as_slice(), b"?!", b"?<=", b"?<!"].iter().any(|p| self.rest.starts_with(p))
        {
            return Err("look-ahead and look-behind are not supported by this agent; match more \
                        and take a group of it"
                .to_owned());
        } else if self.rest.starts_with(b"?") {
            return Err(
                "after (? only : is possible; there are no flags and named groups".to_owned()
            );
        } else {
            self.out.push('(');
        }
        Ok(())
    }

    fn repetition(&mut self, byte: u8) -> Result<(), String> {
        self.out.push(char::from(byte));
        if byte == b'{' {
            let invalid = || r"braces are no repetition {n}, {n,} or {n,m}; write \{".to_owned();
            let end = self.rest.iter().position(|byte| *byte == b'}').ok_or_else(invalid)?;
            let bounds = str::from_utf8(&self.rest[..end]).map_err(|_| invalid())?;
            let (min, max) = bounds.split_once(',').unwrap_or((bounds, bounds));
            let is_number =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if !is_number(min) || !(max.is_empty() && bounds.contains(',') || is_number(max)) {
                return Err(invalid());
            }
            if let (Ok(min), Ok(max)) = (min.parse::<u64>(), max.parse::<u64>())
                && min > max
            {
                return Err(format!("the repetition {{{bounds}}} ends before it starts"));
            }
            self.out.push_str(bounds);
            self.out.push('}');
            self.rest = &self.rest[end + 1..];
        }
        if self.take_if(b"?") {
            self.out.push('?');
        }
        self.repeatable = false;
        Ok(())
    }

    /// What follows a backslash outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.first() {
            Some(boundary @ (b'b' | b'B')) => {
                self.out.extend(['\\', char::from(*boundary)]);
                self.take();
                self.repeatable = false;
            }
            Some(b'u') => {
                self.take();
                let code = self.hex(4)?;
                let character = char::from_u32(code).ok_or(r"\u does not name a character")?;
                let mut utf8 = [0; 4];
                self.out.push_str("(?:");
                character.encode_utf8(&mut utf8).bytes().for_each(|b| push_byte(&mut self.out, b));
                self.out.push(')');
            }
            _ => match self.item()? {
                Item::Byte(byte) => push_byte(&mut self.out, byte),
                Item::Class(class) => self.out.push_str(&class),
            },
        }
        Ok(())
    }

    /// What follows a backslash anywhere.
    fn item(&mut self) -> Result<Item, String> {
        let byte = self.take().ok_or("it ends in a backslash")?;
        Ok(Item::Byte(match byte {
            b'd' | b'D' | b's' | b'S' | b'w' | b'W' => {
                return Ok(Item::Class(format!("\\{}", char::from(byte))));
            }
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0' => 0,
            b'1'..=b'9' => {
                return Err(
                    "back-references are not supported by this agent; compare groups with \
                            SQL instead"
                        .to_owned(),
                );
            }
            b'c' => match self.take().filter(u8::is_ascii_alphabetic) {
                Some(letter) => letter % 32,
                None => return Err(r"\c needs a letter".to_owned()),
            },
            b'x' => self.hex(2)? as u8,
            other if other == b'_' || other.is_ascii_alphanumeric() => {
                return Err(format!("there is no escape \\{}", char::from(other)));
            }
            other => other,
        }))
    }

    fn hex(&mut self, digits: usize) -> Result<u32, String> {
        let text = self.rest.get(..digits).filter(|text| text.iter().all(u8::is_ascii_hexdigit));
        let code = text.and_then(|text| u32::from_str_radix(str::from_utf8(text).ok()?, 16).ok());
        let code = code.ok_or_else(|| format!("an escape needs {digits} hexadecimal digits"))?;
        self.rest = &self.rest[digits..];
        Ok(code)
    }

    fn brackets(&mut self) -> Result<(), String> {
        let is_negated = self.take_if(b"^");
        let mut class = String::new();
        loop {
            if self.take_if(b"]") {
                break;
            }
            match self.bracket_item()? {
                Item::Class(item) => class.push_str(&item),
                Item::Byte(first) => {
                    let is_range = self.rest.first() == Some(&b'-')
                        && !matches!(self.rest.get(1), None | Some(b']'));
                    push_byte(&mut class, first);
                    if !is_range {
                        continue;
                    }
                    self.take();
                    match self.bracket_item()? {
                        Item::Byte(last) if last < first => {
                            return Err("a range in brackets ends before it starts".to_owned());
                        }
                        Item::Byte(last) => {
                            class.push('-');
                            push_byte(&mut class, last);
                        }
                        // A hyphen before a class stands for itself.
                        Item::Class(item) => {
                            push_byte(&mut class, b'-');
                            class.push_str(&item);
                        }
                    }
                }
            }
        }
        match (is_negated, class.is_empty()) {
            // Nothing is in `[]`, everything in `[^]`.
            (false, true) => self.out.push_str(r"[^\x00-\xFF]"),
            (true, true) => self.out.push_str(r"[\x00-\xFF]"),
            (false, false) => self.out.push_str(&format!("[{class}]")),
            (true, false) => self.out.push_str(&format!("[^{class}]")),
        }
        Ok(())
    }

    fn bracket_item(&mut self) -> Result<Item, String> {
        let byte = self.take().ok_or("a bracket is not closed")?;
        match (byte, self.rest.first()) {
            (b'\\', Some(b'b')) => {
                self.take();
                Ok(Item::Byte(0x08))
            }
            (b'\\', Some(b'u')) => {
                self.take();
                let code = u8::try_from(self.hex(4)?).ok().filter(u8::is_ascii);
                code.map(Item::Byte).ok_or_else(|| "only ASCII can stand in brackets".to_owned())
            }
            (b'\\', _) => self.item(),
            (b'[', Some(mark @ (b':' | b'.' | b'='))) => self.named_class(*mark),
            _ => Ok(Item::Byte(byte)),
        }
    }

    /// `[:name:]`, `[.c.]` and `[=c=]` within brackets; the first bracket has been taken.
    fn named_class(&mut self, mark: u8) -> Result<Item, String> {
        const NAMES: [&[u8]; 12] = [
            b"alnum", b"alpha", b"blank", b"cntrl", b"digit", b"graph", b"lower", b"print",
            b"punct", b"space", b"upper", b"xdigit",
        ];
        let body = &self.rest[1..];
        let end = body.windows(2).position(|pair| pair == [mark, b']']);
        let (name, after) = match end {
            Some(end) => (&body[..end], &body[end + 2..]),
            None => return Err("a named class in brackets is not closed".to_owned()),
        };
        self.rest = after;
        match (mark, name) {
            (b':', b"d" | b"s" | b"w") => Ok(Item::Class(format!("\\{}", char::from(name[0])))),
            (b':', name) if NAMES.contains(&name) => {
                Ok(Item::Class(format!("[:{}:]", String::from_utf8_lossy(name))))
            }
            (b'.' | b'=', [byte]) => Ok(Item::Byte(*byte)),
            _ => Err(format!("there is no class {:?}", String::from_utf8_lossy(name))),
        }
    }
}

/// A byte that stands for itself, within brackets or without.
fn push_byte(out: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        out.push_str(&format!("\\x{byte:02X}"));
    }
}
