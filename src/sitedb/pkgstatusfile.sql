-- Status files that Distribution Manager has not stored yet.

-- name: pkgstatusfile_keep
INSERT INTO PkgStatusFiles (FileName, Body) VALUES (:name, :body);

-- name: pkgstatusfile_forget
DELETE FROM PkgStatusFiles WHERE FileName = :name;

-- name: pkgstatusfile_list
SELECT FileName, Body FROM PkgStatusFiles ORDER BY FileName;

-- name: pkgstatusfile_body
SELECT Body FROM PkgStatusFiles WHERE FileName = :name;
