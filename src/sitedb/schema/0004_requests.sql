-- What the management point must remember of clients beside their rows in Machines.

-- The time that stood in the newest registration of a client: an older one is a repetition.
CREATE TABLE MachineRequests (
  ResourceID int64 PRIMARY KEY REFERENCES Machines (ResourceID) ON DELETE CASCADE,
  RequestTime time NOT NULL
);

-- The last report of a machine that the management point rejected, and why. It matters as long as
-- no later one was taken (MachineContacts.LastReportTime).
CREATE TABLE SR_RejectedReports (
  ResourceID int64 PRIMARY KEY REFERENCES Machines (ResourceID) ON DELETE CASCADE,
  RejectedTime time NOT NULL,
  MessageID text NOT NULL,                    -- {GUID}, as in the client's CcmMessaging.log
  Reason text NOT NULL,
  Rejections int64 NOT NULL DEFAULT 1,        -- how many there have been
  Cause text NOT NULL DEFAULT '',
  Trace text NOT NULL DEFAULT ''
);
