-- What distribution points hold without a record of it.

-- name: straycontent_found
INSERT INTO DPStrayContent (DPID, PkgID, Version, Action, SeenTime, Cause, Trace)
SELECT d.DPID, :pkg_id, :version, 0, :now, 'configure', :trace
  FROM DistributionPoints d
 WHERE d.DPID = :dp_id
   AND NOT EXISTS (SELECT 1 FROM PkgServers_L s WHERE s.NALPath = d.NALPath AND s.PkgID = :pkg_id)
ON CONFLICT (DPID, PkgID) DO UPDATE SET Version = excluded.Version, SeenTime = excluded.SeenTime;

-- name: straycontent_not_found
DELETE FROM DPStrayContent WHERE DPID = :dp_id AND SeenTime < :now;

-- name: straycontent_count
SELECT COUNT(*) AS Number FROM DPStrayContent WHERE DPID = :dp_id;

-- name: straycontent_ask_removal      what was given to it meanwhile is none any more
UPDATE DPStrayContent SET Action = 3, Cause = :cause, Trace = :trace
 WHERE DPID = :dp_id
   AND NOT EXISTS (SELECT 1 FROM PkgServers_L s
                     JOIN DistributionPoints d ON d.NALPath = s.NALPath
                    WHERE d.DPID = DPStrayContent.DPID AND s.PkgID = DPStrayContent.PkgID);

-- name: straycontent_list_going
SELECT s.PkgID, s.Trace FROM DPStrayContent s WHERE s.DPID = :dp_id AND s.Action = 3 ORDER BY s.PkgID;

-- name: straycontent_going
SELECT s.PkgID, s.Trace FROM DPStrayContent s
 WHERE s.DPID = :dp_id AND s.PkgID = :pkg_id AND s.Action = 3
   AND NOT EXISTS (SELECT 1 FROM PkgServers_L l
                     JOIN DistributionPoints d ON d.NALPath = l.NALPath
                    WHERE d.DPID = s.DPID AND l.PkgID = s.PkgID);

-- name: straycontent_delete
DELETE FROM DPStrayContent WHERE DPID = :dp_id AND PkgID = :pkg_id;
