-- Indicators of compromise. Hunts and alerts keep copies of what they need, so that an indicator
-- can be deleted. `tags` has each tag on a line of its own, with a line feed before and behind.
create table indicator (
    no integer primary key autoincrement,
    id text not null unique,
    kind text not null,
    value text not null,
    severity text not null,
    description text not null,
    tags text not null,
    source text not null,
    active integer not null,
    expires_at integer,
    kept_despite text not null,
    created_by text not null,
    created_by_name text not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index indicator_value on indicator (value, kind);
