-- Packages, through the view over their global and their local part (90-tables 4.1).

-- name: package_take_number      DIST-005
INSERT INTO PkgCounter (SiteCode, LastNumber) VALUES (:site, 1)
ON CONFLICT (SiteCode) DO UPDATE SET LastNumber = PkgCounter.LastNumber + 1
RETURNING LastNumber;

-- name: package_leap_numbers      after a restore: above every number that was given out
INSERT INTO PkgCounter (SiteCode, LastNumber)
SELECT s.SiteCode, :number FROM Sites s WHERE s.SiteCode <> ''
ON CONFLICT (SiteCode) DO UPDATE
   SET LastNumber = CASE WHEN PkgCounter.LastNumber < :number THEN :number
                         ELSE PkgCounter.LastNumber + :stride END;

-- name: package_leap_versions      likewise of each package's versions
INSERT INTO PkgLeastVersions (PkgID, Version)
SELECT l.PkgID, :version FROM SMSPackages_L l WHERE l.PkgID <> ''
ON CONFLICT (PkgID) DO UPDATE
   SET Version = CASE WHEN PkgLeastVersions.Version < :version THEN :version
                      ELSE PkgLeastVersions.Version + 1 END;

-- name: package_least_version      0: any
SELECT COALESCE(MAX(Version), 0) AS Version FROM PkgLeastVersions WHERE PkgID = :id;

-- name: package_insert      DIST-006
INSERT INTO SMSPackages (PkgID, Name, Version, Language, Manufacturer, Description, ISVString, Hash,
        NewHash, Source, SourceSite, StoredPkgPath, RefreshSchedule, LastRefresh, StoredPkgVersion,
        ShareName, PreferredAddress, StorePkgFlag, ShareType, HashVersion, Architecture, ImagePath,
        Permission, UseForcedDisconnect, ForcedRetryDelay, DisconnectDelay, IgnoreSchedule, Priority,
        PkgFlags, MIFFilename, MIFPublisher, MIFName, MIFVersion, SourceVersion, SourceDate,
        SourceSize, SourceCompSize, ImageFlags, PackageType, AlternateContentProviders,
        SourceLocaleID, TransformReadiness, TransformAnalysisDate, UpdateMask, UpdateMaskEx, Action,
        DefaultImage, Cause, Trace)
VALUES (:id, :name, :version, :language, :manufacturer, :description, '', '', '', :source,
        :source_site, '', '', '1970-04-10T06:35:00.000Z', 0, '', '', 2, 1, 1, '', '', 15, 0, 2, 5, 0,
        :priority, :flags, '', '', '', '', 1, :now, 0, 0, 0, :type, '', 1033, 0,
        '1980-01-01T00:00:00.000Z', 0, 0, 2, 0, :cause, :trace);

-- name: package_change      another source must be read; a pending addition or deletion stays one
UPDATE SMSPackages
   SET Name = :name, Version = :version, Language = :language, Manufacturer = :manufacturer,
       Description = :description, Priority = :priority,
       UpdateMask = CASE WHEN Source <> :source THEN 32 ELSE UpdateMask END,
       UpdateMaskEx = CASE WHEN Source <> :source THEN 8388608 ELSE UpdateMaskEx END,
       SourceDate = CASE WHEN Source <> :source THEN :now ELSE SourceDate END,
       Source = :source, Action = CASE WHEN Action IN (2, 3) THEN Action ELSE 1 END, Cause = :cause,
       Trace = :trace
 WHERE PkgID = :id;

-- name: package_refresh      DIST-137; a package that was never stored is still to be added
UPDATE SMSPackages
   SET Source = Source, StoredPkgVersion = StoredPkgVersion, UpdateMask = 32, UpdateMaskEx = 8388608,
       Action = CASE WHEN Action IN (2, 3) THEN Action ELSE 1 END, Cause = :cause, Trace = :trace
 WHERE PkgID = :id;

