-- What the management point sees of a client on its road from the policy to the report, for whoever
-- asks where the road is broken; and what a client is to be asked to do.

-- Written together with the contacts, now and then; a machine without a row was not seen since.
CREATE TABLE MachineLinks (
  ResourceID int64 PRIMARY KEY REFERENCES Machines (ResourceID) ON DELETE CASCADE,
  PolicyTime time,                            -- it last asked for its assignments
  BodyTime time,                              -- it last fetched the body of an UpdateSource policy,
  BodyVersion int64 NOT NULL DEFAULT 0,       -- which named this content version
  LocationTime time,                          -- it last asked where an update point is,
  LocationVersion int64 NOT NULL DEFAULT 0,   -- with this content version
  LocationURL text NOT NULL DEFAULT '',       -- the first it was given; '' none
  LocationReason text NOT NULL DEFAULT '',    -- why none
  ReportTime time,                            -- its last report was taken and is on its way,
  ReportSerial int64 NOT NULL DEFAULT 0       -- with messages up to this serial number
);

-- A wish waits here until the client has taken it. Schedule IDs are those of TriggerSchedule.
CREATE TABLE ClientTriggers (
  TriggerID serial,
  ResourceID int64 NOT NULL REFERENCES Machines (ResourceID) ON DELETE CASCADE,
  ScheduleID text NOT NULL,                   -- {00000000-0000-0000-0000-000000000113}
  RequestTime time NOT NULL,
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT '',
  UNIQUE (ResourceID, ScheduleID)
);
