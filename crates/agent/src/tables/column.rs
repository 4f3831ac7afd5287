// SPDX-License-Identifier: Apache-2.0
//! How a table describes its columns.

/// The type a column is declared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Any text.
    Text,
    /// A number of 32 bits.
    Integer,
    /// A number of 64 bits.
    BigInt,
}

impl ColumnKind {
    /// The word in the declaration.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
        }
    }
}

/// One column of a table, with the flags of osquery's specification.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: ColumnKind,
    /// A look-up key: constraints on it reach the table.
    pub index: bool,
    /// Must be constrained; one of several required columns is enough.
    pub required: bool,
    /// Constraining it changes what is generated.
    pub additional: bool,
    /// Not part of `SELECT *`.
    pub hidden: bool,
    /// How texts are compared, when not byte by byte.
    pub collation: Option<&'static str>,
}

impl Column {
    const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            index: false,
            required: false,
            additional: false,
            hidden: false,
            collation: None,
        }
    }

    /// Marks a look-up key.
    pub const fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// Marks a column that must be constrained.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Marks a column whose constraint changes what is generated.
    pub const fn additional(mut self) -> Self {
        self.additional = true;
        self
    }

    /// Leaves the column out of `SELECT *`.
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Compares without regard to ASCII case.
    pub const fn nocase(self) -> Self {
        self.collate("nocase")
    }

    /// Compares by a collation, such as `version` (see `sql::functions`).
    pub const fn collate(mut self, collation: &'static str) -> Self {
        self.collation = Some(collation);
        self
    }

    /// Whether constraints on it are handed to the table.
    pub const fn is_pushed(&self) -> bool {
        self.index || self.required || self.additional
    }
}

/// A column of text.
pub const fn text(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Text)
}

/// A column of 32-bit numbers.
pub const fn integer(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Integer)
}

/// A column of 64-bit numbers.
pub const fn bigint(name: &'static str) -> Column {
    Column::new(name, ColumnKind::BigInt)
}
