-- The last number that a wish for a client was given (ClientTriggers.TriggerID): no number is given
-- out twice, also when the site was restored from a backup. It begins above those that the database
-- gave before this table was there.
CREATE TABLE ClientTriggerCounter (
  ID int64 PRIMARY KEY CHECK (ID = 1),
  LastNumber int64 NOT NULL
);
INSERT INTO ClientTriggerCounter (ID, LastNumber) VALUES (1, 1000000000);
