-- Statements of the tests of src/db.

-- name: things_add
INSERT INTO Things (Name, Number, Size, Data, At, ParentID)
VALUES (:name, :number, :size, :data, :at, :parent);

-- name: things_add_returning
INSERT INTO Things (Name) VALUES (:name) RETURNING ID;

-- name: things_rename
UPDATE Things SET Name = :to WHERE Name = :from;

-- name: things_get
SELECT name, NUMBER, Size, Data, At, ParentID, ID FROM Things WHERE Name = :name;

-- name: things_names
SELECT Name FROM Things ORDER BY Name;

-- name: things_count
SELECT COUNT(*) FROM Things;

-- name: things_bad_table
SELECT Name FROM Nothing;

-- name: things_time_as_number
SELECT Number AS At FROM Things WHERE Name = :name;

-- name: things_fill      a blob that makes the database grow
INSERT INTO Things (Name, Data) VALUES (:name, ZEROBLOB(:size));

-- name: things_fill @pg
INSERT INTO Things (Name, Data) VALUES (:name, DECODE(REPEAT('00', CAST(:size AS INTEGER)), 'hex'));
