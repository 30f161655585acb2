-- The states that count in the summary of updates, and what changes that summary besides the states
-- that come in (sitedb/summary.sql): machines that are approved, blocked or deleted, and updates
-- whose rules changed. By triggers, so that it holds whoever writes those rows.

-- A state counts when the machine's last completed scan saw the version that brought the update or
-- its rules; whether the machine is approved is another question.
CREATE VIEW Update_ComplianceCounted AS
  SELECT s.ResourceID, s.CI_ID, s.Status, ci.UpdateSource_ID, ci.MinSourceVersion
    FROM Update_ComplianceStatus s
    JOIN CI_ConfigurationItems ci ON ci.CI_ID = s.CI_ID
    JOIN Update_ScanStatus sc
      ON sc.ResourceID = s.ResourceID AND sc.UpdateSource_ID = ci.UpdateSource_ID
   WHERE s.Status IN (0, 2, 3) AND sc.LastScanVersion >= ci.MinSourceVersion;

-- A new machine has not scanned yet.
-- @sqlite
CREATE TRIGGER Machines_summary_insert AFTER INSERT ON Machines WHEN NEW.State = 1
BEGIN
  UPDATE Update_ScanVersions
     SET NumMachines = NumMachines + 1, LastSummaryTime = NEW.StateTime
   WHERE UpdateSource_ID = 0 AND SourceVersion = 0;
END;
-- @pg
CREATE OR REPLACE FUNCTION Machines_summary_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE Update_ScanVersions
     SET NumMachines = NumMachines + 1, LastSummaryTime = NEW.StateTime
   WHERE UpdateSource_ID = 0 AND SourceVersion = 0;
  RETURN NULL;
END $$;
CREATE TRIGGER Machines_summary_insert AFTER INSERT ON Machines
FOR EACH ROW WHEN (NEW.State = 1) EXECUTE FUNCTION Machines_summary_insert();
-- @both

-- A machine begins to count, or does so no longer.
-- @sqlite
CREATE TRIGGER Machines_summary_update AFTER UPDATE OF State ON Machines
WHEN (NEW.State = 1) <> (OLD.State = 1)
BEGIN
  UPDATE Update_ScanVersions
     SET NumMachines = NumMachines + CASE WHEN NEW.State = 1 THEN 1 ELSE -1 END,
         LastSummaryTime = NEW.StateTime
   WHERE UpdateSource_ID = 0
      OR SourceVersion <= (SELECT sc.LastScanVersion FROM Update_ScanStatus sc
                            WHERE sc.ResourceID = NEW.ResourceID
                              AND sc.UpdateSource_ID = Update_ScanVersions.UpdateSource_ID);
  INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, NumInstalled, NumUndetected,
                                       LastSummaryTime, Cause, Trace)
  SELECT c.CI_ID, (c.Status = 2) * (2 * (NEW.State = 1) - 1),
         (c.Status = 3) * (2 * (NEW.State = 1) - 1), (c.Status = 0) * (2 * (NEW.State = 1) - 1),
         NEW.StateTime, NEW.Cause, NEW.Trace
    FROM Update_ComplianceCounted c
   WHERE c.ResourceID = NEW.ResourceID
  ON CONFLICT (CI_ID) DO UPDATE
     SET NumMissing = Update_ComplianceCounts.NumMissing + excluded.NumMissing,
         NumInstalled = Update_ComplianceCounts.NumInstalled + excluded.NumInstalled,
         NumUndetected = Update_ComplianceCounts.NumUndetected + excluded.NumUndetected,
         LastSummaryTime = excluded.LastSummaryTime, Cause = excluded.Cause, Trace = excluded.Trace;
END;
-- Its states go after it, so that they can still be taken away here.
CREATE TRIGGER Machines_summary_delete BEFORE DELETE ON Machines WHEN OLD.State = 1
BEGIN
  UPDATE Update_ScanVersions
     SET NumMachines = NumMachines - 1
   WHERE UpdateSource_ID = 0
      OR SourceVersion <= (SELECT sc.LastScanVersion FROM Update_ScanStatus sc
                            WHERE sc.ResourceID = OLD.ResourceID
                              AND sc.UpdateSource_ID = Update_ScanVersions.UpdateSource_ID);
  INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, NumInstalled, NumUndetected,
                                       LastSummaryTime)
  SELECT c.CI_ID, -(c.Status = 2), -(c.Status = 3), -(c.Status = 0), OLD.StateTime
    FROM Update_ComplianceCounted c
   WHERE c.ResourceID = OLD.ResourceID
  ON CONFLICT (CI_ID) DO UPDATE
     SET NumMissing = Update_ComplianceCounts.NumMissing + excluded.NumMissing,
         NumInstalled = Update_ComplianceCounts.NumInstalled + excluded.NumInstalled,
         NumUndetected = Update_ComplianceCounts.NumUndetected + excluded.NumUndetected;
