-- Numbers with the site's number in the upper bits.

-- name: sitekey_take
INSERT INTO SiteKeys (KeyName, LastNumber) VALUES (:name, :count)
ON CONFLICT (KeyName) DO UPDATE SET LastNumber = SiteKeys.LastNumber + :count
RETURNING LastNumber;

-- name: sitekey_site_number
SELECT s.SiteNumber FROM SMSData d JOIN Sites s ON s.SiteCode = d.ThisSiteCode;
