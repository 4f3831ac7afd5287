// SPDX-License-Identifier: Apache-2.0
//! A server in this process on a database of its own, and callers of every kind. Requests go
//! through the whole router; only the socket is missing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use mimir_server::app::{App, AppConfig};
use mimir_server::clock::Clock;
use mimir_server::http::gate::SESSION_COOKIE;
use mimir_server::http::router::router;
use mimir_server::listen::ClientAddr;
use mimir_server::secret::{new_token, password_hash, token_hash};
use mimir_store::accounts::{self, Account};
use mimir_store::db::Engine;
use mimir_store::testing::TestDb;
use mimir_store::{DbError, Tx};
use mimir_wire::api::user::{Capability, Role, User};
use mimir_wire::ids::{ApiKeyId, UserId};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::contract;

/// The password of every account that [`Server::account`] makes.
pub const PASSWORD: &str = "correct horse battery staple";
/// The address requests come from, unless a test says otherwise.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Who sends a request, and how it proves that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Not signed in.
    Nobody,
    /// With an API key.
    Key(String),
    /// With a session's token.
    Cookie(String),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as JSON; `null` when it is empty or no JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Reply {
    /// The refusal's code, or nothing.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The JSON, when the status is this one; otherwise the test fails with the whole answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json
    }

    /// Checks that it is this refusal in the one shape of refusals.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], "about:blank");
        assert!(!self.json["detail"].as_str().unwrap().is_empty(), "{}", self.text);
        self.json
    }

    /// Checks that it is `invalid_request` about exactly these members.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) {
        let json = self.refused(422, "invalid_request");
        let errors = json["errors"].as_array().unwrap();
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{json}");
    }

    /// The session's token that the answer sets.
    pub fn session(&self) -> Option<String> {
        let cookie = self.headers.get(header::SET_COOKIE)?.to_str().ok()?;
        let value = cookie.strip_prefix(SESSION_COOKIE)?.strip_prefix('=')?;
        Some(value.split(';').next()?.to_owned())
    }
}

/// A server.
pub struct Server {
    pub app: Arc<App>,
    router: Router,
    // Dropped last: the service must be gone before its database is. A replica borrows another's.
    _db: Option<TestDb>,
}

impl Server {
    /// On SQLite in memory.
    pub fn new() -> Self {
        Self::open(TestDb::migrated_memory(), AppConfig::default())
    }

    /// On this engine.
    pub fn on(engine: Engine) -> Self {
        Self::configured(engine, AppConfig::default())
    }

    /// On this engine, in these surroundings.
    pub fn configured(engine: Engine, config: AppConfig) -> Self {
        Self::open(TestDb::migrated(engine), config)
    }

    fn open(db: TestDb, config: AppConfig) -> Self {
        let opened = App::open(db.db().clone(), Clock::system(), config);
        let app = opened.expect("the service opens on a migrated database");
        let router = router(&app, None);
        Self { app, router, _db: Some(db) }
    }

    /// Another server on the same PostgreSQL database, with connections of its own.
    pub fn replica(&self) -> Self {
        let url = self._db.as_ref().expect("the first server owns the database").url();
        let db = mimir_store::Db::open(url).expect("the database takes more connections");
        let opened = App::open(db, Clock::system(), AppConfig::default());
        let app = opened.expect("the service opens on a database in use");
        let router = router(&app, None);
        Self { app, router, _db: None }
    }

    /// The process ends at once and another one starts on the same database.
    pub fn restart(&mut self) {
        let db = self.app.db.clone();
        let opened = App::open(db, Clock::system(), AppConfig::default());
        self.app = opened.expect("the service opens on a database in use");
        self.router = router(&self.app, None);
    }

