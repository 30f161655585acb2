-- Who changed what.

-- name: audit_add
INSERT INTO Audit (AuditTime, UserName, Address, Action, ClassName, ObjectID, Method, Details, Result,
                   Trace)
VALUES (:time, :user, :address, :action, :class, :object, :method, :details, :result, :trace);

-- name: audit_rows
SELECT AuditID, AuditTime, UserName, Address, Action, ClassName, ObjectID, Method, Details, Result,
       Trace
  FROM Audit
 WHERE :before = 0 OR AuditID < :before
 ORDER BY AuditID DESC
 LIMIT :limit;
