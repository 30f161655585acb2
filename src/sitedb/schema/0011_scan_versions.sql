-- Machines are counted at the content versions that updates came with, not at every number below the
-- one that a machine saw: after a restore there are millions of these.

DELETE FROM Update_ScanVersions
 WHERE SourceVersion > 0
   AND (UpdateSource_ID, SourceVersion) NOT IN (SELECT UpdateSource_ID, MinSourceVersion
                                                  FROM CI_ConfigurationItems);
INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion)
SELECT DISTINCT ci.UpdateSource_ID, ci.MinSourceVersion
  FROM CI_ConfigurationItems ci
 WHERE (ci.UpdateSource_ID, ci.MinSourceVersion) NOT IN (SELECT UpdateSource_ID, SourceVersion
                                                           FROM Update_ScanVersions);
