-- The newest state of each topic without a table of its own.

-- name: topicstate_older
SELECT COUNT(*) AS Number
  FROM SR_StateMessages
 WHERE ResourceID = :machine AND TopicType = :type AND TopicID = :topic
   AND CASE WHEN :time > :now OR StateTime > :now THEN SerialNumber >= :serial
            ELSE StateTime > :time OR (StateTime = :time AND SerialNumber >= :serial) END;

-- name: topicstate_put
INSERT INTO SR_StateMessages (ResourceID, TopicType, TopicID, StateID, StateTime, SerialNumber,
                              Parameters, Details, CauseID)
VALUES (:machine, :type, :topic, :state, :time, :serial, :parameters, :details, :cause)
ON CONFLICT (ResourceID, TopicType, TopicID) DO UPDATE
   SET StateID = excluded.StateID, StateTime = excluded.StateTime,
       SerialNumber = excluded.SerialNumber, Parameters = excluded.Parameters,
       Details = excluded.Details, CauseID = excluded.CauseID;

-- name: topicstate_known
SELECT x.ResourceID, x.TopicType, x.TopicID, x.StateID, x.StateTime, x.SerialNumber, x.Parameters,
       x.Details, x.CauseID
  FROM SR_StateMessages x
  JOIN CI_ConfigurationItems ci ON ci.CI_UniqueID = x.TopicID
 WHERE x.TopicType = 500
 ORDER BY x.TopicID, x.ResourceID
 LIMIT :max;

-- name: topicstate_remove
DELETE FROM SR_StateMessages
 WHERE ResourceID = :machine AND TopicType = :type AND TopicID = :topic;
