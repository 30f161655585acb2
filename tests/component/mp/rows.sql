-- What other programs of the site would write, for the tests of the management point.

-- name: rows_client_state
UPDATE Machines SET State = :state WHERE Name = :name;

-- name: rows_client_count
SELECT COUNT(*) AS n FROM Machines;

-- name: rows_contact
SELECT c.LastContactTime AS t
  FROM MachineContacts c JOIN Machines m ON m.ResourceID = c.ResourceID
 WHERE m.Name = :name;

-- name: rows_rejection
SELECT r.Reason AS reason
  FROM SR_RejectedReports r JOIN Machines m ON m.ResourceID = r.ResourceID
 WHERE m.Name = :name;

-- name: rows_rejections
SELECT r.Rejections AS n
  FROM SR_RejectedReports r JOIN Machines m ON m.ResourceID = r.ResourceID
 WHERE m.Name = :name;

-- name: rows_location    what is noted of the client's last location request
SELECT k.LocationVersion || ' ' || k.LocationURL || '|' || k.LocationReason AS seen
  FROM MachineLinks k JOIN Machines m ON m.ResourceID = k.ResourceID
 WHERE m.Name = :name;

-- name: rows_distribution_point
INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode, IsPullDP, IdentityGUID, Certificate)
VALUES ('["Display=\\P01PDP1.CONTOSO.COM\"]MSWNET:["SMS_SITE=PS1"]\\P01PDP1.CONTOSO.COM\',
        'P01PDP1.CONTOSO.COM', 'PS1', 1, :guid, :certificate);
