-- The steps of the schema that have run.

-- name: migrate_table_exists
SELECT COUNT(*) AS Found FROM sqlite_master WHERE type = 'table' AND name = 'SchemaSteps';

-- name: migrate_table_exists @pg
SELECT COUNT(*) AS Found FROM pg_class WHERE relkind = 'r' AND relname = 'schemasteps';

-- name: migrate_table
CREATE TABLE IF NOT EXISTS SchemaSteps (
  Number INTEGER PRIMARY KEY, Name TEXT NOT NULL, AppliedTime TEXT NOT NULL);

-- name: migrate_number
SELECT COALESCE(MAX(Number), 0) AS Number FROM SchemaSteps;

-- name: migrate_name
SELECT Name FROM SchemaSteps WHERE Number = :number;

-- name: migrate_record
INSERT INTO SchemaSteps (Number, Name, AppliedTime) VALUES (:number, :name, :now)
ON CONFLICT (Number) DO UPDATE SET Name = excluded.Name, AppliedTime = excluded.AppliedTime;
