-- name in processes: [1, 2, 3] on linux, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.name = w.v OR substr(p.path, -length(w.v) - 1) = '/' || w.v

-- name in processes: [1, 2, 3] on darwin
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.name = w.v COLLATE NOCASE OR substr(p.path, -length(w.v) - 1) = '/' || w.v COLLATE NOCASE

-- name in processes: [1, 2, 3] on windows
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'processes' AS mimir_table, '' AS mimir_not_assessed, p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.name = w.v COLLATE NOCASE OR substr(p.path, -length(w.v) - 1) = '\' || w.v COLLATE NOCASE

-- name in file: [1, 2, 3] on linux, linux+mimir-agent
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = w.v WHERE (path LIKE '/home/%/Downloads/%' OR path LIKE '/home/%/Desktop/%' OR path LIKE '/root/%' OR path LIKE '/tmp/%' OR path LIKE '/var/tmp/%' OR path LIKE '/dev/shm/%')

-- name in file: [1, 2, 3] on darwin
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = w.v COLLATE NOCASE WHERE (path LIKE '/Users/%/Downloads/%' OR path LIKE '/Users/%/Desktop/%' OR path LIKE '/Users/Shared/%' OR path LIKE '/private/tmp/%' OR path LIKE '/private/var/tmp/%' OR path LIKE '/Library/LaunchAgents/%' OR path LIKE '/Library/LaunchDaemons/%')

-- name in file: [1, 2, 3] on windows
WITH wanted(n, v) AS (VALUES (1, 'evil.exe'), (2, 'it''s.exe'), (3, '100%_sure.exe')) SELECT w.n AS mimir_indicator, 'file' AS mimir_table, '' AS mimir_not_assessed, f.path, f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = w.v COLLATE NOCASE WHERE (path LIKE 'C:\Users\%\Downloads\%' OR path LIKE 'C:\Users\%\Desktop\%' OR path LIKE 'C:\Users\%\AppData\Local\Temp\%' OR path LIKE 'C:\Users\%\AppData\Roaming\%' OR path LIKE 'C:\Users\Public\%' OR path LIKE 'C:\Windows\Temp\%' OR path LIKE 'C:\ProgramData\%')

-- not on other: filename [1, 2, 3]: The tables of this platform are not known.
-- not on darwin+mimir-agent: filename [1, 2, 3]: mimir-agent has tables for Linux only.
-- not on windows+mimir-agent: filename [1, 2, 3]: mimir-agent has tables for Linux only.
-- not on other+mimir-agent: filename [1, 2, 3]: The tables of this platform are not known.
