-- Packages: the views over the global and the local part of a row, and the triggers that fan a
-- written row out (90-tables 4.1, 4.3; DIST-007, DIST-026). Bodies of triggers stand in two forms.

CREATE VIEW SMSPackages AS
  SELECT g.PkgID, g.Name, g.Version, g.Language, g.Manufacturer, g.Description, g.ISVString, g.Hash,
         g.NewHash, g.Source, g.SourceSite, l.StoredPkgPath, g.RefreshSchedule, l.LastRefresh,
         l.StoredPkgVersion, g.ShareName, g.PreferredAddress, g.StorePkgFlag, g.ShareType,
         g.HashVersion, g.Architecture, g.ImagePath, g.Permission, g.UseForcedDisconnect,
         g.ForcedRetryDelay, g.DisconnectDelay, g.IgnoreSchedule, g.Priority, g.PkgFlags,
         g.MIFFilename, g.MIFPublisher, g.MIFName, g.MIFVersion, g.SourceVersion, g.SourceDate,
         g.SourceSize, g.SourceCompSize, g.ImageFlags, g.PackageType, g.AlternateContentProviders,
         g.SourceLocaleID, g.TransformReadiness, g.TransformAnalysisDate, l.UpdateMask,
         l.UpdateMaskEx, l.Action, g.DefaultImage, g.Cause, g.Trace
    FROM SMSPackages_G g
    JOIN SMSPackages_L l ON l.PkgID = g.PkgID;

CREATE VIEW PkgServers AS
  SELECT g.PkgID, g.NALPath, g.SiteCode, g.SiteName, g.SourceSite, l.LastRefresh, l.RefreshTrigger,
         l.UpdateMask, l.Action, g.Cause, g.Trace
    FROM PkgServers_G g
    JOIN PkgServers_L l ON l.PkgID = g.PkgID AND l.NALPath = g.NALPath AND l.SiteCode = g.SiteCode;

-- The local rows come first: the triggers of the global tables make one only where it is missing,
-- which is so when the global row came by replication.

