-- State messages: CCM_StateMsg.

-- name: statemsg_put     never older than what it replaces, whatever the clock did (COMP-071)
INSERT INTO CCM_StateMsg (TopicType, TopicID, TopicIDType, StateID, ParamCount, Param1, Param2,
                          Param3, Param4, Param5, StateDetails, MessageTime, Cause, Trace)
VALUES (:type, :id, :id_type, :state, :count, :p1, :p2, :p3, :p4, :p5, :details, :time, :cause,
        :trace)
ON CONFLICT (TopicType, TopicID) DO UPDATE
   SET TopicIDType = excluded.TopicIDType, StateID = excluded.StateID,
       ParamCount = excluded.ParamCount, Param1 = excluded.Param1, Param2 = excluded.Param2,
       Param3 = excluded.Param3, Param4 = excluded.Param4, Param5 = excluded.Param5,
       StateDetails = excluded.StateDetails,
       MessageTime = CASE WHEN excluded.MessageTime > CCM_StateMsg.MessageTime
                          THEN excluded.MessageTime ELSE CCM_StateMsg.MessageTime END,
       MessageSent = 0, ReportID = '', IsRecorded = 0, Cause = excluded.Cause, Trace = excluded.Trace;

-- name: statemsg_unrecorded
SELECT TopicType, TopicID, StateID FROM CCM_StateMsg WHERE IsRecorded = 0
 ORDER BY MessageTime, TopicType, TopicID;

-- name: statemsg_set_recorded
UPDATE CCM_StateMsg SET IsRecorded = 1 WHERE IsRecorded = 0;

-- name: statemsg_oldest_unsent
SELECT MessageTime FROM CCM_StateMsg WHERE MessageSent = 0 AND ReportID = ''
 ORDER BY MessageTime LIMIT 1;

-- name: statemsg_next_trace     messages of one piece of work travel together; a resynchronization first
SELECT Trace FROM CCM_StateMsg WHERE MessageSent = 0 AND ReportID = ''
 ORDER BY CASE TopicType WHEN 700 THEN 0 ELSE 1 END, MessageTime, TopicType, TopicID LIMIT 1;

-- name: statemsg_unsent
SELECT TopicType, TopicID, TopicIDType, StateID, ParamCount, Param1, Param2, Param3, Param4, Param5,
       StateDetails, MessageTime
  FROM CCM_StateMsg WHERE MessageSent = 0 AND ReportID = '' AND Trace = :trace
 ORDER BY CASE TopicType WHEN 700 THEN 0 ELSE 1 END, MessageTime, TopicType, TopicID LIMIT :max;

-- name: statemsg_set_forwarded
UPDATE CCM_StateMsg SET ReportID = :report, SerialNumber = :serial
 WHERE TopicType = :type AND TopicID = :id;

-- name: statemsg_set_sent
UPDATE CCM_StateMsg SET MessageSent = 1, ReportID = '' WHERE ReportID = :report;

-- name: statemsg_set_unsent
UPDATE CCM_StateMsg SET ReportID = '' WHERE ReportID = :report;

-- name: statemsg_set_all_unsent     also what is under way: the site takes it for news of before
UPDATE CCM_StateMsg SET MessageSent = 0, ReportID = '', Trace = :trace, Cause = :cause;

-- name: statemsg_remove_old     what the site was told long ago and what is no news any more
DELETE FROM CCM_StateMsg
 WHERE MessageSent = 1 AND TopicType = 500 AND StateID = 1 AND MessageTime < :before;

-- name: statemsg_serial
SELECT SerialNumber FROM CCM_StateMsg_SerialNum WHERE ID = 1;

-- name: statemsg_set_serial
UPDATE CCM_StateMsg_SerialNum SET SerialNumber = :serial WHERE ID = 1;
