// SPDX-License-Identifier: Apache-2.0
//! The rows of a query. All values stand in one text, because a value of its own for each cell
//! would take several times the memory of a large answer.

/// The rows of a query. Every value is a text; NULL is the empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Column names in the order of the statement. A name occurs once: of columns with the same
    /// name the last one stays, as in osquery, whose rows are maps.
    pub columns: Vec<String>,
    values: String,
    /// Where each value ends, row after row; with [`NUMBER`] for those that are numbers.
    ends: Vec<u32>,
}

/// Marks the end of a value that SQLite calls a number. Answers are far shorter.
const NUMBER: u32 = 1 << 31;

impl Answer {
    /// An answer without rows.
    pub fn new(columns: Vec<String>) -> Self {
        Self { columns, values: String::new(), ends: Vec::new() }
    }

    /// Adds the next value of the row being filled.
    ///
    /// # Panics
    /// Beyond 2 GiB, which is far more than any bound of an answer.
    pub fn push(&mut self, value: &str) {
        self.values.push_str(value);
        let end = u32::try_from(self.values.len()).ok().filter(|end| *end < NUMBER);
        self.ends.push(end.expect("answers are bounded"));
    }

    /// The same for a value that is a number.
    ///
    /// # Panics
    /// See [`Answer::push`].
    pub fn push_number(&mut self, value: &str) {
        self.push(value);
        if let Some(end) = self.ends.last_mut() {
            *end |= NUMBER;
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len() / self.columns.len().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all values.
    pub fn value_bytes(&self) -> usize {
        self.values.len()
    }

    /// The rows, each with a value for each column.
    pub fn rows(&self) -> impl Iterator<Item = Vec<&str>> {
        self.typed_rows().map(|row| row.into_iter().map(|(value, _)| value).collect())
    }

    /// The rows, each with a value for each column and whether it is a number.
    pub fn typed_rows(&self) -> impl Iterator<Item = Vec<(&str, bool)>> {
        let mut start = 0;
        self.ends.chunks_exact(self.columns.len().max(1)).map(move |ends| {
            let cells = ends.iter().map(|end| {
                let (end, is_number) = ((end & !NUMBER) as usize, end & NUMBER != 0);
                (&self.values[std::mem::replace(&mut start, end)..end], is_number)
            });
            cells.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn rows_are_cut_from_one_text() {
        let mut answer = Answer::new(vec!["a".into(), "b".into()]);
        assert!(answer.is_empty() && answer.rows().next().is_none());
        for cell in ["x", "", "\u{fffd}"] {
            answer.push(cell);
        }
        answer.push_number("long");
        assert_eq!((answer.len(), answer.value_bytes()), (2, 8));
        assert_eq!(answer.rows().collect::<Vec<_>>(), [["x", ""], ["\u{fffd}", "long"]]);
        let last = answer.typed_rows().last();
        assert_eq!(last.unwrap(), [("\u{fffd}", false), ("long", true)]);
    }
}
