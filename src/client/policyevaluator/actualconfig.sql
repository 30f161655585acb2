-- The configuration that is in force.

-- name: actualconfig_source     one per site; the newest if a site ever had two
SELECT UniqueId, ContentVersion, ContentType, PolicyID, PolicyVersion, Trace
  FROM CCM_UpdateSource ORDER BY ChangeTime DESC LIMIT 1;

-- name: actualconfig_get
SELECT Value FROM CCM_ActualConfig WHERE ClassName = :class AND Name = :name
 ORDER BY ChangeTime DESC LIMIT 1;

-- name: actualconfig_class_of
SELECT 'CCM_UpdateSource' AS ClassName FROM CCM_UpdateSource WHERE PolicyID = :policy_id
UNION
SELECT ClassName FROM CCM_ActualConfig WHERE PolicyID = :policy_id
LIMIT 1;

-- name: actualconfig_put_source
INSERT INTO CCM_UpdateSource (UniqueId, ContentVersion, ContentType, PolicyID, PolicyVersion,
                              ChangeTime, Cause, Trace)
VALUES (:id, :content_version, :content_type, :policy_id, :policy_version, :now, :cause, :trace);

-- name: actualconfig_put_property
INSERT INTO CCM_ActualConfig (ClassName, Name, Value, PolicyID, ChangeTime, Cause, Trace)
VALUES (:class, :name, :value, :policy_id, :now, :cause, :trace)
ON CONFLICT (ClassName, Name, PolicyID) DO UPDATE SET Value = excluded.Value;

-- name: actualconfig_remove_source
DELETE FROM CCM_UpdateSource WHERE PolicyID = :policy_id OR UniqueId = :id;

-- name: actualconfig_remove_properties
DELETE FROM CCM_ActualConfig WHERE PolicyID = :policy_id;
