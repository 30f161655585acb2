-- The views of packages, distribution points and groups (53-database 6, 7). What the product has and
-- Upkeep has not (clouds, PXE, multicast) is 0 or empty; columns of ours stand behind the product's.

-- A package on a distribution point: what is wished, what is there, and the job on the way. All
-- below is made of this one. State is that of SMS_PackageStatusDistPointsSummarizer (52, section 8):
-- a failure speaks for the version that is wished, so one of an update counts although the old
-- version still serves; one that is being tried again is none any more.
CREATE VIEW vUPK_PackageOnDP AS
  SELECT g.PkgID, g.NALPath, g.SiteCode, g.SiteName, g.SourceSite, d.DPID, d.ServerName,
         COALESCE(d.IsPullDP, 0) AS IsPullDP, p.Name, p.PackageType, p.SourceVersion,
         l2.StoredPkgVersion, p.SourceDate, l.Action, l.RefreshTrigger, l.LastRefresh,
         COALESCE(s.Status, 0) AS Status, COALESCE(s.SourceVersion, 0) AS InstalledVersion,
         s.UpdateTime, COALESCE(s.Percent, 0) AS Percent, COALESCE(s.ErrorText, '') AS ErrorText,
         s.ValidatedTime, COALESCE(s.DamagedFiles, 0) AS DamagedFiles, s.HTTPUrl,
         j.JobID, j.State AS JobState, j.Action AS JobAction, j.PackageVersion AS JobVersion,
         j.SendAction, j.StartTime, j.ReStartTime, j.LastUpdateTime, j.RetryCount,
         j.TotalSize, j.RemainingSize, j.BytesSent, j.LastError AS JobError, j.Way, j.Attempts,
         j.Polls, j.Priority AS JobPriority,
         CASE WHEN l.Action = 3 AND s.Status = 9 THEN 5
              WHEN l.Action = 3 AND s.Status = 8 THEN 6
              WHEN l.Action = 3 THEN 4
              WHEN j.State IN (6, 7)
                OR s.Status = 5 AND j.JobID IS NULL AND l.Action NOT IN (1, 2, 4) THEN 3
              WHEN j.State = 4 AND COALESCE(j.SendAction, '') = '' OR s.Status = 4 THEN 2
              WHEN l.Action IN (1, 2) OR j.JobID IS NOT NULL OR COALESCE(s.Status, 0) <> 3
                OR s.SourceVersion < l2.StoredPkgVersion
              THEN CASE WHEN COALESCE(s.SourceVersion, 0) > 0 THEN 7 ELSE 1 END
              WHEN l.Action = 4 THEN 8
              ELSE 0 END AS State,
         COALESCE(j.Cause, CASE WHEN l.Action <> 0 THEN l.Cause ELSE COALESCE(s.Cause, l.Cause) END)
           AS Cause,
         COALESCE(j.Trace, CASE WHEN l.Action <> 0 THEN l.Trace ELSE COALESCE(s.Trace, l.Trace) END)
           AS Trace
    FROM PkgServers_G g
    JOIN PkgServers_L l ON l.PkgID = g.PkgID AND l.NALPath = g.NALPath AND l.SiteCode = g.SiteCode
    JOIN SMSPackages_G p ON p.PkgID = g.PkgID
    JOIN SMSPackages_L l2 ON l2.PkgID = g.PkgID
    LEFT JOIN DistributionPoints d ON d.NALPath = g.NALPath
    LEFT JOIN PkgStatus s ON s.ID = g.PkgID AND s.Type = 2 AND s.SiteCode = g.SiteCode
          AND s.PkgServer = g.NALPath
    LEFT JOIN DistributionJobs j ON j.JobID = (SELECT MAX(x.JobID) FROM DistributionJobs x
           WHERE x.DPID = d.DPID AND x.PkgID = g.PkgID AND x.Action <> 5);

-- The same with its state in words and in the groups of MessageState: 1 good, 2 under way, 4 not.
CREATE VIEW vUPK_PackageOnDPState AS
  SELECT o.*,
         CASE WHEN o.State = 0 THEN 1 WHEN o.State IN (2, 3, 5, 6) THEN 4 ELSE 2 END AS StateGroup,
         CASE o.State WHEN 0 THEN 'Package Installation complete'
              WHEN 1 THEN 'Waiting to install package'
              WHEN 2 THEN 'Retrying package installation'
              WHEN 3 THEN 'Package installation failed'
              WHEN 4 THEN 'Waiting to remove package'
              WHEN 5 THEN 'Retrying package removal'
              WHEN 6 THEN 'Package removal failed'
              WHEN 7 THEN 'Content updating'
              ELSE 'Content monitoring' END AS StateName
    FROM vUPK_PackageOnDP o;

