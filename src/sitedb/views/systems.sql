-- The views of sites, site systems and machines (53-database 9).

CREATE VIEW v_Site AS
  SELECT 0 AS BuildNumber, s.InstallDir, s.ParentSiteCode AS ReportingSiteCode,
         110 AS RequestedStatus, s.ServerName, s.SiteCode, s.SiteName, s.Status, '' AS TimeZoneInfo,
         s.SiteType AS Type, s.SiteVersion AS Version
    FROM Sites s;

CREATE VIEW v_SystemResourceList AS
  SELECT r.NALPath, 'Windows NT Server' AS ResourceType,
         CASE r.RoleTypeID WHEN 2 THEN 'SMS Management Point' WHEN 3 THEN 'SMS Distribution Point'
              WHEN 6 THEN 'SMS Site Server' WHEN 8 THEN 'SMS Software Update Point' ELSE '' END AS RoleName,
         r.ServerName, r.SiteCode
    FROM SC_SysResUse r;

-- Every machine that has registered, whatever its state.
CREATE VIEW v_R_System AS
  SELECT '' AS AD_Site_Name0, 1 AS Client_Type0, m.ClientVersion AS Client_Version0,
         '' AS Community_Name0, m.Architecture AS CPUType0, m.RegisteredTime AS Creation_Date0,
         m.Fingerprint AS Hardware_ID0, 0 AS Is_Virtual_Machine0, m.Name AS Netbios_Name0,
         m.OperatingSystem AS Operating_System_Name_and0, m.Domain AS Resource_Domain_OR_Workgr0,
         m.ResourceID, 5 AS ResourceType, '' AS User_Domain0, '' AS User_Name0,
         CASE m.State WHEN 1 THEN 1 ELSE 0 END AS Active0, 1 AS Client0, 0 AS Decommissioned0,
         0 AS Obsolete0, m.Name AS Name0, m.FullName AS Full_Domain_Name0,
         CAST(NULL AS TEXT) AS Last_Logon_Timestamp0, m.SMSID AS SMS_Unique_Identifier0,
         m.SiteCode AS SMS_Assigned_Sites0
    FROM Machines m;

CREATE VIEW v_R_System_Valid AS
  SELECT '' AS AD_Site_Name0, 1 AS Client_Type0, m.ClientVersion AS Client_Version0,
         '' AS Community_Name0, m.Architecture AS CPUType0, m.RegisteredTime AS Creation_Date0,
         m.Fingerprint AS Hardware_ID0, 0 AS Is_Virtual_Machine0, m.Name AS Netbios_Name0,
         m.OperatingSystem AS Operating_System_Name_and0, m.Domain AS Resource_Domain_OR_Workgr0,
         m.ResourceID, 5 AS ResourceType, '' AS User_Domain0, '' AS User_Name0
    FROM Machines m
    WHERE m.State <> 2;

-- The provider's SMS_R_System: the clients, with what they said last.
CREATE VIEW vSMS_R_System AS
  SELECT m.ResourceID, m.Name, m.FullName AS ResourceNames, m.SMSID AS SMSUniqueIdentifier,
         m.SiteCode AS SMSAssignedSites, m.ClientVersion,
         m.OperatingSystem AS OperatingSystemNameandVersion, m.Architecture,
         CASE m.State WHEN 0 THEN 'pending' WHEN 1 THEN 'approved' ELSE 'blocked' END AS ClientState,
         CASE m.State WHEN 1 THEN 1 ELSE 0 END AS IsApproved,
         CASE m.State WHEN 2 THEN 1 ELSE 0 END AS IsBlocked, m.StateTime AS ClientStateTime,
         m.RegisteredTime AS CreationDate, m.Fingerprint,
         c.LastContactTime AS LastActiveTime, k.PolicyTime AS LastPolicyRequest,
         c.LastReportTime AS LastStateMessage, COALESCE(c.LastSerialNumber, 0) AS LastSerialNumber,
         sc.LastScanTime AS LastSoftwareScan, sc.LastScanState, n.StateName AS LastScanStateName,
         sc.StateTime AS LastScanStateTime, sc.LastErrorCode,
         CASE WHEN sc.LastScanTime IS NULL THEN NULL ELSE sc.CompletedVersion END AS LastScanVersion,
         sc.LastScanLocation,
         CASE WHEN sc.LastScanTime IS NULL THEN NULL ELSE sc.NumMissing END AS NumMissing,
         CASE WHEN sc.LastScanTime IS NULL THEN NULL ELSE sc.NumInstalled END AS NumInstalled,
         j.RejectedTime AS LastRejectedTime, COALESCE(j.Reason, '') AS LastRejectedReason,
         (SELECT MIN(t.RequestTime) FROM ClientTriggers t WHERE t.ResourceID = m.ResourceID)
           AS TriggerRequestTime,
         m.Cause, m.Trace
    FROM Machines m
    LEFT JOIN MachineContacts c ON c.ResourceID = m.ResourceID
    LEFT JOIN MachineLinks k ON k.ResourceID = m.ResourceID
    LEFT JOIN SR_RejectedReports j ON j.ResourceID = m.ResourceID
    LEFT JOIN Update_ScanStatus sc
      ON sc.ResourceID = m.ResourceID
     AND sc.UpdateSource_ID = (SELECT MIN(u.UpdateSource_ID) FROM CI_UpdateSources u)
    LEFT JOIN SR_StateNames n ON n.TopicType = 501 AND n.StateID = sc.LastScanState;
