// SPDX-License-Identifier: Apache-2.0
//! Every operation of the API with the right it takes and the name it has in the audit trail: the
//! one list that the gate enforces and the tests compare with the OpenAPI document.

use http::Method;
use mimir_engine::limits::{API_BODY_BYTES_MAX, IMPORT_BODY_BYTES_MAX, PUBLIC_BODY_BYTES_MAX};
use mimir_engine::permission::Action;

/// Who may call an operation at all; finer rules are the use case's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, signed in or not.
    Public,
    /// Anybody who is signed in, one-time password or not.
    SignedIn,
    /// Who may do this.
    Right(Action),
}

/// An operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its method.
    pub method: &'static str,
    /// Its path below `/api/v1`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its name in the audit trail. Changing and exporting operations leave an entry when they
    /// succeed; any operation does when it is refused.
    pub name: &'static str,
}

const fn op(
    method: &'static str,
    path: &'static str,
    access: Access,
    name: &'static str,
) -> Operation {
    Operation { method, path, access, name }
}

use Access::{Public, Right, SignedIn};
use Action::{
    AuditRead, CampaignLaunch, CampaignManage, EnrollmentManage, Export, HostsManage,
    IndicatorDelete, IndicatorWrite, LiveQuery, OwnAccount, Read, SavedQueryWrite, SettingsWrite,
    UsersManage,
};

impl Operation {
    /// Bytes its body may have.
    pub fn body_bytes_max(&self) -> usize {
        match (self.access, self.name) {
            (Public, _) => PUBLIC_BODY_BYTES_MAX,
            (_, "indicator.import") => IMPORT_BODY_BYTES_MAX,
            _ => API_BODY_BYTES_MAX,
        }
    }
}

/// All operations.
pub const OPERATIONS: &[Operation] = &[
    op("POST", "/auth/login", Public, "auth.login"),
    op("POST", "/auth/logout", SignedIn, "auth.logout"),
    op("GET", "/auth/me", SignedIn, "auth.me"),
    op("POST", "/auth/password", SignedIn, "auth.password"),
    op("GET", "/openapi.json", Public, "openapi.read"),
    op("GET", "/settings", Right(Read), "settings.read"),
    op("GET", "/settings/schema", Right(Read), "settings.describe"),
    op("PATCH", "/settings", Right(SettingsWrite), "settings.change"),
    op("GET", "/hosts", Right(Read), "host.list"),
    op("GET", "/hosts/counts", Right(Read), "host.counts"),
    op("GET", "/hosts/{id}", Right(Read), "host.read"),
    op("GET", "/hosts/{id}/campaigns", Right(Read), "host.campaigns"),
    op("POST", "/hosts/{id}/decommission", Right(HostsManage), "host.decommission"),
    op("GET", "/enrollment-secrets", Right(EnrollmentManage), "enrollment_secret.list"),
    op("POST", "/enrollment-secrets", Right(EnrollmentManage), "enrollment_secret.create"),
    op(
        "POST",
        "/enrollment-secrets/{id}/revoke",
        Right(EnrollmentManage),
        "enrollment_secret.revoke",
    ),
    op("POST", "/enrollment-kits", Right(EnrollmentManage), "enrollment_kit.create"),
    op("GET", "/users", Right(UsersManage), "user.list"),
    op("POST", "/users", Right(UsersManage), "user.create"),
    op("GET", "/users/{id}", Right(UsersManage), "user.read"),
    op("PATCH", "/users/{id}", Right(UsersManage), "user.change"),
    op("GET", "/api-keys", Right(OwnAccount), "api_key.list"),
    op("POST", "/api-keys", Right(OwnAccount), "api_key.create"),
    op("POST", "/api-keys/{id}/revoke", Right(OwnAccount), "api_key.revoke"),
    op("GET", "/schema", Right(Read), "schema.read"),
    op("POST", "/targets/count", Right(Read), "target.count"),
    op("POST", "/queries/check", Right(Read), "query.check"),
    op("POST", "/queries/run", Right(LiveQuery), "query.run"),
    op("GET", "/queries/live/{id}", Right(LiveQuery), "query.read"),
    op("GET", "/queries/live/{id}/events", Right(LiveQuery), "query.events"),
    op("POST", "/queries/live/{id}/cancel", Right(LiveQuery), "query.cancel"),
    op("GET", "/saved-queries", Right(Read), "saved_query.list"),
    op("POST", "/saved-queries", Right(SavedQueryWrite), "saved_query.create"),
    op("GET", "/saved-queries/{id}", Right(Read), "saved_query.read"),
    op("PUT", "/saved-queries/{id}", Right(SavedQueryWrite), "saved_query.change"),
    op("DELETE", "/saved-queries/{id}", Right(SavedQueryWrite), "saved_query.delete"),
    op("GET", "/saved-queries/{id}/versions", Right(Read), "saved_query.versions"),
    op("GET", "/indicators", Right(Read), "indicator.list"),
    op("POST", "/indicators", Right(IndicatorWrite), "indicator.create"),
    op("POST", "/indicators/detect", Right(Read), "indicator.detect"),
    op("POST", "/indicators/import", Right(IndicatorWrite), "indicator.import"),
    op("GET", "/indicators/{id}", Right(Read), "indicator.read"),
    op("PATCH", "/indicators/{id}", Right(IndicatorWrite), "indicator.update"),
    op("DELETE", "/indicators/{id}", Right(IndicatorDelete), "indicator.delete"),
    op("POST", "/campaigns", Right(CampaignLaunch), "campaign.launch"),
    op("GET", "/campaigns", Right(Read), "campaign.list"),
    op("GET", "/campaigns/{id}", Right(Read), "campaign.read"),
    op("GET", "/campaigns/{id}/completion", Right(Read), "campaign.completion"),
    op("GET", "/campaigns/{id}/assignments", Right(Read), "campaign.assignments"),
    op("GET", "/campaigns/{id}/pending", Right(Read), "campaign.pending"),
    op("GET", "/campaigns/{id}/responses", Right(Read), "campaign.responses"),
    op("GET", "/campaigns/{id}/responses/{host_id}/rows", Right(Read), "campaign.host_rows"),
    op("GET", "/campaigns/{id}/rows", Right(Read), "campaign.rows"),
    op("GET", "/campaigns/{id}/export", Right(Export), "campaign.export"),
    op("GET", "/campaigns/{id}/events", Right(Read), "campaign.events"),
    op("POST", "/campaigns/{id}/stop", Right(CampaignManage), "campaign.stop"),
    op("POST", "/campaigns/{id}/archive", Right(CampaignManage), "campaign.archive"),
    op("POST", "/campaigns/{id}/unarchive", Right(CampaignManage), "campaign.unarchive"),
    op("POST", "/campaigns/{id}/drop-rows", Right(CampaignManage), "campaign.drop_rows"),
    op("GET", "/audit", Right(AuditRead), "audit.list"),
    op("GET", "/audit/verify", Right(AuditRead), "audit.verify"),
    op("GET", "/dashboard/summary", Right(Read), "dashboard.read"),
];

/// The operation of a request.
pub fn find(method: &Method, path: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|op| op.method == method.as_str() && op.path == path)
}