-- The newest status message of a package on a distribution point (attributes 400 and 404).
CREATE VIEW vUPK_PackageOnDPMessage AS
  SELECT k.AttributeValue AS PkgID, n.AttributeValue AS NALPath, MAX(k.RecordID) AS RecordID
    FROM StatusMessageAttributes k
    JOIN StatusMessageAttributes n ON n.RecordID = k.RecordID AND n.AttributeID = 404
   WHERE k.AttributeID = 400
   GROUP BY k.AttributeValue, n.AttributeValue;

-- ---- packages

CREATE VIEW v_Package AS
  SELECT p.Action AS ActionInProgress, p.Description, p.DisconnectDelay AS ForcedDisconnectDelay,
         p.UseForcedDisconnect AS ForcedDisconnectEnabled,
         p.ForcedRetryDelay AS ForcedDisconnectNumRetries,
         p.IgnoreSchedule AS IgnoreAddressSchedule, p.ImageFlags, p.Language,
         p.LastRefresh AS LastRefreshTime, p.Manufacturer, p.MIFFilename, p.MIFName,
         p.MIFPublisher, p.MIFVersion, p.Name,
         CASE p.PackageType WHEN 0 THEN 2 WHEN 3 THEN 23 WHEN 4 THEN 20 WHEN 5 THEN 24 WHEN 6 THEN 21
              WHEN 8 THEN 31 WHEN 257 THEN 18 WHEN 258 THEN 19 WHEN 259 THEN 14 ELSE 2 END
           AS ObjectTypeID,
         p.PkgID AS PackageID, p.PackageType, p.PkgFlags, p.StorePkgFlag AS PkgSourceFlag,
         p.Source AS PkgSourcePath, '' AS PreDownloadRule,
         p.PreferredAddress AS PreferredAddressType, p.Priority, p.PkgID AS SecurityKey,
         p.ShareName, p.ShareType, p.SourceDate, p.SourceSite, p.SourceVersion, p.StoredPkgPath,
         p.TransformAnalysisDate, p.TransformReadiness, p.Version,
         p.StoredPkgVersion, p.SourceSize, p.NewHash, p.Cause, p.Trace
    FROM SMSPackages p;

CREATE VIEW v_SmsPackage AS
  SELECT p.Action, p.AlternateContentProviders, p.Architecture, '' AS CryptoExtInfo, p.DefaultImage,
         p.Description, p.DisconnectDelay, 0 AS EncryptionAlgorithm, p.ForcedRetryDelay, p.Hash,
         p.HashVersion, p.IgnoreSchedule, p.ImageFlags, p.ImagePath, 0 AS IsPredefinedPackage,
         p.ISVString, p.Language, p.LastRefresh, p.Manufacturer, p.MIFFilename, p.MIFName,
         p.MIFPublisher, p.MIFVersion, p.Name, p.NewHash, 0 AS NumOfPrograms, p.PackageType,
         p.Permission, p.PkgFlags, p.PkgID, '' AS PreDownloadRule, p.PreferredAddress, p.Priority,
         p.RefreshSchedule, p.ShareName, p.ShareType, p.Source, p.SourceCompSize, p.SourceDate,
         p.SourceLocaleID, p.SourceSite, p.SourceSize, p.SourceVersion, p.StoredPkgPath,
         p.StoredPkgVersion, p.StorePkgFlag, p.TransformAnalysisDate, p.TransformReadiness,
         p.UpdateMask, p.UpdateMaskEx, p.UseForcedDisconnect, p.Version, p.Cause, p.Trace
    FROM SMSPackages p;