-- name: package_ask_delete
UPDATE SMSPackages SET Action = 3, Cause = :cause, Trace = :trace WHERE PkgID = :id;

-- name: package_load
SELECT PkgID, Name, Version, Language, Manufacturer, Description, NewHash, Source, SourceSite,
       StoredPkgPath, PreferredAddress, ShareName, Priority, PackageType, PkgFlags, ShareType,
       StorePkgFlag, SourceVersion, StoredPkgVersion, SourceDate, SourceSize, LastRefresh,
       UpdateMask, UpdateMaskEx, Action, Cause, Trace
  FROM SMSPackages
 WHERE PkgID = :id;

-- name: package_list
SELECT PkgID, Name, Version, Language, Manufacturer, Description, NewHash, Source, SourceSite,
       StoredPkgPath, PreferredAddress, ShareName, Priority, PackageType, PkgFlags, ShareType,
       StorePkgFlag, SourceVersion, StoredPkgVersion, SourceDate, SourceSize, LastRefresh,
       UpdateMask, UpdateMaskEx, Action, Cause, Trace
  FROM SMSPackages
 ORDER BY PkgID;

-- name: package_list_pending
SELECT l.PkgID
  FROM SMSPackages_L l
 WHERE l.Action <> 0
    OR EXISTS (SELECT 1 FROM PkgServers_L s
                WHERE s.PkgID = l.PkgID AND s.SiteCode = :site AND s.Action <> 0)
 ORDER BY l.PkgID;

-- name: package_begin      OQ-D45
UPDATE SMSPackages_L SET UpdateMaskEx = UpdateMaskEx - 8388608
 WHERE PkgID = :id AND UpdateMaskEx >= 8388608;

-- name: package_store_source      DIST-024
UPDATE SMSPackages_G
   SET SourceVersion = :version, SourceDate = :now, SourceSize = :size, Hash = :hash,
       NewHash = :hash, Cause = :cause, Trace = :trace
 WHERE PkgID = :id;

-- name: package_store_local      a refresh that was asked for meanwhile keeps its mark
UPDATE SMSPackages_L
   SET StoredPkgVersion = :version, LastRefresh = :now,
       UpdateMask = CASE WHEN UpdateMaskEx >= 8388608 THEN UpdateMask ELSE 0 END, Cause = :cause,
       Trace = :trace
 WHERE PkgID = :id;

-- name: package_done
UPDATE SMSPackages_L SET Action = 0, UpdateMask = 0
 WHERE PkgID = :id AND Action <> 3 AND UpdateMaskEx < 8388608;

-- name: package_done_adding      what was to be added is there; the refresh asked for is an update
UPDATE SMSPackages_L SET Action = 1
 WHERE PkgID = :id AND Action = 2 AND StoredPkgVersion > 0 AND UpdateMaskEx >= 8388608;

-- name: package_set_cause
UPDATE SMSPackages_G SET Cause = :cause, Trace = :trace WHERE PkgID = :id AND Cause <> :cause;

-- name: package_delete_responses
DELETE FROM PullDPResponse WHERE PkgStatusID IN (SELECT PKID FROM PkgStatus WHERE ID = :id);

-- name: package_delete_status
DELETE FROM PkgStatus WHERE ID = :id;

-- name: package_delete_servers
DELETE FROM PkgServers WHERE PkgID = :id;

-- name: package_delete_holders
DELETE FROM ContentDPMap
 WHERE ContentID = :id
    OR ContentID IN (SELECT c.ContentID FROM PkgContents c WHERE c.PkgID = :id);

-- name: package_delete_contents
DELETE FROM PkgContents WHERE PkgID = :id;

-- name: package_delete_jobs
DELETE FROM DistributionJobs WHERE PkgID = :id;

-- name: package_delete_groups
DELETE FROM DPGroupPackages WHERE PkgID = :id;

-- name: package_delete_least_version
DELETE FROM PkgLeastVersions WHERE PkgID = :id;

-- name: package_delete
DELETE FROM SMSPackages WHERE PkgID = :id;
