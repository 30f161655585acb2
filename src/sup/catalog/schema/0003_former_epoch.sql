-- Which catalogue this one was before it was made another one: after a restore of the site it is
-- known by that, where one that somebody put back is not.

ALTER TABLE CatalogState ADD COLUMN FormerEpoch text NOT NULL DEFAULT '';