CREATE VIEW vSMS_ContentPackage AS
  SELECT p.Action, p.AlternateContentProviders, p.Architecture, '' AS CryptoExtInfo, p.DefaultImage,
         p.Description, p.DisconnectDelay, 0 AS EncryptionAlgorithm, p.ForcedRetryDelay, p.Hash,
         p.HashVersion, p.IgnoreSchedule, p.ImageFlags, p.ImagePath, p.ISVString, p.Language,
         p.LastRefresh, p.Manufacturer, p.MIFFilename, p.MIFName, p.MIFPublisher, p.MIFVersion,
         p.Name, p.NewHash, 31 AS ObjectTypeID, p.PackageType, p.Permission, p.PkgFlags, p.PkgID,
         p.PreferredAddress, p.Priority, p.RefreshSchedule, p.PkgID AS SecurityKey, p.ShareName,
         p.ShareType, p.Source, p.SourceCompSize, p.SourceDate, p.SourceLocaleID, p.SourceSite,
         p.SourceSize, p.SourceVersion, p.StoredPkgPath, p.StoredPkgVersion, p.StorePkgFlag,
         p.TransformAnalysisDate, p.TransformReadiness, p.UpdateMask, p.UpdateMaskEx,
         p.UseForcedDisconnect, p.Version, p.Cause, p.Trace
    FROM SMSPackages p
   WHERE p.PackageType = 8;

-- ---- how far each package is

-- The source of each package: 0 nothing is to be read, 1 it is being read or waits for it, 2 it could
-- not be read, 3 it could not be stored by the site server. A refresh that was asked for and is not
-- taken up yet (bit 8388608) has no outcome, and what is taken up sets the status from 4 to 1 in the
-- same transaction: a 2 or 3 is always that of the last refresh.
CREATE VIEW vUPK_PackageSource AS
  SELECT t.PkgID, t.SourceState,
         CASE t.SourceState WHEN 3 THEN 'Source cannot be stored' WHEN 2 THEN 'Source cannot be read'
              WHEN 1 THEN 'Source is being read' ELSE '' END AS SourceStateName,
         CASE WHEN t.SourceState >= 2 THEN t.ErrorText ELSE '' END AS SourceError,
         CASE WHEN t.SourceState >= 2 THEN t.UpdateTime END AS SourceFailedTime,
         CASE WHEN t.SourceState >= 2 THEN t.NextTryTime END AS SourceNextTryTime
    FROM (SELECT l.PkgID, s.ErrorText, s.UpdateTime, s.NextTryTime,
                 CASE WHEN l.Action NOT IN (1, 2) THEN 0
                      WHEN s.Status = 4 AND l.UpdateMaskEx < 8388608
                      THEN CASE WHEN s.AtSite = 1 THEN 3 ELSE 2 END
                      ELSE 1 END AS SourceState
            FROM SMSPackages_L l
            JOIN SMSPackages_G g ON g.PkgID = l.PkgID
            LEFT JOIN PkgStatus s ON s.PKID = (SELECT MAX(x.PKID) FROM PkgStatus x
                   WHERE x.ID = l.PkgID AND x.Type = 1 AND x.SiteCode = g.SourceSite)) t;

CREATE VIEW v_PackageStatus AS
  SELECT CASE s.Status WHEN 0 THEN 'None' WHEN 1 THEN 'Sent' WHEN 2 THEN 'Received'
              WHEN 3 THEN 'Installed' WHEN 4 THEN 'Retrying' WHEN 5 THEN 'Failed'
              WHEN 6 THEN 'Removed' WHEN 8 THEN 'Removal failed' WHEN 9 THEN 'Retrying removal'
              ELSE '' END AS InstallStatus,
         s.Location, s.ID AS PackageID, s.Personality, s.PkgServer, s.ShareName, s.SiteCode,
         s.Status, s.Type, s.UpdateTime, s.SourceVersion, s.Percent, s.ErrorText, s.Cause, s.Trace
    FROM PkgStatus s;

CREATE VIEW v_PackageStatusDistPointsSumm AS
  SELECT o.StateName AS InstallStatus, o.LastRefresh AS LastCopied, o.PkgID AS PackageID,
         2 AS SecuredTypeID, o.PkgID AS SecureObjectID, o.NALPath AS ServerNALPath, o.SiteCode,
         '' AS SourceNALPath, o.InstalledVersion AS SourceVersion, o.State,
         o.UpdateTime AS SummaryDate, o.ErrorText, o.Cause, o.Trace
    FROM vUPK_PackageOnDPState o;

