-- Products and classifications, and what is subscribed.

-- name: category_list
SELECT c.CategoryInstanceID, c.CategoryInstance_UniqueID, c.CategoryTypeName, c.CategoryInstanceName,
       c.ParentCategoryInstanceID, p.CategoryInstanceName AS ParentName, c.AllowSubscription,
       c.IsSubscribed, c.EndOfLife, c.Cause, c.Trace
  FROM CI_CategoryInstances c
  LEFT JOIN CI_CategoryInstances p ON p.CategoryInstanceID = c.ParentCategoryInstanceID
 WHERE c.IsDeleted = 0 AND (:type = '' OR c.CategoryTypeName = :type)
 ORDER BY c.CategoryTypeName, c.CategoryInstanceName, c.CategoryInstanceID;

-- name: category_find
SELECT c.CategoryInstanceID, c.CategoryInstance_UniqueID, c.CategoryTypeName, c.CategoryInstanceName,
       c.ParentCategoryInstanceID, p.CategoryInstanceName AS ParentName, c.AllowSubscription,
       c.IsSubscribed, c.EndOfLife, c.Cause, c.Trace
  FROM CI_CategoryInstances c
  LEFT JOIN CI_CategoryInstances p ON p.CategoryInstanceID = c.ParentCategoryInstanceID
 WHERE c.IsDeleted = 0
   AND (LOWER(c.CategoryInstance_UniqueID) = LOWER(:text)
        OR LOWER(c.CategoryInstanceName) = LOWER(:text))
 ORDER BY c.AllowSubscription DESC, c.CategoryInstanceID
 LIMIT 2;

-- name: category_subscribe
UPDATE CI_CategoryInstances
   SET IsSubscribed = :subscribe, DateLastModified = :now, Cause = :cause, Trace = :trace
 WHERE CategoryInstanceID = :id AND IsSubscribed <> :subscribe;
