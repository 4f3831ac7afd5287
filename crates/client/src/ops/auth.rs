// SPDX-License-Identifier: Apache-2.0
//! Signing in with a password (what the console does) and asking who one is.

use mimir_wire::api::auth::{LoginRequest, PasswordRequest, Session};

use super::API;
use crate::error::ClientError;
use crate::transport::Client;

impl Client {
    /// Signs in; this client and its clones then speak with the session's cookie.
    ///
    /// # Errors
    /// See [`ClientError`]; `unauthenticated` for a wrong name or password.
    pub fn login(&self, username: &str, password: &str) -> Result<Session, ClientError> {
        let body = LoginRequest { username: username.into(), password: password.into() };
        self.call("POST", &format!("{API}/auth/login"), Some(&body))
    }

    /// Signs out.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn logout(&self) -> Result<(), ClientError> {
        self.exchange("POST", &format!("{API}/auth/logout"), &[], None::<&()>).map(drop)
    }

    /// Who speaks.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn me(&self) -> Result<Session, ClientError> {
        self.get(&format!("{API}/auth/me"))
    }

    /// Changes the password of who is signed in.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn change_password(&self, current: &str, new: &str) -> Result<(), ClientError> {
        let body = PasswordRequest { current: current.into(), new: new.into() };
        self.exchange("POST", &format!("{API}/auth/password"), &[], Some(&body)).map(drop)
    }
}