CREATE VIEW v_PackageStatusRootSummarizer AS
  SELECT COALESCE(n.Failed, 0) AS Failed, COALESCE(n.Installed, 0) AS Installed, p.Name,
         p.PkgID AS PackageID, COALESCE(n.Retrying, 0) AS Retrying,
         p.SourceCompSize AS SourceCompressedSize, p.SourceDate, p.SourceSite, p.SourceSize,
         p.SourceVersion, COALESCE(n.Targeted, 0) AS Targeted
    FROM SMSPackages_G p
    LEFT JOIN (SELECT o.PkgID, COUNT(*) AS Targeted,
                      SUM(CASE WHEN o.State = 0 THEN 1 ELSE 0 END) AS Installed,
                      SUM(CASE WHEN o.State IN (2, 5) THEN 1 ELSE 0 END) AS Retrying,
                      SUM(CASE WHEN o.State IN (3, 6) THEN 1 ELSE 0 END) AS Failed
                 FROM vUPK_PackageOnDP o GROUP BY o.PkgID) n ON n.PkgID = p.PkgID;

CREATE VIEW v_PackageStatusDetailSumm AS
  SELECT SUM(CASE WHEN o.State IN (3, 6) THEN 1 ELSE 0 END) AS Failed,
         SUM(CASE WHEN o.State = 0 THEN 1 ELSE 0 END) AS Installed, o.Name, o.PkgID AS PackageID,
         SUM(CASE WHEN o.State IN (2, 5) THEN 1 ELSE 0 END) AS Retrying, o.SiteCode, o.SiteName,
         o.SourceVersion, MAX(o.UpdateTime) AS SummaryDate, COUNT(*) AS Targeted
    FROM vUPK_PackageOnDP o
   GROUP BY o.PkgID, o.Name, o.SiteCode, o.SiteName, o.SourceVersion;

CREATE VIEW v_ContentDistribution AS
  SELECT o.DPID, o.PkgID, o.State, o.StateGroup, o.UpdateTime AS SummaryDate
    FROM vUPK_PackageOnDPState o;

CREATE VIEW v_ContentDistributionReport AS
  SELECT o.ServerName AS DistributionPoint, o.PackageType, o.PkgID, o.SiteCode, o.SourceVersion,
         o.State, o.StateGroup,
         CASE o.StateGroup WHEN 1 THEN 'Success' WHEN 2 THEN 'In Progress' ELSE 'Error' END
           AS StateGroupName,
         o.StateName, o.UpdateTime AS SummaryDate, o.ErrorText AS MessageData1, m.MessageID,
         m.Severity AS MessageSeverity
    FROM vUPK_PackageOnDPState o
    LEFT JOIN vUPK_PackageOnDPMessage x ON x.PkgID = o.PkgID AND x.NALPath = o.NALPath
    LEFT JOIN StatusMessages m ON m.RecordID = x.RecordID;

CREATE VIEW v_ContentDistributionReport_DP AS
  SELECT o.NALPath AS DPNALPath, MAX(o.UpdateTime) AS LastStatusTime,
         SUM(CASE WHEN o.StateGroup = 4 THEN 1 ELSE 0 END) AS NumberErrors,
         SUM(CASE WHEN o.StateGroup = 2 THEN 1 ELSE 0 END) AS NumberInProgress,
         SUM(CASE WHEN o.StateGroup = 1 THEN 1 ELSE 0 END) AS NumberInstalled, COUNT(*) AS PkgCount
    FROM vUPK_PackageOnDPState o
   GROUP BY o.NALPath;

CREATE VIEW v_ContentDistributionVersions AS
  SELECT o.InstalledVersion AS CurrentVersion, o.UpdateTime AS CurrentVersionTime,
         o.NALPath AS DPNALPath, o.ErrorText AS LatestSourceData1, o.State AS LatestSourceState,
         o.StateGroup AS LatestSourceStateGroup, o.UpdateTime AS LatestSourceStateTime,
         o.SourceVersion AS LatestSourceVersion, o.PkgID, o.SiteCode,
         CASE WHEN o.ValidatedTime IS NULL THEN NULL ELSE o.InstalledVersion END AS ValidatedVersion,
         o.ValidatedTime AS ValidatedVersionTime
    FROM vUPK_PackageOnDPState o;

-- The product spells TargeteddDPCount so.
CREATE VIEW v_ContDistStatSummary AS
  SELECT MAX(o.UpdateTime) AS LastStatusTime,
         SUM(CASE WHEN o.StateGroup = 4 THEN 1 ELSE 0 END) AS NumberErrors,
         SUM(CASE WHEN o.StateGroup = 2 THEN 1 ELSE 0 END) AS NumberInProgress,
         SUM(CASE WHEN o.StateGroup = 1 THEN 1 ELSE 0 END) AS NumberInstalled, o.PkgID,
         COUNT(*) AS TargeteddDPCount
    FROM vUPK_PackageOnDPState o
   GROUP BY o.PkgID;

