-- Notifications of a pull distribution point, until the pull component has made jobs of them.

-- name: pullnotification_drop
DELETE FROM SMS_PullDPNotification WHERE PackageID = :package_id AND Version = :version;

-- name: pullnotification_add
INSERT INTO SMS_PullDPNotification (PackageID, Version, Notification, ReceivedTime, Cause, Trace)
VALUES (:package_id, :version, :notification, :now, 'notify', :trace);

-- name: pullnotification_count
SELECT COUNT(*) FROM SMS_PullDPNotification WHERE PackageID <> :package_id;

-- name: pullnotification_stored
SELECT COUNT(*) FROM SMS_PullDPNotification WHERE PackageID = :package_id;