-- @sqlite
CREATE TRIGGER SMSPackages_insert INSTEAD OF INSERT ON SMSPackages
BEGIN
  INSERT INTO SMSPackages_L (PkgID, StoredPkgPath, StoredPkgVersion, LastRefresh, UpdateMask,
        UpdateMaskEx, Action, Cause, Trace)
  VALUES (NEW.PkgID, COALESCE(NEW.StoredPkgPath, ''), COALESCE(NEW.StoredPkgVersion, 0),
        NEW.LastRefresh, COALESCE(NEW.UpdateMask, 0), COALESCE(NEW.UpdateMaskEx, 0),
        COALESCE(NEW.Action, 0), COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
  INSERT INTO SMSPackages_G (PkgID, Name, Version, Language, Manufacturer, Description, ISVString,
        Hash, NewHash, Source, SourceSite, RefreshSchedule, ShareName, PreferredAddress,
        StorePkgFlag, ShareType, HashVersion, Architecture, ImagePath, Permission,
        UseForcedDisconnect, ForcedRetryDelay, DisconnectDelay, IgnoreSchedule, Priority, PkgFlags,
        MIFFilename, MIFPublisher, MIFName, MIFVersion, SourceVersion, SourceDate, SourceSize,
        SourceCompSize, ImageFlags, PackageType, AlternateContentProviders, SourceLocaleID,
        TransformReadiness, TransformAnalysisDate, DefaultImage, Cause, Trace)
  VALUES (NEW.PkgID, COALESCE(NEW.Name, ''), COALESCE(NEW.Version, ''), COALESCE(NEW.Language, ''),
        COALESCE(NEW.Manufacturer, ''), COALESCE(NEW.Description, ''), COALESCE(NEW.ISVString, ''),
        COALESCE(NEW.Hash, ''), COALESCE(NEW.NewHash, ''), COALESCE(NEW.Source, ''), NEW.SourceSite,
        COALESCE(NEW.RefreshSchedule, ''), COALESCE(NEW.ShareName, ''),
        COALESCE(NEW.PreferredAddress, ''), COALESCE(NEW.StorePkgFlag, 2),
        COALESCE(NEW.ShareType, 1), COALESCE(NEW.HashVersion, 1), COALESCE(NEW.Architecture, ''),
        COALESCE(NEW.ImagePath, ''), COALESCE(NEW.Permission, 15),
        COALESCE(NEW.UseForcedDisconnect, 0), COALESCE(NEW.ForcedRetryDelay, 2),
        COALESCE(NEW.DisconnectDelay, 5), COALESCE(NEW.IgnoreSchedule, 0),
        COALESCE(NEW.Priority, 2), COALESCE(NEW.PkgFlags, 16777216), COALESCE(NEW.MIFFilename, ''),
        COALESCE(NEW.MIFPublisher, ''), COALESCE(NEW.MIFName, ''), COALESCE(NEW.MIFVersion, ''),
        COALESCE(NEW.SourceVersion, 1), NEW.SourceDate, COALESCE(NEW.SourceSize, 0),
        COALESCE(NEW.SourceCompSize, 0), COALESCE(NEW.ImageFlags, 0), COALESCE(NEW.PackageType, 0),
        COALESCE(NEW.AlternateContentProviders, ''), COALESCE(NEW.SourceLocaleID, 1033),
        COALESCE(NEW.TransformReadiness, 0), NEW.TransformAnalysisDate,
        COALESCE(NEW.DefaultImage, 0), COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
END;
-- @pg
CREATE OR REPLACE FUNCTION SMSPackages_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO SMSPackages_L (PkgID, StoredPkgPath, StoredPkgVersion, LastRefresh, UpdateMask,
        UpdateMaskEx, Action, Cause, Trace)
  VALUES (NEW.PkgID, COALESCE(NEW.StoredPkgPath, ''), COALESCE(NEW.StoredPkgVersion, 0),
        NEW.LastRefresh, COALESCE(NEW.UpdateMask, 0), COALESCE(NEW.UpdateMaskEx, 0),
        COALESCE(NEW.Action, 0), COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
  INSERT INTO SMSPackages_G (PkgID, Name, Version, Language, Manufacturer, Description, ISVString,
        Hash, NewHash, Source, SourceSite, RefreshSchedule, ShareName, PreferredAddress,
        StorePkgFlag, ShareType, HashVersion, Architecture, ImagePath, Permission,
        UseForcedDisconnect, ForcedRetryDelay, DisconnectDelay, IgnoreSchedule, Priority, PkgFlags,
        MIFFilename, MIFPublisher, MIFName, MIFVersion, SourceVersion, SourceDate, SourceSize,
        SourceCompSize, ImageFlags, PackageType, AlternateContentProviders, SourceLocaleID,
        TransformReadiness, TransformAnalysisDate, DefaultImage, Cause, Trace)
  VALUES (NEW.PkgID, COALESCE(NEW.Name, ''), COALESCE(NEW.Version, ''), COALESCE(NEW.Language, ''),
        COALESCE(NEW.Manufacturer, ''), COALESCE(NEW.Description, ''), COALESCE(NEW.ISVString, ''),
        COALESCE(NEW.Hash, ''), COALESCE(NEW.NewHash, ''), COALESCE(NEW.Source, ''), NEW.SourceSite,
        COALESCE(NEW.RefreshSchedule, ''), COALESCE(NEW.ShareName, ''),
        COALESCE(NEW.PreferredAddress, ''), COALESCE(NEW.StorePkgFlag, 2),
        COALESCE(NEW.ShareType, 1), COALESCE(NEW.HashVersion, 1), COALESCE(NEW.Architecture, ''),
        COALESCE(NEW.ImagePath, ''), COALESCE(NEW.Permission, 15),
        COALESCE(NEW.UseForcedDisconnect, 0), COALESCE(NEW.ForcedRetryDelay, 2),
        COALESCE(NEW.DisconnectDelay, 5), COALESCE(NEW.IgnoreSchedule, 0),
        COALESCE(NEW.Priority, 2), COALESCE(NEW.PkgFlags, 16777216), COALESCE(NEW.MIFFilename, ''),
        COALESCE(NEW.MIFPublisher, ''), COALESCE(NEW.MIFName, ''), COALESCE(NEW.MIFVersion, ''),
        COALESCE(NEW.SourceVersion, 1), NEW.SourceDate, COALESCE(NEW.SourceSize, 0),
        COALESCE(NEW.SourceCompSize, 0), COALESCE(NEW.ImageFlags, 0), COALESCE(NEW.PackageType, 0),
        COALESCE(NEW.AlternateContentProviders, ''), COALESCE(NEW.SourceLocaleID, 1033),
        COALESCE(NEW.TransformReadiness, 0), NEW.TransformAnalysisDate,
        COALESCE(NEW.DefaultImage, 0), COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
  RETURN NEW;
END $$;
CREATE TRIGGER SMSPackages_insert INSTEAD OF INSERT ON SMSPackages
FOR EACH ROW EXECUTE FUNCTION SMSPackages_insert();
-- @both

-- @sqlite
CREATE TRIGGER SMSPackages_update INSTEAD OF UPDATE ON SMSPackages
BEGIN
  UPDATE SMSPackages_G
     SET Name = NEW.Name, Version = NEW.Version, Language = NEW.Language,
         Manufacturer = NEW.Manufacturer, Description = NEW.Description, ISVString = NEW.ISVString,
         Hash = NEW.Hash, NewHash = NEW.NewHash, Source = NEW.Source, SourceSite = NEW.SourceSite,
         RefreshSchedule = NEW.RefreshSchedule, ShareName = NEW.ShareName,
         PreferredAddress = NEW.PreferredAddress, StorePkgFlag = NEW.StorePkgFlag,
         ShareType = NEW.ShareType, HashVersion = NEW.HashVersion, Architecture = NEW.Architecture,
         ImagePath = NEW.ImagePath, Permission = NEW.Permission,
         UseForcedDisconnect = NEW.UseForcedDisconnect, ForcedRetryDelay = NEW.ForcedRetryDelay,
         DisconnectDelay = NEW.DisconnectDelay, IgnoreSchedule = NEW.IgnoreSchedule,
         Priority = NEW.Priority, PkgFlags = NEW.PkgFlags, MIFFilename = NEW.MIFFilename,
         MIFPublisher = NEW.MIFPublisher, MIFName = NEW.MIFName, MIFVersion = NEW.MIFVersion,
         SourceVersion = NEW.SourceVersion, SourceDate = NEW.SourceDate,
         SourceSize = NEW.SourceSize, SourceCompSize = NEW.SourceCompSize,
         ImageFlags = NEW.ImageFlags, PackageType = NEW.PackageType,
         AlternateContentProviders = NEW.AlternateContentProviders,
         SourceLocaleID = NEW.SourceLocaleID, TransformReadiness = NEW.TransformReadiness,
         TransformAnalysisDate = NEW.TransformAnalysisDate, DefaultImage = NEW.DefaultImage,
         Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID;
  UPDATE SMSPackages_L
     SET StoredPkgPath = NEW.StoredPkgPath, StoredPkgVersion = NEW.StoredPkgVersion,
         LastRefresh = NEW.LastRefresh, UpdateMask = NEW.UpdateMask,
         UpdateMaskEx = NEW.UpdateMaskEx, Action = NEW.Action, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID;
END;
-- @pg
CREATE OR REPLACE FUNCTION SMSPackages_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE SMSPackages_G
     SET Name = NEW.Name, Version = NEW.Version, Language = NEW.Language,
         Manufacturer = NEW.Manufacturer, Description = NEW.Description, ISVString = NEW.ISVString,
         Hash = NEW.Hash, NewHash = NEW.NewHash, Source = NEW.Source, SourceSite = NEW.SourceSite,
         RefreshSchedule = NEW.RefreshSchedule, ShareName = NEW.ShareName,
         PreferredAddress = NEW.PreferredAddress, StorePkgFlag = NEW.StorePkgFlag,
         ShareType = NEW.ShareType, HashVersion = NEW.HashVersion, Architecture = NEW.Architecture,
         ImagePath = NEW.ImagePath, Permission = NEW.Permission,
         UseForcedDisconnect = NEW.UseForcedDisconnect, ForcedRetryDelay = NEW.ForcedRetryDelay,
         DisconnectDelay = NEW.DisconnectDelay, IgnoreSchedule = NEW.IgnoreSchedule,
         Priority = NEW.Priority, PkgFlags = NEW.PkgFlags, MIFFilename = NEW.MIFFilename,
         MIFPublisher = NEW.MIFPublisher, MIFName = NEW.MIFName, MIFVersion = NEW.MIFVersion,
         SourceVersion = NEW.SourceVersion, SourceDate = NEW.SourceDate,
         SourceSize = NEW.SourceSize, SourceCompSize = NEW.SourceCompSize,
         ImageFlags = NEW.ImageFlags, PackageType = NEW.PackageType,
         AlternateContentProviders = NEW.AlternateContentProviders,
         SourceLocaleID = NEW.SourceLocaleID, TransformReadiness = NEW.TransformReadiness,
         TransformAnalysisDate = NEW.TransformAnalysisDate, DefaultImage = NEW.DefaultImage,
         Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID;
  UPDATE SMSPackages_L
     SET StoredPkgPath = NEW.StoredPkgPath, StoredPkgVersion = NEW.StoredPkgVersion,
         LastRefresh = NEW.LastRefresh, UpdateMask = NEW.UpdateMask,
         UpdateMaskEx = NEW.UpdateMaskEx, Action = NEW.Action, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID;
  RETURN NEW;
END $$;
CREATE TRIGGER SMSPackages_update INSTEAD OF UPDATE ON SMSPackages
FOR EACH ROW EXECUTE FUNCTION SMSPackages_update();
-- @both

-- @sqlite
CREATE TRIGGER SMSPackages_delete INSTEAD OF DELETE ON SMSPackages
BEGIN
  DELETE FROM SMSPackages_L WHERE PkgID = OLD.PkgID;
  DELETE FROM SMSPackages_G WHERE PkgID = OLD.PkgID;
END;
-- @pg
CREATE OR REPLACE FUNCTION SMSPackages_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM SMSPackages_L WHERE PkgID = OLD.PkgID;
  DELETE FROM SMSPackages_G WHERE PkgID = OLD.PkgID;
  RETURN OLD;
END $$;
CREATE TRIGGER SMSPackages_delete INSTEAD OF DELETE ON SMSPackages
FOR EACH ROW EXECUTE FUNCTION SMSPackages_delete();
-- @both

-- @sqlite
CREATE TRIGGER PkgServers_insert INSTEAD OF INSERT ON PkgServers
BEGIN
  INSERT INTO PkgServers_L (PkgID, NALPath, SiteCode, LastRefresh, RefreshTrigger, UpdateMask,
        Action, Cause, Trace)
  VALUES (NEW.PkgID, NEW.NALPath, NEW.SiteCode, NEW.LastRefresh, COALESCE(NEW.RefreshTrigger, 0),
        COALESCE(NEW.UpdateMask, 0), COALESCE(NEW.Action, 0), COALESCE(NEW.Cause, ''),
        COALESCE(NEW.Trace, ''));
  INSERT INTO PkgServers_G (PkgID, NALPath, SiteCode, SiteName, SourceSite, Cause, Trace)
  VALUES (NEW.PkgID, NEW.NALPath, NEW.SiteCode, COALESCE(NEW.SiteName, ''), NEW.SourceSite,
        COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
END;
-- @pg
CREATE OR REPLACE FUNCTION PkgServers_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO PkgServers_L (PkgID, NALPath, SiteCode, LastRefresh, RefreshTrigger, UpdateMask,
        Action, Cause, Trace)
  VALUES (NEW.PkgID, NEW.NALPath, NEW.SiteCode, NEW.LastRefresh, COALESCE(NEW.RefreshTrigger, 0),
        COALESCE(NEW.UpdateMask, 0), COALESCE(NEW.Action, 0), COALESCE(NEW.Cause, ''),
        COALESCE(NEW.Trace, ''));
  INSERT INTO PkgServers_G (PkgID, NALPath, SiteCode, SiteName, SourceSite, Cause, Trace)
  VALUES (NEW.PkgID, NEW.NALPath, NEW.SiteCode, COALESCE(NEW.SiteName, ''), NEW.SourceSite,
        COALESCE(NEW.Cause, ''), COALESCE(NEW.Trace, ''));
  RETURN NEW;
END $$;
CREATE TRIGGER PkgServers_insert INSTEAD OF INSERT ON PkgServers
FOR EACH ROW EXECUTE FUNCTION PkgServers_insert();
-- @both

-- @sqlite
CREATE TRIGGER PkgServers_update INSTEAD OF UPDATE ON PkgServers
BEGIN
  UPDATE PkgServers_G
     SET SiteName = NEW.SiteName, SourceSite = NEW.SourceSite, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  UPDATE PkgServers_L
     SET LastRefresh = NEW.LastRefresh, RefreshTrigger = NEW.RefreshTrigger,
         UpdateMask = NEW.UpdateMask, Action = NEW.Action, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
END;
-- @pg
CREATE OR REPLACE FUNCTION PkgServers_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE PkgServers_G
     SET SiteName = NEW.SiteName, SourceSite = NEW.SourceSite, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  UPDATE PkgServers_L
     SET LastRefresh = NEW.LastRefresh, RefreshTrigger = NEW.RefreshTrigger,
         UpdateMask = NEW.UpdateMask, Action = NEW.Action, Cause = NEW.Cause, Trace = NEW.Trace
   WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  RETURN NEW;
END $$;
CREATE TRIGGER PkgServers_update INSTEAD OF UPDATE ON PkgServers
FOR EACH ROW EXECUTE FUNCTION PkgServers_update();
-- @both

-- @sqlite
CREATE TRIGGER PkgServers_delete INSTEAD OF DELETE ON PkgServers
BEGIN
  DELETE FROM PkgServers_L WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  DELETE FROM PkgServers_G WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
END;
-- @pg
CREATE OR REPLACE FUNCTION PkgServers_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM PkgServers_L WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  DELETE FROM PkgServers_G WHERE PkgID = OLD.PkgID AND NALPath = OLD.NALPath AND SiteCode = OLD.SiteCode;
  RETURN OLD;
END $$;
CREATE TRIGGER PkgServers_delete INSTEAD OF DELETE ON PkgServers
FOR EACH ROW EXECUTE FUNCTION PkgServers_delete();
-- @both

-- A package that is new here, made here or come by replication: DistMgr is told (type 2), and the
-- site's own row says that it is to be added (action 2).
-- @sqlite
CREATE TRIGGER SMSPackages_G_insert AFTER INSERT ON SMSPackages_G
BEGIN
  INSERT INTO SMSPackages_L (PkgID, Action, Cause, Trace)
  SELECT NEW.PkgID, 2, NEW.Cause, NEW.Trace
   WHERE NOT EXISTS (SELECT 1 FROM SMSPackages_L l WHERE l.PkgID = NEW.PkgID);
  INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey)
  VALUES (NEW.PkgID, NEW.Priority, 2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
-- @pg
CREATE OR REPLACE FUNCTION SMSPackages_G_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO SMSPackages_L (PkgID, Action, Cause, Trace)
  SELECT NEW.PkgID, 2, NEW.Cause, NEW.Trace
   WHERE NOT EXISTS (SELECT 1 FROM SMSPackages_L l WHERE l.PkgID = NEW.PkgID);
  INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey)
  VALUES (NEW.PkgID, NEW.Priority, 2, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
  RETURN NULL;
END $$;
CREATE TRIGGER SMSPackages_G_insert AFTER INSERT ON SMSPackages_G
FOR EACH ROW EXECUTE FUNCTION SMSPackages_G_insert();
-- @both

-- A distribution point given to a package at another site.
-- @sqlite
CREATE TRIGGER PkgServers_G_insert AFTER INSERT ON PkgServers_G
BEGIN
  INSERT INTO PkgServers_L (PkgID, NALPath, SiteCode, Action, Cause, Trace)
  SELECT NEW.PkgID, NEW.NALPath, NEW.SiteCode, 2, NEW.Cause, NEW.Trace
   WHERE NOT EXISTS (SELECT 1 FROM PkgServers_L l
                      WHERE l.PkgID = NEW.PkgID AND l.NALPath = NEW.NALPath
                        AND l.SiteCode = NEW.SiteCode);
END;
-- @pg
CREATE OR REPLACE FUNCTION PkgServers_G_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO PkgServers_L (PkgID, NALPath, SiteCode, Action, Cause, Trace)
  SELECT NEW.PkgID, NEW.NALPath, NEW.SiteCode, 2, NEW.Cause, NEW.Trace
   WHERE NOT EXISTS (SELECT 1 FROM PkgServers_L l
                      WHERE l.PkgID = NEW.PkgID AND l.NALPath = NEW.NALPath
                        AND l.SiteCode = NEW.SiteCode);
  RETURN NULL;
END $$;
CREATE TRIGGER PkgServers_G_insert AFTER INSERT ON PkgServers_G
FOR EACH ROW EXECUTE FUNCTION PkgServers_G_insert();
-- @both