CREATE VIEW v_ContentDistributionMessages AS
  SELECT d.DPID, m.RecordID AS ID,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         m.RecordID AS LastStatusID, m.MessageTime AS LastStatusTime, 0 AS MessageCategory,
         m.MessageID AS MessageFullID, m.MessageID, m.Severity AS MessageSeverity,
         CASE m.Severity WHEN 1073741824 THEN 1 ELSE 4 END AS MessageState,
         k.AttributeValue AS PkgID
    FROM StatusMessages m
    JOIN StatusMessageAttributes k ON k.RecordID = m.RecordID AND k.AttributeID = 400
    JOIN StatusMessageAttributes n ON n.RecordID = m.RecordID AND n.AttributeID = 404
    JOIN DistributionPoints d ON d.NALPath = n.AttributeValue;

CREATE VIEW v_DistributionStatus AS
  SELECT o.NALPath AS DPNALPath, m.RecordID AS ID,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         m.RecordID AS LastStatusID, COALESCE(m.MessageTime, o.UpdateTime) AS LastStatusTime,
         0 AS MessageCategory, m.MessageID AS MessageFullID, m.MessageID,
         m.Severity AS MessageSeverity, o.StateGroup AS MessageState, o.PkgID, o.SiteCode
    FROM vUPK_PackageOnDPState o
    LEFT JOIN vUPK_PackageOnDPMessage x ON x.PkgID = o.PkgID AND x.NALPath = o.NALPath
    LEFT JOIN StatusMessages m ON m.RecordID = x.RecordID;

CREATE VIEW vSMS_DistributionStatus AS
  SELECT COUNT(*) AS Assets, MAX(o.UpdateTime) AS LastUpdateDate, 0 AS MessageCategory,
         o.PkgID AS ObjectID, 2 AS ObjectTypeID, o.PkgID AS PackageID, o.StateGroup AS Type
    FROM vUPK_PackageOnDPState o
   GROUP BY o.PkgID, o.StateGroup;

CREATE VIEW vSMS_DistributionDPStatus AS
  SELECT o.DPID, (SELECT COUNT(*) FROM DPGroupMembers y WHERE y.DPNALPath = o.NALPath) AS GroupCount,
         m.RecordID AS ID,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         0 AS IsPeerDP, m.RecordID AS LastStatusID,
         COALESCE(m.MessageTime, o.UpdateTime) AS LastUpdateDate, 0 AS MessageCategory,
         m.MessageID AS MessageFullID, m.MessageID, m.Severity AS MessageSeverity,
         o.StateGroup AS MessageState, o.NALPath, o.ServerName AS Name, o.PkgID AS ObjectID,
         2 AS ObjectTypeID, o.PkgID AS PackageID, 'Server' AS ResourceType, o.SiteCode
    FROM vUPK_PackageOnDPState o
    LEFT JOIN vUPK_PackageOnDPMessage x ON x.PkgID = o.PkgID AND x.NALPath = o.NALPath
    LEFT JOIN StatusMessages m ON m.RecordID = x.RecordID;

CREATE VIEW vSMS_DistributionJob AS
  SELECT j.Action, j.CreationTime, j.DPID, j.DynamicOrder, j.JobID, j.LastUpdateTime, d.NALPath,
         j.PackageVersion, j.PkgID, j.RemainingSize, j.ReStartTime, j.RetryCount, j.SendAction,
         j.StartTime, j.State, 0 AS SyncPoint, '' AS SyncPointFile, j.TotalSize, d.ServerName,
         d.IsPullDP, p.Name AS PackageName, j.Priority, d.Priority AS DPPriority, j.BytesSent,
         j.Attempts, j.Polls, j.LastError, j.Way, j.Cause, j.Trace
    FROM DistributionJobs j
    JOIN DistributionPoints d ON d.DPID = j.DPID
    LEFT JOIN SMSPackages_G p ON p.PkgID = j.PkgID;

-- ---- distribution points

