// SPDX-License-Identifier: Apache-2.0
//! One of each body of the API, for tests.

pub(crate) const HOST: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000001","hostname":"web-1",
    "host_identifier":"u","hardware_uuid":"u","hardware_serial":"s","platform":"linux",
    "os_name":"Debian","os_version":"13","arch":"x86_64","agent":"osquery",
    "agent_version":"5.23.0","ip_address":"10.0.0.1","status":"online",
    "enrolled_at":"2026-11-01T00:00:00Z","last_seen_at":"2026-11-23T16:59:57Z",
    "decommissioned_at":null,"clone_seen_at":null}"#;

pub(crate) const USER: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada",
    "role":"admin","capabilities":[],"disabled":false,"password_change_required":false,
    "created_at":"2026-11-01T00:00:00Z"}"#;

pub(crate) const CREATED_API_KEY: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000003",
    "name":"ci","user":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "created_at":"2026-11-01T00:00:00Z","last_used_at":null,"revoked_at":null,"key":"mk_1"}"#;

pub(crate) const CREATED_SECRET: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000004",
    "name":"laptops","max_uses":null,"uses":0,"created_at":"2026-11-01T00:00:00Z",
    "created_by":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "revoked_at":null,"secret":"s3cret"}"#;

pub(crate) const SAVED_QUERY: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000005",
    "name":"Ports","description":"","sql":"SELECT 1","target":{"type":"all"},
    "created_by":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "created_at":"2026-11-01T00:00:00Z",
    "updated_by":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "updated_at":"2026-11-01T00:00:00Z","version":1}"#;

pub(crate) const INDICATOR: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000007",
    "type":"domain","value":"evil.bad-host.net","defanged":"evil[.]bad-host[.]net",
    "severity":"high","description":"a drop zone","tags":["case-7"],"source":"manual",
    "active":true,"expired":false,"expires_at":null,"kept_despite":[],
    "created_by":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "created_at":"2026-11-23T16:54:00Z","updated_at":"2026-11-23T16:54:00Z",
    "matched_hosts":2,"last_matched_at":null}"#;

pub(crate) const AUDIT_ENTRY: &str = r#"{"id":"1","at":"2026-11-01T00:00:00Z",
    "actor":{"id":null,"username":"system","role":null,"api_key":null},"address":"",
    "action":"server.start","target":{"type":"server","id":null,"name":null},
    "outcome":"success","details":{},"hash":"00"}"#;

pub(crate) const CAMPAIGN: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000006",
    "name":"Kernels","kind":"osquery","status":"active","complete":false,"stop_code":null,
    "stop_reason":null,"stopped_at":null,"stopped_by":null,"discard_in_flight":false,
    "created_at":"2026-11-23T16:54:00Z",
    "created_by":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"ada"},
    "target":{"type":"all"},"live_window_minutes":10,"live_until":"2026-11-23T17:04:00Z",
    "live":true,"rows_dropped":false,"warnings":[],
    "coverage":{"targeted":2000,"responded":1220,"pending":700,"offered":60,"late":20,"lost":5,
      "cancelled":10,"blocked":3,"rejected":2,"with_rows":300,"empty":900,"errors":18,
      "denylisted":2,"truncated":1,"rows_stored":45000,"rows_reported":52000},
    "frozen":{"sql":"SELECT *\nFROM kernel_info","spec_sha256":"ab12"}}"#;

pub(crate) const ASSIGNMENT: &str = r#"{"host_id":"0193b3a0-0000-7000-8000-000000000001",
    "hostname":"web-1","state":"offered","outcome":null,"late":false,"attempts":1,
    "offered_at":"2026-11-23T16:55:00Z","responded_at":null,"row_count":0,"truncated":false,
    "error":null,"reason":null,"state_changed_at":"2026-11-23T16:55:00Z",
    "host_status":"online","host_last_seen_at":"2026-11-23T16:59:00Z"}"#;

pub(crate) const HOST_CAMPAIGN: &str = r#"{"campaign":{
      "id":"0193b3a0-0000-7000-8000-000000000006","name":"Kernels","kind":"osquery",
      "status":"active","created_at":"2026-11-23T16:54:00Z",
      "live_until":"2026-11-23T17:04:00Z"},
    "state":"responded","outcome":"rows","late":false,"attempts":1,
    "offered_at":"2026-11-23T16:55:00Z","responded_at":"2026-11-23T16:55:10Z","row_count":3,
    "stored_rows":3,"truncated":false,"error":null,"reason":null,
    "state_changed_at":"2026-11-23T16:55:10Z"}"#;

pub(crate) const RESPONSE: &str = r#"{"host_id":"0193b3a0-0000-7000-8000-000000000001",
    "hostname":"web-1","row_count":3,"stored_rows":3,"truncated":false,"late":false,
    "outcome":"rows","error":null,"received_at":"2026-11-23T16:55:10Z","stats":null}"#;