    /// Runs `work` in a transaction on the server's database.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        let db = self.app.db.clone();
        tokio::task::spawn_blocking(move || db.write(work)).await.unwrap().unwrap()
    }

    /// Makes an account whose password need not be changed.
    pub async fn account(&self, name: &str, role: Role, capabilities: &[Capability]) -> User {
        // Hashing is slow on purpose, and one hash does for all.
        static HASH: LazyLock<String> = LazyLock::new(|| password_hash(PASSWORD));
        let user = User {
            id: UserId::new(self.app.clock.uuid()),
            username: name.to_owned(),
            role,
            capabilities: capabilities.to_vec(),
            disabled: false,
            password_change_required: false,
            created_at: self.app.clock.now(),
        };
        let account = Account { user: user.clone(), password_hash: HASH.clone() };
        self.write(move |tx| accounts::insert(tx, &account)).await;
        user
    }

    /// A new API key of this account, named after it.
    pub async fn key_of(&self, user: &User) -> Caller {
        let key = new_token("mimir_");
        let (hash, now) = (token_hash(&key), self.app.clock.now());
        let (id, user_id) = (ApiKeyId::new(self.app.clock.uuid()), user.id);
        let name = format!("key of {}", user.username);
        self.write(move |tx| accounts::key_insert(tx, id, user_id, &name, &hash, now)).await;
        Caller::Key(key)
    }

    /// A new session of this account.
    pub async fn session_of(&self, user: &User) -> Caller {
        let token = new_token("");
        let (hash, now, id) = (token_hash(&token), self.app.clock.now(), user.id);
        self.write(move |tx| accounts::session_insert(tx, &hash, id, now)).await;
        Caller::Cookie(token)
    }

    /// An administrator with an API key.
    pub async fn admin(&self) -> Caller {
        let user = self.account("root", Role::Admin, &[]).await;
        self.key_of(&user).await
    }

    /// An operator with an API key.
    pub async fn operator(&self) -> Caller {
        let user = self.account("olga", Role::Operator, &[]).await;
        self.key_of(&user).await
    }

    /// Asks an operation below `/api/v1`.
    pub async fn get(&self, caller: &Caller, path: &str) -> Reply {
        self.send(caller, "GET", path, None).await
    }

    /// Posts JSON to an operation.
    pub async fn post(&self, caller: &Caller, path: &str, body: Value) -> Reply {
        self.send(caller, "POST", path, Some(body)).await
    }

    /// Sends a request to an operation, with a JSON body or none.
    pub async fn send(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        self.raw(self.request(caller, method, path).body(body).unwrap()).await
    }

    /// The beginning of a request, for tests that need other headers or bodies.
    pub fn request(&self, caller: &Caller, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "mimir.test")
            .header(header::CONTENT_TYPE, "application/json")
            .extension(ClientAddr(ADDRESS));
        match caller {
            Caller::Nobody => request,
            Caller::Key(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
            Caller::Cookie(token) => {
                request.header(header::COOKIE, format!("other=1; {SESSION_COOKIE}={token}"))
            }
        }
    }

    /// Sends a request as it is, reads the whole answer, and compares it with the document.
    pub async fn raw(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.stream(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.expect("the body ends well").to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&body).into_owned();
        let reply = Reply { status, headers, json, text };
        contract::check(method.as_str(), &path, &reply);
        reply
    }

    /// Sends a request and leaves the answer's body unread, for those that do not end.
    pub async fn stream(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("the router is infallible")
    }

    /// Enrols a machine as its agent would; answers its node key.
    pub async fn enrol(&self, admin: &Caller, name: &str) -> String {
        let new = json!({"name": format!("for {name}")});
        let secret = self.post(admin, "/enrollment-secrets", new).await.expect(201);
        let body = json!({
            "enroll_secret": secret["secret"],
            "host_identifier": name,
            "platform_type": "9",
            "host_details": {
                "system_info": {"hostname": name, "uuid": format!("uuid-{name}")},
                "os_version": {"name": "Debian", "version": "13"},
            },
        });
        let reply = self.post(&Caller::Nobody, "/osquery/enroll", body).await.expect(200);
        reply["node_key"].as_str().unwrap().to_owned()
    }

    /// What a host is handed when it asks now.
    pub async fn read_work(&self, node_key: &str) -> Value {
        let body = json!({"node_key": node_key});
        self.post(&Caller::Nobody, "/osquery/distributed/read", body).await.json
    }

    /// Id of the host of this name.
    pub async fn host_id(&self, caller: &Caller, name: &str) -> String {
        let hosts = self.get(caller, &format!("/hosts?q={name}")).await.expect(200);
        hosts["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Turns the campaign flag on.
    pub async fn enable_campaigns(&self, admin: &Caller) {
        let patch = json!({"offline_campaigns_enabled": true});
        self.send(admin, "PATCH", "/settings", Some(patch)).await.expect(200);
    }

    /// All audit entries, newest first.
    pub async fn entries(&self) -> Vec<Value> {
        let listed = self.app.db.clone();
        let listed = tokio::task::spawn_blocking(move || {
            let all = mimir_store::audit::Filter::default();
            listed.read(move |tx| mimir_store::audit::list(tx, &all, None, 10_000))
        });
        let entries = listed.await.unwrap().unwrap();
        entries.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect()
    }
}

/// Runs a test on both engines, each on a fresh server.
#[macro_export]
macro_rules! on_both_engines {
    ($name:ident, |$server:ident| $body:expr) => {
        mod $name {
            use super::*;

            async fn check($server: $crate::harness::Server) {
                $body
            }

            #[tokio::test]
            async fn sqlite() {
                check($crate::harness::Server::on(mimir_store::db::Engine::Sqlite)).await;
            }

            #[tokio::test]
            async fn postgres() {
                check($crate::harness::Server::on(mimir_store::db::Engine::Postgres)).await;
            }
        }
    };
}
