// SPDX-License-Identifier: Apache-2.0
//! One row of an answer, owned, so that it outlives the statement that made it.

use super::{DbError, FromValue, Value};

/// A row; cells are read by position, counted from zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    pub(crate) const fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// The cell at `index` as `T`.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is no such column or it holds something else.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, DbError> {
        let value = self.values.get(index).cloned();
        convert(index, value)
    }

    /// Like [`Row::get`], but moves a text or blob out (leaving null) instead of copying it.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn take<T: FromValue>(&mut self, index: usize) -> Result<T, DbError> {
        let value = self.values.get_mut(index).map(|value| std::mem::replace(value, Value::Null));
        convert(index, value)
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The cells as they came.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}

fn convert<T: FromValue>(index: usize, value: Option<Value>) -> Result<T, DbError> {
    let found = value.as_ref().map_or("no such column", Value::kind_name);
    value.and_then(T::from_value).ok_or_else(|| DbError::Column {
        index,
        expected: T::EXPECTED.to_owned(),
        found: found.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_column_that_does_not_fit() {
        let mut row = Row::new(vec![Value::Int(3), Value::from("x")]);
        assert_eq!(row.get::<u32>(0), Ok(3));
        let error = row.get::<i64>(1).unwrap_err().to_string();
        assert!(error.contains("column 1") && error.contains("text"), "{error}");
        assert!(row.get::<i64>(2).unwrap_err().to_string().contains("no such column"));
        assert_eq!(row.take::<String>(1), Ok("x".to_owned()));
        assert_eq!(row.get::<Option<String>>(1), Ok(None));
    }
}