-- A row for each package on each distribution point, despite the name.
CREATE VIEW v_DistributionPoint AS
  SELECT '' AS BindExcept, 0 AS BindPolicy, 0 AS BitsEnabled, 0 AS CertificateType,
         d.IdentityGUID, 1 AS IsActive, 0 AS IsCloud, 0 AS IsMulticast, 0 AS IsPeerDP,
         0 AS IsProtected, 0 AS IsPXE, '' AS ISVString, o.LastRefresh AS LastRefreshTime,
         2 AS ObjectTypeID, o.PkgID AS PackageID, o.PackageType, 0 AS PreStagingAllowed,
         o.RefreshTrigger AS RefreshNow, 0 AS RemoveWDS, 'Server' AS ResourceType,
         0 AS ResponseDelay, 0 AS SccmPXE, o.PkgID AS SecureObjectID, o.NALPath AS ServerNALPath,
         o.SiteCode, o.SiteName, o.SourceSite, o.Action AS Status, 0 AS SupportUnknownMachines,
         0 AS UdaSetting, o.Cause, o.Trace
    FROM vUPK_PackageOnDP o
    LEFT JOIN DistributionPoints d ON d.DPID = o.DPID;

-- TransferRate: bytes a second, 0 without a limit.
CREATE VIEW v_DistributionPoints AS
  SELECT '' AS Account, d.Action, 0 AS AnonymousEnabled, '' AS BindExcept, 0 AS BindPolicy,
         0 AS CertificateType, d.Description, '' AS DPCRC, '' AS DPDrive, 0 AS DPFlags, d.DPID,
         0 AS DPType, 0 AS Flags, d.IdentityGUID,
         CASE WHEN d.Maintenance = 0 THEN 1 ELSE 0 END AS IsActive, 0 AS IsBITS,
         0 AS IsFileStreaming, 0 AS IsMulticast, 0 AS IsPeerDP, 0 AS IsProtected, d.IsPullDP,
         CASE WHEN d.IsPullDP = 1 AND d.ConfiguredTime IS NOT NULL THEN 1 ELSE 0 END
           AS IsPullDPInstalled,
         0 AS IsPXE, '' AS ISVString, 0 AS MinFreeSpace, d.NALPath, 0 AS PreStagingAllowed,
         d.Priority, 0 AS RemoveWDS, 0 AS ResponseDelay, '' AS RoleCapabilities, 0 AS SccmPXE,
         d.ServerName, '' AS ShareName, d.SiteCode AS SMSSiteCode, 0 AS SslState, 0 AS State,
         0 AS SupportUnknownMachines, 0 AS TokenAuthEnabled, d.RateLimit AS TransferRate,
         'Server' AS Type, 0 AS UdaSetting, d.Url, d.Cause, d.Trace
    FROM DistributionPoints d;

CREATE VIEW v_DistributionPointInfo AS
  SELECT d.Action, CASE WHEN d.Schedule = '' THEN 0 ELSE 1 END AS AddressScheduleEnabled,
         '' AS BindExcept, 0 AS BindPolicy, 0 AS BitsEnabled, 0 AS CertificateType,
         0 AS Communication, d.Description, 0 AS DPFlags, '' AS Drive, 0 AS EnableLEDBAT,
         (SELECT COUNT(*) FROM DPGroupMembers m WHERE m.DPNALPath = d.NALPath) AS GroupCount,
         0 AS HasRelationship, 1 AS HealthCheckEnabled, 0 AS HealthCheckPriority,
         '' AS HealthCheckSchedule, d.DPID AS ID, d.IdentityGUID, 0 AS InternetFacing,
         CASE WHEN d.Maintenance = 0 THEN 1 ELSE 0 END AS IsActive, 0 AS IsMulticast,
         0 AS IsPeerDP, 0 AS IsProtected, d.IsPullDP, 0 AS IsPXE, d.NALPath, d.ServerName AS Name,
         '' AS OperatingSystem, 0 AS PreStagingAllowed, d.Priority,
         CASE WHEN d.RateLimit = 0 THEN 0 ELSE 1 END AS RateLimitsEnabled, '' AS Region,
         0 AS RemoveWDS, 'Server' AS ResourceType, 0 AS ResponseDelay, 0 AS SccmPXE, d.ServerName,
         0 AS ServiceType, '' AS ShareName, d.SiteCode,
         COALESCE((SELECT s.SiteName FROM Sites s WHERE s.SiteCode = d.SiteCode), '') AS SiteName,
         0 AS SupportUnknownMachines, d.RateLimit AS TransferRate, 0 AS UdaSetting,
         d.SoftwareVersion AS Version, d.Url, d.IsColocated, d.RateLimit, d.Schedule,
         d.Maintenance, d.BytesFree, d.BytesTotal, d.ConfiguredTime, d.ContactTime, d.Failures,
         d.QuarantineTime, d.LastError, d.Cause, d.Trace
    FROM DistributionPoints d;

