// SPDX-License-Identifier: Apache-2.0
//! The values that travel between Mimir and a database: four kinds that both engines store
//! exactly, and the conversions to and from the types of the product. There is no floating
//! point, no JSON and no time kind: times are microseconds, JSON is text, ids are text.

use mimir_wire::Timestamp;
use mimir_wire::ids::{
    AlertId, ApiKeyId, CampaignId, EnrollmentSecretId, HostId, HuntId, IndicatorId, LiveQueryId,
    SavedQueryId, UserId,
};

use super::DbError;

/// One parameter or one cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// No value; fits every column kind.
    Null,
    /// A truth value; SQLite stores it as 0 or 1.
    Bool(bool),
    /// A signed 64-bit number, also a time in microseconds since 1970.
    Int(i64),
    /// A text without U+0000, which PostgreSQL cannot store.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The kind of a column in a bulk statement: it names the array type on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `boolean`, or INTEGER in SQLite.
    Bool,
    /// `bigint`, or INTEGER in SQLite.
    Int,
    /// `text`.
    Text,
    /// `bytea`, or BLOB in SQLite.
    Blob,
}

/// A column of a bulk statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name, in lower case; it is quoted in the statement.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column of truth values.
    pub const fn bool(name: &'static str) -> Self {
        Self { name, kind: Kind::Bool }
    }

    /// A column of numbers or times.
    pub const fn int(name: &'static str) -> Self {
        Self { name, kind: Kind::Int }
    }

    /// A column of texts or ids.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    /// A column of bytes.
    pub const fn blob(name: &'static str) -> Self {
        Self { name, kind: Kind::Blob }
    }
}

impl Value {
    /// The kind for error messages.
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
        }
    }

    /// The bytes this value carries, for bounding the size of a bulk statement.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Int(_) => 8,
            Self::Text(text) => text.len() + 4,
            Self::Blob(bytes) => bytes.len() + 4,
        }
    }

    /// Refuses what one of the engines could not store; `index` counts from zero.
    pub(crate) fn check(&self, index: usize) -> Result<(), DbError> {
        match self {
            Self::Text(text) if text.as_bytes().contains(&0) => {
                let reason = "the text contains U+0000, which cannot be stored; remove it first";
                Err(DbError::Parameter { index, reason: reason.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a value that does not fit a column of this kind.
    pub(crate) fn check_kind(&self, index: usize, column: Column) -> Result<(), DbError> {
        self.check(index)?;
        match (self, column.kind) {
            (Self::Null, _)
            | (Self::Bool(_), Kind::Bool)
            | (Self::Int(_), Kind::Int)
            | (Self::Text(_), Kind::Text)
            | (Self::Blob(_), Kind::Blob) => Ok(()),
            (value, kind) => Err(DbError::Parameter {
                index,
                reason: format!(
                    "column {} holds {kind:?}, the value is {}",
                    column.name,
                    value.kind_name()
                ),
            }),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u64> for Value {
    /// Counts and sizes of this product stay far below 2^63; a larger number could only come
    /// from a broken peer and is stored as the largest number there is rather than as a negative.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a cell can be read as.
pub trait FromValue: Sized {
    /// What is expected, for error messages.
    const EXPECTED: &'static str;

    /// The value as this type, or `None` when it is of another kind or out of range.
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for Value {
    const EXPECTED: &'static str = "any value";

    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "bool";

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(value),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        }
    }
}

macro_rules! from_int {
    ($($type:ty => $expected:literal),+) => {
        $(impl FromValue for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Int(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        })+
    };
}

from_int!(i64 => "int", u64 => "int of at least 0", u32 => "int from 0 to 4294967295");

impl FromValue for String {
    const EXPECTED: &'static str = "text";

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    const EXPECTED: &'static str = "blob";

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Blob(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for Timestamp {
    const EXPECTED: &'static str = "time in microseconds";

    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

macro_rules! ids {
    ($($type:ty => $expected:literal),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        }

        impl FromValue for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }
        })+
    };
}

ids! {
    HostId => "host id",
    CampaignId => "campaign id",
    LiveQueryId => "live query id",
    SavedQueryId => "saved query id",
    IndicatorId => "indicator id",
    HuntId => "hunt id",
    AlertId => "alert id",
    UserId => "user id",
    ApiKeyId => "API key id",
    EnrollmentSecretId => "enrolment secret id",
}

/// `values![a, b, c]` is `[Value; 3]`, each converted with `Value::from`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        {
            let values: [$crate::db::Value; _] = [$($crate::db::Value::from($value)),*];
            values
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_what_the_product_uses() {
        let id: HostId = "0190b6a0-0000-7000-8000-000000000001".parse().unwrap();
        let row = values![true, 7_u32, u64::MAX, "x", None::<i64>, Timestamp::from_micros(5), id];
        assert_eq!(row[0], Value::Bool(true));
        assert_eq!(row[2], Value::Int(i64::MAX));
        assert_eq!(row[4], Value::Null);
        assert_eq!(row[5], Value::Int(5));
        assert_eq!(HostId::from_value(row[6].clone()), Some(id));
        assert_eq!(values![].len(), 0);
    }

    #[test]
    fn reads_only_what_fits() {
        assert_eq!(bool::from_value(Value::Int(1)), Some(true));
        assert_eq!(bool::from_value(Value::Int(2)), None);
        assert_eq!(u32::from_value(Value::Int(-1)), None);
        assert_eq!(u64::from_value(Value::Int(-1)), None);
        assert_eq!(Option::<String>::from_value(Value::Null), Some(None));
        assert_eq!(String::from_value(Value::Null), None);
        assert_eq!(HostId::from_value(Value::Text("nonsense".into())), None);
    }

    #[test]
    fn refuses_nul_and_the_wrong_kind() {
        assert!(Value::from("a\0b").check(2).unwrap_err().to_string().contains("U+0000"));
        assert!(Value::Blob(vec![0]).check(0).is_ok());
        let error = Value::from(1).check_kind(0, Column::text("name")).unwrap_err();
        assert!(error.to_string().contains("name"), "{error}");
        assert!(Value::Null.check_kind(0, Column::text("name")).is_ok());
    }
}
