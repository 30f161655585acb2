-- The outgoing queue.

-- name: ccmmessaging_add
INSERT INTO OutgoingMessage (ID, Queue, Endpoint, ReplyTo, Box, ReplyKey, Body, IsOpen,
                             CreatedTime, ExpireTime, Cause, Trace)
VALUES (:id, :queue, :endpoint, :reply_to, :box, :key, :body, :open, :now, :expire, :cause, :trace);

-- name: ccmmessaging_count_endpoint
SELECT COUNT(*) FROM OutgoingMessage WHERE Endpoint = :endpoint;

-- name: ccmmessaging_next     in order; while the client is not served, what registers it
SELECT Seq, ID, Queue, Endpoint, ReplyTo, Box, ReplyKey, Body, IsOpen, CreatedTime, ExpireTime, Tries,
       Cause, Trace
  FROM OutgoingMessage
 WHERE Seq > :after AND (IsOpen = 1 OR :held = 0)
 ORDER BY Seq LIMIT 1;

-- name: ccmmessaging_remove
DELETE FROM OutgoingMessage WHERE ID = :id;

-- name: ccmmessaging_failed
UPDATE OutgoingMessage SET Tries = Tries + 1, LastError = :why WHERE ID = :id;