CREATE VIEW v_DistributionPointDriveInfo AS
  SELECT '' AS AvailableContentLibDrivesList, '' AS AvailablePkgShareDrivesList, d.BytesFree,
         d.BytesTotal, '' AS Drive, d.NALPath, 3 AS ObjectType,
         CASE WHEN d.BytesTotal > 0 THEN d.BytesFree * 100 / d.BytesTotal ELSE 0 END AS PercentFree,
         d.SiteCode, 0 AS Status
    FROM DistributionPoints d
   WHERE d.BytesTotal > 0;

CREATE VIEW v_DistributionPointMessages AS
  SELECT d.DPID, m.RecordID AS ID,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         m.RecordID AS LastStatusID, m.MessageTime AS LastStatusTime, 0 AS MessageCategory,
         m.MessageID AS MessageFullID, m.MessageID, m.Severity AS MessageSeverity,
         CASE m.Severity WHEN 1073741824 THEN 1 ELSE 4 END AS MessageState,
         COALESCE((SELECT k.AttributeValue FROM StatusMessageAttributes k
                    WHERE k.RecordID = m.RecordID AND k.AttributeID = 400), '') AS PkgID
    FROM StatusMessages m
    JOIN StatusMessageAttributes n ON n.RecordID = m.RecordID AND n.AttributeID = 404
    JOIN DistributionPoints d ON d.NALPath = n.AttributeValue;

CREATE VIEW vSMS_DPStatusDetails AS
  SELECT d.ServerName AS DPName, m.RecordID AS ID,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 0) AS InsString1,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 9) AS InsString10,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 1) AS InsString2,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 2) AS InsString3,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 3) AS InsString4,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 4) AS InsString5,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 5) AS InsString6,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 6) AS InsString7,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 7) AS InsString8,
         (SELECT i.InsStrValue FROM StatusMessageInsStrs i
           WHERE i.RecordID = m.RecordID AND i.InsStrIndex = 8) AS InsString9,
         m.MessageTime AS LastStatusTime, 0 AS MessageCategory, m.MessageID AS MessageFullID,
         m.MessageID, m.Severity AS MessageSeverity,
         CASE m.Severity WHEN 1073741824 THEN 1 ELSE 4 END AS MessageState, d.NALPath,
         k.AttributeValue AS PackageID, d.SiteCode, m.RecordID AS StatusMsgID
    FROM StatusMessages m
    JOIN StatusMessageAttributes k ON k.RecordID = m.RecordID AND k.AttributeID = 400
    JOIN StatusMessageAttributes n ON n.RecordID = m.RecordID AND n.AttributeID = 404
    JOIN DistributionPoints d ON d.NALPath = n.AttributeValue;

CREATE VIEW v_DPStatusSummary AS
  SELECT d.NALPath AS DPNalPath, MAX(o.UpdateTime) AS LastStatusTime,
         SUM(CASE WHEN o.StateGroup = 4 THEN 1 ELSE 0 END) AS NumberErrors,
         SUM(CASE WHEN o.StateGroup = 2 THEN 1 ELSE 0 END) AS NumberInProgress,
         SUM(CASE WHEN o.StateGroup = 1 THEN 1 ELSE 0 END) AS NumberInstalled,
         COUNT(o.PkgID) AS PkgCount
    FROM DistributionPoints d
    LEFT JOIN vUPK_PackageOnDPState o ON o.NALPath = d.NALPath
   GROUP BY d.NALPath;

-- MessageState: 5 it does not answer, 4 with a warning (maintenance, failed packages), 2 not yet
-- configured, 1 well.
CREATE VIEW vSMS_DPStatusInfo AS
  SELECT 1 AS IsDPMonEnabled, 0 AS IsMulticast, d.IsPullDP, 0 AS IsPXE,
         COALESCE(n.LastStatusTime, d.ContactTime) AS LastStatusTime, n.PkgCount AS MessageCount,
         CASE WHEN d.Failures > 0 THEN 5
              WHEN d.Maintenance <> 0 OR n.NumberErrors > 0 THEN 4
              WHEN d.ConfiguredTime IS NULL AND d.IsColocated = 0 THEN 2
              ELSE 1 END AS MessageState,
         d.NALPath, d.ServerName AS Name, COALESCE(n.NumberErrors, 0) AS NumberErrors,
         COALESCE(n.NumberInProgress, 0) AS NumberInProgress,
         COALESCE(n.NumberInstalled, 0) AS NumberInstalled, 0 AS NumberUnknown, 0 AS RemoveWDS,
         0 AS SccmPXE, d.SoftwareVersion AS Version
    FROM DistributionPoints d
    JOIN v_DPStatusSummary n ON n.DPNalPath = d.NALPath;

