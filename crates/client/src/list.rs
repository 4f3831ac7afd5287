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

/// Items on a page when everything is read; the most the server gives.
const PAGE_ITEMS: u32 = 500;

/// The two shapes of a page.
pub trait PageBody: DeserializeOwned {
    /// What it lists.
    type Item;

    /// The page's items, and the cursor to the next page.
    fn split(self) -> (Vec<Self::Item>, Option<String>);
}

impl<T: DeserializeOwned> PageBody for Page<T> {
    type Item = T;

    fn split(self) -> (Vec<T>, Option<String>) {
        (self.items, self.next_cursor)
    }
}

impl PageBody for RowPage {
    type Item = Map<String, Value>;

    fn split(self) -> (Vec<Self::Item>, Option<String>) {
        (self.items, self.next_cursor)
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
        Items { list: self.clone(), page: Vec::new().into_iter(), next: Next::First }
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
    page: vec::IntoIter<P::Item>,
    next: Next,
}

impl<P: PageBody> Iterator for Items<P> {
    type Item = Result<P::Item, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            let cursor = match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::First => None,
                Next::Cursor(cursor) => Some(cursor),
                Next::Nothing => return None,
            };
            let (items, next) = match self.list.page(Some(PAGE_ITEMS), cursor.as_deref()) {
                Ok(page) => page.split(),
                Err(error) => return Some(Err(error)),
            };
            self.page = items.into_iter();
            match next {
                // A cursor that leads to itself would be followed for ever.
                Some(next) if Some(&next) == cursor.as_ref() => {
                    return Some(Err(ClientError::Decode {
                        message: "the server's list does not end: its cursor repeats".into(),
                        status: 200,
                        source: None,
                    }));
                }
                Some(next) => self.next = Next::Cursor(next),
                None => {}
            }
        }
    }
}
