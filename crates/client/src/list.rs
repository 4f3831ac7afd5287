// SPDX-License-Identifier: Apache-2.0
//! Lists: one page, or everything page after page.

use std::marker::PhantomData;
use std::vec;

use mimir_wire::api::page::{Page, RowPage};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ClientError;
use crate::params::Params;
use crate::transport::Client;

/// The most items the server puts on a page.
const PAGE_ITEMS_MAX: u32 = 500;

/// A page taken apart.
#[derive(Debug)]
pub struct PageParts<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The cursor to the next page.
    pub next_cursor: Option<String>,
    /// Items on all pages together, where the server knows.
    pub total: Option<u64>,
    /// The columns of result rows, in order; `None` for other lists.
    pub columns: Option<Vec<String>>,
}

/// The two shapes of a page.
pub trait PageBody: DeserializeOwned {
    /// What it lists.
    type Item;

    /// Takes it apart.
    fn split(self) -> PageParts<Self::Item>;
}

impl<T: DeserializeOwned> PageBody for Page<T> {
    type Item = T;

    fn split(self) -> PageParts<T> {
        let Self { items, next_cursor, total } = self;
        PageParts { items, next_cursor, total, columns: None }
    }
}

impl PageBody for RowPage {
    type Item = Map<String, Value>;

    fn split(self) -> PageParts<Self::Item> {
        let Self { columns, items, next_cursor, total } = self;
        PageParts { items, next_cursor, total, columns: Some(columns) }
    }
}

/// A list that has been described and not yet asked for.
#[derive(Debug)]
#[must_use = "a list is asked for by `page`, `all` or `iter`"]
pub struct List<P> {
    client: Client,
    path: String,
    params: Params,
    page: PhantomData<fn() -> P>,
}

impl<P> Clone for List<P> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            path: self.path.clone(),
            params: self.params.clone(),
            page: PhantomData,
        }
    }
}

impl<P: PageBody> List<P> {
    pub(crate) fn new(client: &Client, path: impl Into<String>, params: Params) -> Self {
        Self { client: client.clone(), path: path.into(), params, page: PhantomData }
    }

    /// One page: at most `limit` items (1 to 500; the server's 50 when `None`) from `cursor` on.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn page(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<P, ClientError> {
        let mut params = self.params.clone();
        params.add_some("limit", limit);
        params.add_some("cursor", cursor);
        self.client.get(&format!("{}{}", self.path, params.as_str()))
    }

    /// Every item of every page.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn all(&self) -> Result<Vec<P::Item>, ClientError> {
        self.iter().collect()
    }

    /// Every item, a page at a time as they are wanted. Ends after the first error.
    pub fn iter(&self) -> Items<P> {
        self.iter_by(PAGE_ITEMS_MAX)
    }

    /// As [`List::iter`] with pages of `page_items` items (1 to 500), for those who will stop
    /// after a few.
    pub fn iter_by(&self, page_items: u32) -> Items<P> {
        Items {
            list: self.clone(),
            page_items: page_items.clamp(1, PAGE_ITEMS_MAX),
            page: Vec::new().into_iter(),
            next: Next::First,
            total: None,
            columns: None,
        }
    }
}

impl<P: PageBody> IntoIterator for &List<P> {
    type Item = Result<P::Item, ClientError>;
    type IntoIter = Items<P>;

    fn into_iter(self) -> Items<P> {
        self.iter()
    }
}

enum Next {
    First,
    Cursor(String),
    Nothing,
}

/// The items of a list, across its pages.
pub struct Items<P: PageBody> {
    list: List<P>,
    page_items: u32,
    page: vec::IntoIter<P::Item>,
    next: Next,
    total: Option<u64>,
    columns: Option<Vec<String>>,
}

impl<P: PageBody> Items<P> {
    /// Items on all pages together, once a page has come and where the server knows.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The columns of result rows, once a page has come.
    pub fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }

    /// Asks for the next page, if there is one; afterwards its items are here.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn load(&mut self) -> Result<bool, ClientError> {
        let cursor = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::Cursor(cursor) => Some(cursor),
            Next::Nothing => return Ok(false),
        };
        let parts = self.list.page(Some(self.page_items), cursor.as_deref())?.split();
        match parts.next_cursor {
            // A cursor that leads to itself would be followed for ever.
            Some(next) if Some(&next) == cursor.as_ref() => {
                return Err(ClientError::Decode {
                    message: "the server's list does not end: its cursor repeats".into(),
                    status: 200,
                    source: None,
                });
            }
            Some(next) => self.next = Next::Cursor(next),
            None => {}
        }
        self.page = parts.items.into_iter();
        self.total = parts.total.or(self.total);
        self.columns = parts.columns.or(self.columns.take());
        Ok(true)
    }
}

impl<P: PageBody> Iterator for Items<P> {
    type Item = Result<P::Item, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.load() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
