-- Everything of the first version. Times are microseconds since 1970; words are those of the API.

create table meta (
    name text primary key,
    value blob not null
) strict, without rowid;

create table setting (
    name text primary key,
    value text not null
) strict, without rowid;

-- What replicas must learn of, in commit order: the head row is the lock that makes it so.
create table change_head (
    id integer primary key check (id = 1),
    version integer not null
) strict;
create table change_log (
    version integer primary key,
    at integer not null,
    kind text not null,
    subject integer
) strict;

create table account (
    id text primary key,
    username text not null unique,
    password_hash text not null,
    role text not null,
    capabilities text not null,
    password_change_required integer not null,
    disabled integer not null,
    created_at integer not null
) strict, without rowid;

create table session (
    token_hash blob primary key,
    account_id text not null references account (id),
    created_at integer not null,
    last_used_at integer not null
) strict, without rowid;

create table api_key (
    id text primary key,
    account_id text not null references account (id),
    name text not null,
    key_hash blob not null unique,
    created_at integer not null,
    last_used_at integer,
    revoked_at integer
) strict, without rowid;

create table enrollment_secret (
    id text primary key,
    name text not null,
    secret_hash blob not null unique,
    max_uses integer,
    uses integer not null,
    created_at integer not null,
    created_by text,
    created_by_name text,
    revoked_at integer
) strict, without rowid;

create table host (
    no integer primary key autoincrement,
    id text not null unique,
    machine_key text not null,
    hostname text not null,
    host_identifier text not null,
    hardware_uuid text not null,
    hardware_serial text not null,
    instance_id text not null,
    platform text,
    os_name text not null,
    os_version text not null,
    arch text not null,
    agent text not null,
    agent_version text not null,
    ip_address text not null,
    enrolled_at integer not null,
    last_seen_at integer not null,
    decommissioned_at integer,
    reenrollment_blocked integer not null,
    clone_seen_at integer
) strict;
-- One living host a machine; decommissioned ones keep their history beside it.
create unique index host_machine on host (machine_key) where decommissioned_at is null;

create table node_key (
    key_hash blob primary key,
    host_no integer not null references host (no),
    created_at integer not null,
    expires_at integer
) strict, without rowid;
create index node_key_host on node_key (host_no);

create table saved_query (
    id text primary key,
    name text not null unique,
    description text not null,
    sql text not null,
    target text not null,
    created_by text not null,
    created_by_name text not null,
    created_at integer not null,
    updated_by text not null,
    updated_by_name text not null,
    updated_at integer not null,
    version integer not null
) strict, without rowid;
create table saved_query_version (
    saved_query_id text not null,
    version integer not null,
    name text not null,
    description text not null,
    sql text not null,
    target text not null,
    updated_by text not null,
    updated_by_name text not null,
    updated_at integer not null,
    primary key (saved_query_id, version)
) strict, without rowid;

-- Launches take this row first: the check for a free slot and the insert are one step.
create table launch_lock (
    id integer primary key check (id = 1),
    launches integer not null
) strict;

create table campaign (
    no integer primary key autoincrement,
    id text not null unique,
    name text not null,
    kind text not null,
    status text not null,
    stop_code text,
    stop_reason text,
    stopped_at integer,
    stopped_by text,
    stopped_by_name text,
    discard_in_flight integer not null,
    stop_grace_minutes integer not null,
    created_at integer not null,
    created_by text not null,
    created_by_name text not null,
    target text not null,
    multi_host integer not null,
    live_window_minutes integer not null,
    live_until integer not null,
    parts integer not null,
    spec text not null,
    spec_sha256 text not null,
    host_row_cap integer not null,
    host_byte_cap integer not null,
    aggregate_row_cap integer not null,
    warnings text not null,
    rows_dropped integer not null,
    revision integer not null,
    next_seq integer not null,
    targeted integer not null,
    responded integer not null,
    pending integer not null,
    offered integer not null,
    late integer not null,
    lost integer not null,
    cancelled integer not null,
    blocked integer not null,
    rejected integer not null,
    with_rows integer not null,
    empty integer not null,
    errors integer not null,
    denylisted integer not null,
    truncated integer not null,
    rows_stored integer not null,
    rows_reported integer not null
) strict;
create index campaign_status on campaign (status, no);

create table campaign_part (
    campaign_no integer not null references campaign (no),
    part integer not null,
    sql text not null,
    primary key (campaign_no, part)
) strict, without rowid;

-- The ledger.
create table assignment (
    campaign_no integer not null,
    host_no integer not null,
    state text not null,
    outcome text,
    late integer not null,
    attempts integer not null,
    offered_at integer,
    responded_at integer,
    parts_answered integer not null,
    row_count integer not null,
    stored_rows integer not null,
    truncated integer not null,
    error text,
    reason text,
    state_changed_at integer not null,
    primary key (campaign_no, host_no)
) strict, without rowid;

create table response (
    campaign_no integer not null,
    host_no integer not null,
    part integer not null,
    seq integer not null,
    received_at integer not null,
    late integer not null,
    outcome text not null,
    row_count integer not null,
    stored_rows integer not null,
    truncated integer not null,
    error text,
    stats text,
    columns text not null,
    primary key (campaign_no, host_no, part)
) strict, without rowid;
create unique index response_seq on response (campaign_no, seq);

-- Rows, compressed; first_row counts from 0 within the response.
create table response_chunk (
    campaign_no integer not null,
    seq integer not null,
    chunk integer not null,
    first_row integer not null,
    row_count integer not null,
    data blob not null,
    primary key (campaign_no, seq, chunk)
) strict;

create table audit_head (
    id integer primary key check (id = 1),
    seq integer not null,
    hash blob not null
) strict;
create table audit (
    seq integer primary key,
    at integer not null,
    actor_id text,
    actor_name text not null,
    actor_role text,
    api_key text,
    address text not null,
    action text not null,
    target_type text not null,
    target_id text,
    target_name text,
    outcome text not null,
    details text not null,
    hash blob not null
) strict;

create table idempotency (
    account_id text not null,
    idempotency_key text not null,
    body_hash blob not null,
    status integer not null,
    response text not null,
    created_at integer not null,
    primary key (account_id, idempotency_key)
) strict, without rowid;

-- Answers to live queries on their way between replicas; rows are removed within minutes.
create table live_relay (
    seq integer primary key autoincrement,
    live_id text not null,
    kind text not null,
    payload text not null,
    created_at integer not null
) strict;

insert into change_head (id, version) values (1, 0);
insert into launch_lock (id, launches) values (1, 0);
insert into audit_head (id, seq, hash) values (1, 0, x'');
