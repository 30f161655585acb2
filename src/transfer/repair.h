/* repair.h - brings a file of the library back that is damaged or missing.
 *
 * Of a file that was set aside (verify.h) only the chunks that are not what the signature says are
 * fetched; without a signature, or when nothing is left of it, the whole file is. Whatever came is
 * proved by the whole file's hash before it is published.
 */
#pragma once

#include "content/library.h"
#include "content/signature.h"
#include "net/http_client.h"

/* Who may have the files of a content item: a distribution point, or the folder that the content
 * item was made from. */
typedef struct {
        char *name; /* of the server, or the folder */
        char *url;  /* "http://dp2.example.com", with a port where it is not 80; no path; or NULL */
        char *folder; /* or NULL */
} RepairSource;

void repair_source_free(RepairSource *source);

typedef struct {
        Library *library;
        HttpClient *http;
        const GPtrArray *sources; /* RepairSource, the best first */
        gint64 fetched;           /* bytes that came from sources, counted here */
        gint64 rate; /* bytes a second that may be read of damaged files; 0: no limit */
        int stop_fd; /* readable: no more waiting for that */
        gint64 read; /* of them, since the last wait */
} Repair;

/* Repairs the file of an entry that library_missing() told of. NOT_FOUND: no source has it. The
 * file is published when it returns true. */
bool repair_file(Repair *repair, const ContentTree *tree, const TreeEntry *entry,
                 const Signature *signature, GError **error) UK_MUST_USE;
