// SPDX-License-Identifier: Apache-2.0
//! What all use cases share: the database, the clock, the settings in force, the picture of the
//! fleet, the lane into the ledger.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use mimir_engine::limits::EXPORTS_MAX;
use mimir_sqlguard::{DenyList, Guard};
use mimir_store::db::Engine;
use mimir_store::{Db, DbError, Tx};
use mimir_wire::api::settings::Settings;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::app::changes::ChangeReader;
use crate::app::columns::CampaignColumns;
use crate::app::schema::SchemaDocument;
use crate::clock::{Clock, random};
use crate::fleet::Fleet;
use crate::http::body::BodyBudget;
use crate::http::limits::LoginLimits;
use crate::ingest::Lane;
use crate::live::LiveQueries;
use crate::offer_id::OfferIds;
use crate::problem::{ApiError, ApiResult};
use crate::watch::CampaignWatch;

/// Password hashes computed at once: each takes 19 MiB and a core for tens of milliseconds.
const PASSWORD_HASHES_MAX: usize = 2;
/// Texts checked at once for whoever asks: the worst one takes a core for half a second.
const SQL_CHECKS_MAX: usize = 2;
/// Pages of rows sorted at once: each may look at a million rows.
const SORTS_MAX: usize = 2;

/// What an [`App`] needs to know of its surroundings.
#[derive(Debug, Clone, Default)]
pub struct AppConfig {
    /// `/metrics` answers without an API key.
    pub metrics_public: bool,
    /// The address that agents and browsers use, when it is not the listener's own.
    pub public_url: Option<String>,
    /// The CA certificate (PEM) by which agents know this server.
    pub ca_pem: Option<String>,
    /// Other servers work on the same database, whatever its engine: simulations have several on
    /// one SQLite database. Always so on PostgreSQL.
    pub shared_database: bool,
}

/// The service behind the HTTP surface. One a process; shared.
pub struct App {
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// Surroundings.
    pub config: AppConfig,
    /// The picture of the fleet.
    pub fleet: Fleet,
    /// The lane by which answers and offers reach the ledger.
    pub lane: Lane,
    /// Live queries.
    pub live: LiveQueries,
    /// The SQL guard.
    pub guard: Guard,
    /// Ids of offers.
    pub ids: OfferIds,
    /// Who watches which campaign.
    pub watch: CampaignWatch,
    /// Rate limit of signing in.
    pub login_limits: LoginLimits,
    /// How far this replica has followed the changes.
    pub changes: ChangeReader,
    /// Cancelled when the server stops: held reads and event streams end.
    pub stopping: CancellationToken,
    /// Memory for bodies of the API.
    pub api_bodies: BodyBudget,
    /// One for each export that may be written at the same time.
    pub export_slots: Arc<Semaphore>,
    /// Columns of the campaigns whose rows are being read.
    pub(crate) columns: CampaignColumns,
    pub(crate) password_slots: Semaphore,
    pub(crate) check_slots: Arc<Semaphore>,
    pub(crate) sort_slots: Arc<Semaphore>,
    pub(crate) import_slots: Arc<Semaphore>,
    /// What hosts can be asked, under the deny-list that was in force when it was last wanted.
    pub(crate) schema: ArcSwapOption<SchemaDocument>,
    settings: ArcSwap<Settings>,
    deny: ArcSwap<DenyList>,
}

impl App {
    /// Opens the service on a migrated database and builds the picture of the fleet. Blocking.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open(db: Db, clock: Clock, config: AppConfig) -> Result<Arc<Self>, DbError> {
        let app = Self::open_without_threads(db, clock, config)?;
        let unavailable = |error: std::io::Error| DbError::Unavailable(error.to_string());
        Lane::run(&app).map_err(unavailable)?;
        Ok(app)
    }

    /// As [`App::open`], but nothing happens by itself: whoever opened it drives the lane by
    /// [`crate::ingest::take_turn`] and the jobs by [`crate::jobs::take_turn`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_without_threads(
        db: Db,
        clock: Clock,
        config: AppConfig,
    ) -> Result<Arc<Self>, DbError> {
        let secret = db
            .write(|tx| mimir_store::meta::get_or_insert(tx, "offer_id_secret", &random::<32>()))?;
        let guard = Guard::new().map_err(|error| DbError::Usage(error.to_string()))?;
        let app = Arc::new(Self {
            lane: Lane::new(),
            fleet: Fleet::new(),
            live: LiveQueries::new(),
            guard,
            ids: OfferIds::new(secret),
            watch: CampaignWatch::new(),
            login_limits: LoginLimits::new(),
            changes: ChangeReader::new(),
            stopping: CancellationToken::new(),
            api_bodies: BodyBudget::of_api(),
            export_slots: Arc::new(Semaphore::new(EXPORTS_MAX)),
            columns: CampaignColumns::default(),
            password_slots: Semaphore::new(PASSWORD_HASHES_MAX),
            check_slots: Arc::new(Semaphore::new(SQL_CHECKS_MAX)),
            sort_slots: Arc::new(Semaphore::new(SORTS_MAX)),
            import_slots: Arc::new(Semaphore::new(1)),
            schema: ArcSwapOption::empty(),
            settings: ArcSwap::from_pointee(crate::app::settings::defaults()),
            deny: ArcSwap::from_pointee(DenyList::default()),
            db,
            clock,
            config,
        });
        app.rebuild()?;
        Ok(app)
    }

    /// Whether other servers may work on the same database: what they did must be asked for.
    pub fn is_shared(&self) -> bool {
        self.config.shared_database || self.db.engine() == Engine::Postgres
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// The deny-list in force.
    pub fn deny_list(&self) -> Arc<DenyList> {
        self.deny.load_full()
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        self.deny.store(Arc::new(deny_list(&settings)));
        self.settings.store(Arc::new(settings));
    }

    /// Runs `work` in a read-only snapshot, off the async threads.
    ///
    /// # Errors
    /// Those of `work`, and the database's.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        metrics::counter!("mimir_db_reads_total").increment(1);
        let db = self.db.clone();
        hop(move || db.read(work)).await
    }

    /// Runs `work` in a transaction, off the async threads; answers after the commit is durable
    /// and this replica has followed what it changed.
    ///
    /// # Errors
    /// Those of `work`, and the database's; then nothing was changed.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnMut(&mut Tx<'_>) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        metrics::counter!("mimir_db_writes_total").increment(1);
        let app = Arc::clone(self);
        hop(move || {
            let done = app.db.write(work)?;
            // The change is durable: failing to follow it now must not look like a failure of
            // the change. The periodic check follows it later.
            if let Err(error) = app.follow_changes() {
                tracing::warn!(%error, "could not follow changes");
            }
            Ok(done)
        })
        .await
    }
}

/// The deny-list that settings hold.
pub(crate) fn deny_list(settings: &Settings) -> DenyList {
    let set = |names: &[String]| names.iter().cloned().collect();
    DenyList {
        denied_tables: set(&settings.denied_tables),
        denied_columns: set(&settings.denied_columns),
        denied_functions: set(&settings.denied_functions),
        allowed_extension_tables: set(&settings.allowed_extension_tables),
    }
}

/// Runs blocking work on a thread of its own. A panic there is a failed request, not a crash.
pub(crate) async fn hop<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    match crate::blocking::run(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(error)),
    }
}
