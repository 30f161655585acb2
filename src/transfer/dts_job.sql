-- Jobs of the Data Transfer Service.

-- name: dts_job_add
INSERT INTO DTSJob (JobID, Box, OwnerKey, Source, Target, Priority, State, BytesAll, CreatedTime,
                    Cause, Trace)
VALUES (:id, :box, :key, :source, :target, :priority, 'PendingDownload', :bytes, :now, :cause,
        :trace);

-- name: dts_job_add_file
INSERT INTO DTSFile (JobID, Seq, Path, Name, Title, Size, RangeFrom, IsOptional)
VALUES (:id, :seq, :path, :name, :title, :size, :range_from, :optional);

-- name: dts_job_load
SELECT JobID, Box, OwnerKey, Source, Target, State, Priority, Tries, BytesDone, BytesAll, NextTime,
       ErrorCode, Error, Trace
  FROM DTSJob
 WHERE JobID = :id;

-- name: dts_job_files
SELECT Seq, Path, Name, Title, Size, RangeFrom, IsOptional, ETag
  FROM DTSFile
 WHERE JobID = :id AND Seq > :after
 ORDER BY Seq
 LIMIT 1000;

-- name: dts_job_pending     the most urgent first
SELECT JobID, Box, OwnerKey, Source, Target, State, Priority, Tries, BytesDone, BytesAll, NextTime,
       ErrorCode, Error, Trace
  FROM DTSJob
 WHERE State = 'PendingDownload' AND (NextTime IS NULL OR NextTime <= :now OR NextTime > :latest)
 ORDER BY Priority, CreatedTime
 LIMIT 200;

-- name: dts_job_next_time
SELECT MIN(NextTime) AS NextTime FROM DTSJob
 WHERE State = 'PendingDownload' AND NextTime > :now AND NextTime <= :latest;

-- name: dts_job_untold     retrieved, and the owner may not know
SELECT JobID, Box, OwnerKey, Source, Target, State, Priority, Tries, BytesDone, BytesAll, NextTime,
       ErrorCode, Error, Trace
  FROM DTSJob
 WHERE State = 'RetrievedData';

-- name: dts_job_begin
UPDATE DTSJob SET State = 'DownloadingData', NextTime = NULL WHERE JobID = :id;

-- name: dts_job_state
UPDATE DTSJob SET State = :state, BytesDone = :bytes, ErrorCode = 0, Error = '' WHERE JobID = :id;

-- name: dts_job_failed
UPDATE DTSJob
   SET State = :state, Tries = :tries, BytesDone = :bytes, NextTime = :next, ErrorCode = :code,
       Error = :why
 WHERE JobID = :id;

-- name: dts_job_progress
UPDATE DTSJob SET BytesDone = :bytes, BytesAll = :all WHERE JobID = :id;

-- name: dts_job_etag
UPDATE DTSFile SET ETag = :etag WHERE JobID = :id AND Seq = :seq;

-- name: dts_job_resume     what ran when the program ended
UPDATE DTSJob SET State = 'PendingDownload' WHERE State = 'DownloadingData';

-- name: dts_job_remove_files
DELETE FROM DTSFile WHERE JobID = :id;

-- name: dts_job_remove
DELETE FROM DTSJob WHERE JobID = :id;

-- name: dts_job_limit
INSERT INTO DTSLimit (ID, RateLimit, Schedule) VALUES (1, :rate, :schedule)
ON CONFLICT (ID) DO UPDATE SET RateLimit = excluded.RateLimit, Schedule = excluded.Schedule;

-- name: dts_job_limits
SELECT RateLimit, Schedule FROM DTSLimit WHERE ID = 1;
