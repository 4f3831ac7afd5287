-- path in processes: [1] on linux, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (1, '/tmp/evil')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path = w.v

-- path in processes: [1] on darwin
WITH wanted(n, v) AS (VALUES (1, '/tmp/evil')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path = w.v COLLATE NOCASE

-- path in processes: [3, 5] on windows
WITH wanted(n, v) AS (VALUES (3, 'C:\it''s\a.exe'), (5, '\\srv\s\a.exe')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path = w.v COLLATE NOCASE

-- path in processes: [2] on linux, darwin, linux+mimir-agent
WITH wanted(n, p, v) AS (VALUES (2, '/home/%/.evil/a_b', '/.evil/a_b'), (2, '/root/.evil/a_b', '/.evil/a_b'), (2, '/Users/%/.evil/a_b', '/.evil/a_b')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path LIKE w.p AND substr(p.path, -length(w.v)) = w.v COLLATE NOCASE

-- path in processes: [4] on windows
WITH wanted(n, p, v) AS (VALUES (4, 'C:\Users\%\AppData\Local\Temp\a.exe', '\a.exe'), (4, 'C:\Windows\Temp\a.exe', '\a.exe')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path LIKE w.p AND substr(p.path, -length(w.v)) = w.v COLLATE NOCASE

-- path in file: [1] on linux, darwin, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (1, '/tmp/evil')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path = w.v

-- path in file: [3] on windows
WITH wanted(n, v) AS (VALUES (3, 'C:\it''s\a.exe')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path = w.v

-- path in file: [2] on linux, darwin, linux+mimir-agent
WITH wanted(n, p, v) AS (VALUES (2, '/home/%/.evil/a_b', '/.evil/a_b'), (2, '/root/.evil/a_b', '/.evil/a_b'), (2, '/Users/%/.evil/a_b', '/.evil/a_b')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path LIKE w.p AND substr(f.path, -length(w.v)) = w.v COLLATE NOCASE

-- path in file: [4] on windows
WITH wanted(n, p, v) AS (VALUES (4, 'C:\Users\%\AppData\Local\Temp\a.exe', '\a.exe'), (4, 'C:\Windows\Temp\a.exe', '\a.exe')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path LIKE w.p AND substr(f.path, -length(w.v)) = w.v COLLATE NOCASE

-- not on linux: filepath [3, 4, 5]: A path of Windows cannot exist there.
-- not on darwin: filepath [3, 4, 5]: A path of Windows cannot exist there.
-- not on windows: filepath [1, 2]: A path that begins with `/` cannot exist on Windows.
-- not on other: filepath [1, 2, 3, 4, 5]: The tables of this platform are not known.
-- not on linux+mimir-agent: filepath [3, 4, 5]: A path of Windows cannot exist there.
-- not on darwin+mimir-agent: filepath [1, 2, 3, 4, 5]: mimir-agent has tables for Linux only.
-- not on windows+mimir-agent: filepath [1, 2, 3, 4, 5]: mimir-agent has tables for Linux only.
-- not on other+mimir-agent: filepath [1, 2, 3, 4, 5]: The tables of this platform are not known.
