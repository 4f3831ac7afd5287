-- registry in registry: [2] on windows
WITH wanted(n, k, v) AS (VALUES (2, 'HKEY_LOCAL_MACHINE\SOFTWARE', 'Evil')) SELECT w.n AS mimir_indicator, 'registry' AS mimir_table, '' AS mimir_not_assessed, r.key, r.name, r.type, r.data, r.mtime FROM wanted w CROSS JOIN registry r ON r.key = w.k AND r.name = w.v COLLATE NOCASE

-- registry in registry: [1] on windows
WITH wanted(n, k, e, v) AS (VALUES (1, 'HKEY_USERS\%\Software\Evil', '\Software\Evil', 'Run')) SELECT w.n AS mimir_indicator, 'registry' AS mimir_table, '' AS mimir_not_assessed, r.key, r.name, r.type, r.data, r.mtime FROM wanted w CROSS JOIN registry r ON r.key LIKE w.k AND substr(r.key, -length(w.e)) = w.e COLLATE NOCASE AND r.name = w.v COLLATE NOCASE

-- not on linux: registry_key [1, 2, 3]: Only Windows has a registry.
-- not on darwin: registry_key [1, 2, 3]: Only Windows has a registry.
-- not on windows: registry_key [3]: No part of the registry holds it.
-- not on other: registry_key [1, 2, 3]: The tables of this platform are not known.
-- not on linux+mimir-agent: registry_key [1, 2, 3]: Only Windows has a registry.
-- not on darwin+mimir-agent: registry_key [1, 2, 3]: mimir-agent has tables for Linux only.
-- not on windows+mimir-agent: registry_key [1, 2, 3]: mimir-agent has tables for Linux only.
-- not on other+mimir-agent: registry_key [1, 2, 3]: The tables of this platform are not known.
