-- What machines said of themselves at this update point, and the events they reported. Kept apart
-- from the catalogue, so that a report need not wait until a synchronization is written.

CREATE TABLE Computers (
  ClientID text PRIMARY KEY,       -- GUID, lower case
  DnsName text NOT NULL,
  RequestedGroups text NOT NULL,   -- as the client asked, names separated by ';'
  OSDescription text NOT NULL,
  Architecture text NOT NULL,
  Manufacturer text NOT NULL,
  Model text NOT NULL,
  ClientVersion text NOT NULL,
  FirstSeen time NOT NULL,
  Registered time                  -- null until RegisterComputer
);

CREATE TABLE ClientEvents (
  EventNumber serial,
  EventInstanceID text NOT NULL UNIQUE, -- GUID, lower case; a repeated one is the same event
  ClientID text NOT NULL,
  TimeAtTarget time NOT NULL,
  ClientTime time,                 -- the client's clock when it sent the batch
  Received time NOT NULL,
  EventID int64 NOT NULL,
  SourceID int64 NOT NULL,
  UpdateID text NOT NULL,          -- zeros if none
  Revision int64 NOT NULL,
  Win32HResult int64 NOT NULL,
  AppName text NOT NULL,
  Strings text NOT NULL,           -- replacement strings, a line each
  Misc text NOT NULL               -- "tag=value", a line each
);
