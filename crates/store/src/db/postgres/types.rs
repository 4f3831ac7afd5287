// SPDX-License-Identifier: Apache-2.0
//! Values in PostgreSQL's binary format. A parameter takes the type that the server inferred for
//! it; a number that does not fit is an error, never cut.

use std::error::Error;

use bytes::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::db::{DbError, Kind, Row, Value};

/// The version byte in front of a binary `jsonb`.
const JSONB_VERSION: u8 = 1;

/// Refuses a value that cannot be sent as `wanted`; `index` counts from zero.
pub(super) fn check_parameter(index: usize, value: &Value, wanted: &Type) -> Result<(), DbError> {
    let fits = match (value, wanted) {
        (Value::Null, _)
        | (Value::Bool(_), &Type::BOOL)
        | (Value::Int(_), &Type::INT8)
        | (Value::Blob(_), &Type::BYTEA) => true,
        (Value::Int(value), &Type::INT4) => i32::try_from(*value).is_ok(),
        (Value::Int(value), &Type::INT2) => i16::try_from(*value).is_ok(),
        (Value::Text(_), wanted) => is_text(wanted) || matches!(*wanted, Type::JSON | Type::JSONB),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let reason = match value {
        Value::Int(value) if matches!(*wanted, Type::INT2 | Type::INT4) => {
            format!("{value} does not fit {wanted}; write cast(${} as bigint)", index + 1)
        }
        value => format!("the statement wants {wanted}, the value is {}", value.kind_name()),
    };
    Err(DbError::Parameter { index, reason })
}

fn is_text(wanted: &Type) -> bool {
    matches!(*wanted, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

impl ToSql for Value {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql(wanted, out),
            Self::Int(value) if *wanted == Type::INT4 => i32::try_from(*value)?.to_sql(wanted, out),
            Self::Int(value) if *wanted == Type::INT2 => i16::try_from(*value)?.to_sql(wanted, out),
            Self::Int(value) => value.to_sql(wanted, out),
            Self::Text(value) => {
                if *wanted == Type::JSONB {
                    out.extend_from_slice(&[JSONB_VERSION]);
                }
                value.to_sql(&Type::TEXT, out)
            }
            Self::Blob(value) => value.as_slice().to_sql(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Decided with a better message by `check_parameter`.
        true
    }

    to_sql_checked!();
}

/// A cell on its way in; a newtype because `Value` must not be readable by accident.
struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = match *found {
            Type::BOOL => Value::Bool(bool::from_sql(found, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(found, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(found, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(found, raw)?),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            Type::VOID => Value::Null,
            Type::JSONB => {
                let text = raw.strip_prefix(&[JSONB_VERSION]).ok_or("unknown jsonb version")?;
                Value::Text(String::from_utf8(text.to_vec())?)
            }
            _ => Value::Text(String::from_utf8(raw.to_vec())?),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(found: &Type) -> bool {
        is_text(found)
            || matches!(
                *found,
                Type::BOOL
                    | Type::INT2
                    | Type::INT4
                    | Type::INT8
                    | Type::BYTEA
                    | Type::VOID
                    | Type::JSON
                    | Type::JSONB
            )
    }
}

/// The row with all its cells.
pub(super) fn read(row: &postgres::Row) -> Result<Row, DbError> {
    let cells = row.columns().iter().enumerate().map(|(index, column)| {
        row.try_get::<_, Cell>(index).map(|cell| cell.0).map_err(|_| DbError::Column {
            index,
            expected: "a storable value".to_owned(),
            found: format!("a value of type {}; cast it", column.type_()),
        })
    });
    cells.collect::<Result<Vec<_>, _>>().map(Row::new)
}

/// The array type for a column of a bulk statement.
pub(super) const fn array_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean[]",
        Kind::Int => "bigint[]",
        Kind::Text => "text[]",
        Kind::Blob => "bytea[]",
    }
}

/// Column `index` of `rows` as one array; the values' kinds were checked before.
pub(super) fn array<'a>(
    kind: Kind,
    rows: &'a [Vec<Value>],
    index: usize,
) -> Box<dyn ToSql + Sync + 'a> {
    let cells = rows.iter().map(move |row| &row[index]);
    match kind {
        Kind::Bool => Box::new(
            cells
                .map(|cell| if let Value::Bool(value) = cell { Some(*value) } else { None })
                .collect::<Vec<_>>(),
        ),
        Kind::Int => Box::new(
            cells
                .map(|cell| if let Value::Int(value) = cell { Some(*value) } else { None })
                .collect::<Vec<_>>(),
        ),
        Kind::Text => Box::new(
            cells
                .map(|cell| if let Value::Text(value) = cell { Some(value.as_str()) } else { None })
                .collect::<Vec<_>>(),
        ),
        Kind::Blob => Box::new(
            cells
                .map(
                    |cell| {
                        if let Value::Blob(value) = cell { Some(value.as_slice()) } else { None }
                    },
                )
                .collect::<Vec<_>>(),
        ),
    }
}
