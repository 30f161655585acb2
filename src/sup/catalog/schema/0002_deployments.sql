-- What the exchange by lists of revisions needs beyond the updates themselves (DEB-030, DEB-032):
-- rules and deployments of updates, detectoids, and numbers that were given out before.

ALTER TABLE CatalogUpdates ADD COLUMN OwnArches text NOT NULL DEFAULT '';  -- where it owns a binary, separated by blanks
ALTER TABLE CatalogUpdates ADD COLUMN Special text NOT NULL DEFAULT '';    -- binaries whose rule is not the usual one, see catalog_run_rules.c
ALTER TABLE CatalogUpdates ADD COLUMN RuleHash int64 NOT NULL DEFAULT 0;   -- over what it owns
-- A deployment that was made anew because what the update owns changed: its number, of the same
-- series as those of revisions, with which change it came, and when. 0: the revision's own.
ALTER TABLE CatalogUpdates ADD COLUMN DeploymentID int64 NOT NULL DEFAULT 0;
ALTER TABLE CatalogUpdates ADD COLUMN DeploymentChange int64 NOT NULL DEFAULT 0;
ALTER TABLE CatalogUpdates ADD COLUMN DeploymentTime time;

ALTER TABLE CatalogCategories ADD COLUMN Changed time;

-- "This machine is a …": what updates have as their prerequisites.
CREATE TABLE CatalogDetectoids (
  DetectoidID text PRIMARY KEY,    -- GUID
  CategoryID text NOT NULL,        -- of the product; '' for an architecture
  Architecture text NOT NULL,      -- '' for a product
  Rule text NOT NULL,              -- of a product: for whom it is (deb/machine.h)
  RevisionID int64 NOT NULL UNIQUE,
  Revision int64 NOT NULL,
  Changed time NOT NULL
);

-- Numbers that present categories and detectoids had before: who still holds one has the item.
CREATE TABLE CatalogFormer (
  RevisionID int64 PRIMARY KEY,
  ItemID text NOT NULL             -- GUID
);
