-- What rowwriter has committed: the truth that the test holds everything against.

-- name: rowwriter_add
INSERT INTO TestWrites (N, Trace) VALUES (:n, :trace);

-- name: rowwriter_last
SELECT COALESCE(MAX(N), 0) AS N FROM TestWrites;
