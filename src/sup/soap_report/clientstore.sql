-- Machines and their events at the update point.

-- name: clientstore_seen
INSERT INTO Computers (ClientID, DnsName, RequestedGroups, OSDescription, Architecture,
                       Manufacturer, Model, ClientVersion, FirstSeen)
VALUES (:id, :dns, :groups, '', '', '', '', '', :now)
ON CONFLICT (ClientID) DO UPDATE
   SET DnsName = excluded.DnsName, RequestedGroups = excluded.RequestedGroups;

-- name: clientstore_register
INSERT INTO Computers (ClientID, DnsName, RequestedGroups, OSDescription, Architecture,
                       Manufacturer, Model, ClientVersion, FirstSeen, Registered)
VALUES (:id, :dns, '', :os, :arch, :manufacturer, :model, :version, :now, :now)
ON CONFLICT (ClientID) DO UPDATE
   SET DnsName = excluded.DnsName, OSDescription = excluded.OSDescription,
       Architecture = excluded.Architecture, Manufacturer = excluded.Manufacturer,
       Model = excluded.Model, ClientVersion = excluded.ClientVersion,
       Registered = excluded.Registered;

-- name: clientstore_count
SELECT COUNT(*) AS N FROM Computers;

-- name: clientstore_trim_machines      those that registered longest ago go first
DELETE FROM Computers
 WHERE ClientID IN (SELECT ClientID FROM Computers
                     ORDER BY COALESCE(Registered, FirstSeen), ClientID LIMIT :number);

-- name: clientstore_is_registered
SELECT COUNT(*) AS N FROM Computers WHERE ClientID = :id AND Registered IS NOT NULL;

-- name: clientstore_add_event      the same event twice is one
INSERT INTO ClientEvents (EventInstanceID, ClientID, TimeAtTarget, ClientTime, Received, EventID,
                          SourceID, UpdateID, Revision, Win32HResult, AppName, Strings, Misc)
VALUES (:instance, :client, :time, :client_time, :received, :event, :source, :update, :revision,
        :hresult, :app, :strings, :misc)
ON CONFLICT (EventInstanceID) DO NOTHING;

-- name: clientstore_last_event
SELECT COALESCE(MAX(EventNumber), 0) AS N FROM ClientEvents;

-- name: clientstore_trim_events      the oldest go first
DELETE FROM ClientEvents WHERE EventNumber <= :last;