-- ---- groups

CREATE VIEW v_DPGroupMembers AS
  SELECT m.DPNALPath, m.GroupID
    FROM DPGroupMembers m;

-- A content of a group is as well as the worst of its members has it.
CREATE VIEW vUPK_DPGroupContent AS
  SELECT p.GroupID, p.PkgID,
         CASE WHEN COUNT(m.DPNALPath) = 0 THEN 0
              WHEN SUM(CASE WHEN o.StateGroup = 4 THEN 1 ELSE 0 END) > 0 THEN 4
              WHEN SUM(CASE WHEN o.StateGroup = 1 THEN 0 ELSE 1 END) > 0 THEN 2
              ELSE 1 END AS StateGroup
    FROM DPGroupPackages p
    LEFT JOIN DPGroupMembers m ON m.GroupID = p.GroupID
    LEFT JOIN vUPK_PackageOnDPState o ON o.PkgID = p.PkgID AND o.NALPath = m.DPNALPath
   GROUP BY p.GroupID, p.PkgID;

CREATE VIEW v_DPGroupContentInfo AS
  SELECT SUM(CASE WHEN c.StateGroup = 4 THEN 1 ELSE 0 END) AS Failed, c.GroupID,
         SUM(CASE WHEN c.StateGroup = 2 THEN 1 ELSE 0 END) AS InProgress,
         SUM(CASE WHEN c.StateGroup = 1 THEN 1 ELSE 0 END) AS Installed
    FROM vUPK_DPGroupContent c
   GROUP BY c.GroupID;

CREATE VIEW vSMS_DPGroupInfo AS
  SELECT (SELECT COUNT(*) FROM DPGroupPackages p WHERE p.GroupID = g.GroupID)
           AS AssignedContentCount,
         g.Description, COALESCE(i.Failed, 0) AS ErrorContentCount, 0 AS FeatureType, g.GroupID,
         COALESCE(i.InProgress, 0) AS InProgressContentCount,
         (SELECT COUNT(*) FROM DPGroupMembers m WHERE m.GroupID = g.GroupID) AS MembersCount,
         g.Name, COALESCE(i.Installed, 0) AS SuccessContentCount,
         (SELECT COUNT(*) FROM vUPK_DPGroupContent c
           WHERE c.GroupID = g.GroupID AND c.StateGroup = 0) AS UnknownContentCount
    FROM DPGroups g
    LEFT JOIN v_DPGroupContentInfo i ON i.GroupID = g.GroupID;

CREATE VIEW vSMS_DistributionPointGroup AS
  SELECT 0 AS CollectionCount, i.AssignedContentCount AS ContentCount,
         CASE WHEN i.ErrorContentCount + i.InProgressContentCount = 0 THEN 1 ELSE 0 END
           AS ContentInSync,
         g.CreatedBy, g.CreatedOn, g.Description, g.GroupID,
         CASE WHEN i.MembersCount > 0 THEN 1 ELSE 0 END AS HasMember, 0 AS HasRelationship,
         i.MembersCount AS MemberCount, g.ModifiedBy, g.ModifiedOn, g.Name,
         i.ErrorContentCount + i.InProgressContentCount AS OutOfSyncContentCount, g.SourceSite,
         g.Cause, g.Trace
    FROM DPGroups g
    JOIN vSMS_DPGroupInfo i ON i.GroupID = g.GroupID;

CREATE VIEW vSMS_DPGroupDistributionStatus AS
  SELECT COUNT(*) AS Assets, COUNT(DISTINCT p.PkgID) AS ContentCount, p.GroupID,
         0 AS MessageCategory, COALESCE(o.StateGroup, 2) AS MessageState,
         MAX(o.UpdateTime) AS StatusTime
    FROM DPGroupPackages p
    JOIN DPGroupMembers m ON m.GroupID = p.GroupID
    LEFT JOIN vUPK_PackageOnDPState o ON o.PkgID = p.PkgID AND o.NALPath = m.DPNALPath
   GROUP BY p.GroupID, COALESCE(o.StateGroup, 2);