END;
-- @pg
CREATE OR REPLACE FUNCTION Machines_summary_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  by_one int := CASE WHEN TG_OP = 'UPDATE' AND NEW.State = 1 THEN 1 ELSE -1 END;
  machine Machines := CASE WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END;
BEGIN
  UPDATE Update_ScanVersions
     SET NumMachines = NumMachines + by_one,
         LastSummaryTime = CASE WHEN TG_OP = 'UPDATE' THEN machine.StateTime
                                ELSE LastSummaryTime END
   WHERE UpdateSource_ID = 0
      OR SourceVersion <= (SELECT sc.LastScanVersion FROM Update_ScanStatus sc
                            WHERE sc.ResourceID = machine.ResourceID
                              AND sc.UpdateSource_ID = Update_ScanVersions.UpdateSource_ID);
  INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, NumInstalled, NumUndetected,
                                       LastSummaryTime, Cause, Trace)
  SELECT c.CI_ID, CASE WHEN c.Status = 2 THEN by_one ELSE 0 END,
         CASE WHEN c.Status = 3 THEN by_one ELSE 0 END,
         CASE WHEN c.Status = 0 THEN by_one ELSE 0 END, machine.StateTime, machine.Cause,
         machine.Trace
    FROM Update_ComplianceCounted c
   WHERE c.ResourceID = machine.ResourceID
  ON CONFLICT (CI_ID) DO UPDATE
     SET NumMissing = Update_ComplianceCounts.NumMissing + excluded.NumMissing,
         NumInstalled = Update_ComplianceCounts.NumInstalled + excluded.NumInstalled,
         NumUndetected = Update_ComplianceCounts.NumUndetected + excluded.NumUndetected,
         LastSummaryTime = CASE WHEN TG_OP = 'UPDATE' THEN excluded.LastSummaryTime
                                ELSE Update_ComplianceCounts.LastSummaryTime END,
         Cause = CASE WHEN TG_OP = 'UPDATE' THEN excluded.Cause
                      ELSE Update_ComplianceCounts.Cause END,
         Trace = CASE WHEN TG_OP = 'UPDATE' THEN excluded.Trace
                      ELSE Update_ComplianceCounts.Trace END;
  RETURN machine;
END $$;
CREATE TRIGGER Machines_summary_update AFTER UPDATE OF State ON Machines
FOR EACH ROW WHEN ((NEW.State = 1) <> (OLD.State = 1)) EXECUTE FUNCTION Machines_summary_change();
CREATE TRIGGER Machines_summary_delete BEFORE DELETE ON Machines
FOR EACH ROW WHEN (OLD.State = 1) EXECUTE FUNCTION Machines_summary_change();
-- @both

-- With new rules every earlier answer is void: no machine can have scanned a version that is still
-- to come, since a scan counts with at most the content version of this database.
-- @sqlite
CREATE TRIGGER CI_ConfigurationItems_summary AFTER UPDATE OF MinSourceVersion ON CI_ConfigurationItems
WHEN NEW.MinSourceVersion <> OLD.MinSourceVersion
BEGIN
  UPDATE Update_ComplianceCounts
     SET NumMissing = 0, NumInstalled = 0, NumUndetected = 0,
         LastSummaryTime = NEW.DateLastModified, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE CI_ID = NEW.CI_ID;
END;
-- @pg
CREATE OR REPLACE FUNCTION CI_ConfigurationItems_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE Update_ComplianceCounts
     SET NumMissing = 0, NumInstalled = 0, NumUndetected = 0,
         LastSummaryTime = NEW.DateLastModified, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE CI_ID = NEW.CI_ID;
  RETURN NULL;
END $$;
CREATE TRIGGER CI_ConfigurationItems_summary AFTER UPDATE OF MinSourceVersion ON CI_ConfigurationItems
FOR EACH ROW WHEN (NEW.MinSourceVersion <> OLD.MinSourceVersion)
EXECUTE FUNCTION CI_ConfigurationItems_summary();
-- @both
