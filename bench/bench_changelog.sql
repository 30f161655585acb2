-- name: bench_changelog_insert
INSERT INTO PkgNotification (PkgID, Type, TimeKey) VALUES (:n, 1, '');
