-- Each trace that a file carried, once for its kind; and what was done about it, however often.

-- name: rowreader_see
INSERT INTO Seen (Kind, Trace) VALUES (:kind, :trace) ON CONFLICT (Kind, Trace) DO NOTHING;

-- name: rowreader_act
INSERT INTO Effects (Kind, Trace, Seq) VALUES (:kind, :trace, :seq);
