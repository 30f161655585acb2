/* library_check.h - whether the definitions in a content library are whole, and making them again.
 *
 *   PkgLib/<PkgID>.INI        from what the writer knows, or the content items that are there
 *   DataLib/<ContentID>.INI   \
 *   DataLib/<ContentID>/…      } each from the others: the content hash proves which tree is right
 *   DataLib/<ContentID>.TREE  /
 *   FileLib/<4>/<HASH>.INI    from the trees that name the file
 *   SMSSIG$/<ContentID>.tar   from the files
 *
 * The bytes of files are verify.h's affair.
 */
#pragma once

#include "content/library.h"
#include "content/signature.h"

typedef struct {
        char *id;     /* of the content item, or of the package whose own INI it is */
        char *path;   /* below the library's root */
        bool missing; /* else damaged */
        bool mended;
} LibraryFlaw;

/* An empty list of LibraryFlaw, which owns them; the caller's. */
GPtrArray *library_flaws_new(void);
/* IDs of the packages that there are, whether their INIs can be read or not, in order, NULL-
 * terminated; the caller's. */
char **library_package_ids(Library *library, GError **error) UK_MUST_USE;
/* Adds what is wrong with the package's own INI, and makes it again if mend (a writer's) and that
 * can be done. *package_out, the caller's, is the package, or NULL when nobody knows what it holds.
 * NOT_FOUND when there is none of that ID. */
bool library_check_package(Library *library, const char *package_id, bool mend, GPtrArray *flaws,
                           LibraryPackage **package_out, GError **error) UK_MUST_USE;
/* The same for a content item that a package holds, with the notes of the users of its files. */
bool library_check_content(Library *library, const char *content_id, bool mend, GPtrArray *flaws,
                           GError **error) UK_MUST_USE;
/* The same for the signatures that a content item is to have. go_on (with user; NULL: they are only
 * looked at): they are made again from the files, where those are there. *read_out is how many
 * bytes were read. */
bool
library_check_signatures(Library *library, const char *content_id, LibraryGoOn go_on, gpointer user,
                         GPtrArray *flaws, gsize *read_out, GError **error) UK_MUST_USE;
/* The signature that is kept beside a file of that size, whether the file itself is there or not;
 * NULL without one that is of it. The caller's. */
Signature *library_signature(Library *library, const guint8 *hash, gint64 size);
