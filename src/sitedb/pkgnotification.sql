-- PkgNotification: something about a package has changed; the row wakes smsdbmon and goes when it
-- has told Distribution Manager.

-- name: pkgnotification_add      DIST-008
INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey) VALUES (:pkg_id, 2, :type, :now);

-- name: pkgnotification_remove_told      rows whose own notice is still to come stay
DELETE FROM PkgNotification
 WHERE PkgID = :pkg_id
   AND NOT EXISTS (SELECT 1 FROM ChangeLog
                    WHERE Notice = 'PkgNotify_Add' AND Value = :pkg_id AND Seq > :seq);
