-- address in process_open_sockets: [1] on linux, darwin, windows, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (1, '1.2.3.4')) SELECT w.n AS mimir_indicator, 'process_open_sockets' AS mimir_table, '' AS mimir_not_assessed, s.pid, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state FROM process_open_sockets s CROSS JOIN wanted w ON s.remote_address IN (w.v, '::ffff:' || w.v)

-- address in socket_events: [1] on linux, darwin
WITH wanted(n, v) AS (VALUES (1, '1.2.3.4')) SELECT w.n AS mimir_indicator, 'socket_events' AS mimir_table, '' AS mimir_not_assessed, e.time, e.action, e.pid, e.path, e.local_address, e.local_port, e.remote_address, e.remote_port FROM socket_events e CROSS JOIN wanted w ON e.remote_address IN (w.v, '::ffff:' || w.v) WHERE e.time > 0

-- domain in etc_hosts: [2] on linux, darwin, windows, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (2, 'evil-site.com')) SELECT w.n AS mimir_indicator, 'etc_hosts' AS mimir_table, '' AS mimir_not_assessed, h.address, h.hostnames FROM etc_hosts h CROSS JOIN wanted w ON instr(' ' || lower(h.hostnames) || ' ', ' ' || w.v || ' ') > 0 OR instr(lower(h.hostnames) || ' ', '.' || w.v || ' ') > 0

-- domain in dns_cache: [2] on windows
WITH wanted(n, v) AS (VALUES (2, 'evil-site.com')) SELECT w.n AS mimir_indicator, 'dns_cache' AS mimir_table, '' AS mimir_not_assessed, d.name, d.type FROM dns_cache d CROSS JOIN wanted w ON lower(d.name) = w.v OR substr(lower(d.name), -length(w.v) - 1) = '.' || w.v

-- domain in dns_lookup_events: [2] on windows
WITH wanted(n, v) AS (VALUES (2, 'evil-site.com')) SELECT w.n AS mimir_indicator, 'dns_lookup_events' AS mimir_table, '' AS mimir_not_assessed, d.datetime, d.pid, d.path, d.username, d.name, d.type, d.response FROM dns_lookup_events d CROSS JOIN wanted w ON lower(d.name) = w.v OR substr(lower(d.name), -length(w.v) - 1) = '.' || w.v WHERE d.time > 0

-- domain in processes: [2] on linux, darwin, windows, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (2, 'evil-site.com')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON instr(lower(p.cmdline), w.v) > 0 AND (' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || w.v || '[^a-z0-9_.-]*' OR ' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || w.v || '.[^a-z0-9_-]*')

-- not on linux: url [3]: URLs are context only; no table of a host has them.
-- not on darwin: url [3]: URLs are context only; no table of a host has them.
-- not on windows: url [3]: URLs are context only; no table of a host has them.
-- not on other: ipv4 [1]: The tables of this platform are not known.
-- not on other: domain [2]: The tables of this platform are not known.
-- not on other: url [3]: URLs are context only; no table of a host has them.
-- not on linux+mimir-agent: url [3]: URLs are context only; no table of a host has them.
-- not on darwin+mimir-agent: ipv4 [1]: mimir-agent has tables for Linux only.
-- not on darwin+mimir-agent: domain [2]: mimir-agent has tables for Linux only.
-- not on darwin+mimir-agent: url [3]: URLs are context only; no table of a host has them.
-- not on windows+mimir-agent: ipv4 [1]: mimir-agent has tables for Linux only.
-- not on windows+mimir-agent: domain [2]: mimir-agent has tables for Linux only.
-- not on windows+mimir-agent: url [3]: URLs are context only; no table of a host has them.
-- not on other+mimir-agent: ipv4 [1]: The tables of this platform are not known.
-- not on other+mimir-agent: domain [2]: The tables of this platform are not known.
-- not on other+mimir-agent: url [3]: URLs are context only; no table of a host has them.
