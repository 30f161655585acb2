-- Groups of distribution points.

-- name: dpgroup_insert
INSERT INTO DPGroups (GroupID, Name, Description, SourceSite, CreatedBy, CreatedOn, ModifiedBy,
                      ModifiedOn, Cause, Trace)
VALUES (:id, :name, :description, :site, :user, :now, :user, :now, :cause, :trace);

-- name: dpgroup_update
UPDATE DPGroups
   SET Name = :name, Description = :description, ModifiedBy = :user, ModifiedOn = :now,
       Cause = :cause, Trace = :trace
 WHERE GroupID = :id;

-- name: dpgroup_delete
DELETE FROM DPGroups WHERE GroupID = :id;

-- name: dpgroup_find
SELECT GroupID, Name, Description, SourceSite, CreatedBy, CreatedOn, Cause, Trace
  FROM DPGroups
 WHERE GroupID = :key OR LOWER(Name) = LOWER(:key);

-- name: dpgroup_members
SELECT DPNALPath FROM DPGroupMembers WHERE GroupID = :id ORDER BY DPNALPath;

-- name: dpgroup_packages
SELECT PkgID FROM DPGroupPackages WHERE GroupID = :id ORDER BY PkgID;

-- name: dpgroup_add_member
INSERT INTO DPGroupMembers (GroupID, DPNALPath) VALUES (:id, :nal)
ON CONFLICT (GroupID, DPNALPath) DO NOTHING;

-- name: dpgroup_remove_member
DELETE FROM DPGroupMembers WHERE GroupID = :id AND DPNALPath = :nal;

-- name: dpgroup_add_package
INSERT INTO DPGroupPackages (GroupID, PkgID) VALUES (:id, :pkg_id)
ON CONFLICT (GroupID, PkgID) DO NOTHING;

-- name: dpgroup_remove_package
DELETE FROM DPGroupPackages WHERE GroupID = :id AND PkgID = :pkg_id;

-- name: dpgroup_others      how many other groups give the package to that distribution point
SELECT COUNT(*) AS Others
  FROM DPGroupPackages p
  JOIN DPGroupMembers m ON m.GroupID = p.GroupID
 WHERE p.PkgID = :pkg_id AND m.DPNALPath = :nal AND p.GroupID <> :id;
