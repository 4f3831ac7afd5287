// SPDX-License-Identifier: Apache-2.0
//! Reads a query string into a struct. A parameter that may be given several times is a list
//! there; any other must be given once.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Why a query string does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

impl de::Error for QueryError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Reads a query string. An empty parameter (`?q=`) means the same as an absent one.
///
/// # Errors
/// The name of the parameter that does not fit, or nothing, and why.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (String, QueryError)> {
    let mut given: Vec<(String, Values)> = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        match given.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.0.push(value.into_owned()),
            None => given.push((name.into_owned(), Values(vec![value.into_owned()]))),
        }
    }
    let deserializer = MapDeserializer::new(given.into_iter());
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        (field, error.into_inner())
    })
}

/// What was given for one parameter, in order.
struct Values(Vec<String>);

impl Values {
    fn single(mut self) -> Result<String, QueryError> {
        match (self.0.pop(), self.0.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(QueryError("it is given more than once".to_owned())),
        }
    }

    fn parsed<T: std::str::FromStr>(self, what: &str) -> Result<T, QueryError> {
        let value = self.single()?;
        value.parse().map_err(|_| QueryError(format!("`{value}` is not {what}")))
    }
}

impl IntoDeserializer<'_, QueryError> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Values {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_string(self.single()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parsed("true or false")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_u64(self.parsed("a whole number from 0 on")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let each = self.0.into_iter().map(|value| Self(vec![value]));
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        let value: StringDeserializer<QueryError> = self.single()?.into_deserializer();
        value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Params {
        late: Option<bool>,
        limit: Option<u64>,
        q: Option<String>,
        r#where: Vec<String>,
        state: Option<mimir_wire::api::campaign::AssignmentState>,
    }

    #[test]
    fn parameters_are_read_by_their_kind() {
        let text = "late=true&limit=5&q=a+b%26&where=a:1&where=b%3A2&state=lost&q=";
        let params: Params = parse(text).unwrap();
        assert_eq!((params.late, params.limit), (Some(true), Some(5)));
        assert_eq!(params.q.as_deref(), Some("a b&"));
        assert_eq!(params.r#where, ["a:1", "b:2"]);
        assert_eq!(params.state.map(|state| state.as_str()), Some("lost"));
        assert_eq!(parse::<Params>(""), Ok(Params::default()));
        assert_eq!(parse::<Params>("q=&late="), Ok(Params::default()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, field) in [
            ("late=yes", "late"),
            ("limit=-1", "limit"),
            ("q=a&q=b", "q"),
            ("state=gone", "state"),
            ("nope=1", "nope"),
        ] {
            let (named, error) = parse::<Params>(text).unwrap_err();
            assert_eq!(named, field, "{text}: {error}");
        }
    }
}
