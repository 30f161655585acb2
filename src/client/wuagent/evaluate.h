/* evaluate.h - what of the updates of a catalogue this machine lacks and what it has.
 *
 *   evaluation set (source.h) + machine (dpkg, os-release, apt sources) --> states
 *
 * Pure functions: no network, no database, no log; one thread at a time. The answer must be the one
 * apt would give (DEB-001 to DEB-003, DEB-030 to DEB-033).
 */
#pragma once

#include "base/error.h"

/* What the rules ask about, read once for a scan. */
typedef struct Machine Machine;

/* Reads it below root ("/"): dpkg's status and architectures, os-release, the apt sources; without
 * privileges, without a lock, without running apt or dpkg. A file that changes while it is read is
 * read again (DEB-040). NOT_FOUND, PARSE name file and line. The caller frees the result. */
Machine *evaluate_machine_read(const char *root, GError **error) UK_MUST_USE;
void evaluate_machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, evaluate_machine_free)
/* Borrowed. os-release's ID, VERSION_ID, VERSION_CODENAME ("" if absent) and PRETTY_NAME; the
 * architectures, NULL-terminated, the native one first. */
const char *evaluate_machine_os(const Machine *machine);
const char *evaluate_machine_version(const Machine *machine);
const char *evaluate_machine_codename(const Machine *machine);
const char *evaluate_machine_pretty_name(const Machine *machine);
const char *const *evaluate_machine_architectures(const Machine *machine);

/* The numbers are the state IDs of topic 500. */
typedef enum {
        EVALUATE_NOT_APPLICABLE = 1,
        EVALUATE_MISSING = 2,
        EVALUATE_INSTALLED = 3,
} EvaluateState;

/* An installed package that makes an update missing (DEB-041). */
typedef struct {
        const char *name;
        const char *architecture; /* of the installed stanza: "all" too */
        const char *installed;    /* version */
        const char *available;    /* version */
        bool held;                /* DEB-033 */
} EvaluatePackage;

typedef struct {
        const char *update_id; /* GUID, lower case, without braces */
        int revision;
        const char *title;
        EvaluateState state;
        const char *superseded_by;       /* UpdateID of the first that does, "" if none */
        const char *superseded_by_class; /* its classification, "" if none */
        const char *product_id;          /* GUID */
        const char *classification_id;   /* GUID */
        const char *article;             /* "" if none */
        const EvaluatePackage *packages; /* of a missing update */
        guint package_count;
} EvaluateUpdate;

/* Told of each update that is missing or installed; all is borrowed until it returns. False stops
 * with that error. */
typedef bool (*EvaluateFn)(gpointer user, const EvaluateUpdate *update, GError **error);

/* Sums over the sets of a scan; added to. */
typedef struct {
        guint deployed;  /* updates in the sets */
        guint evaluated; /* of those, whose rules were asked */
        guint missing;
        guint installed;
        guint not_applicable; /* the rest of deployed */
        guint categories;     /* products and classifications that the sets name */
} EvaluateCounts;

/* Evaluates one set. A set for another product or architecture counts and tells nothing. PARSE when
 * the bytes are no evaluation set; fn may have been called before. */
bool evaluate_set(const Machine *machine, const void *set, gsize size, EvaluateFn fn, gpointer user,
                  EvaluateCounts *counts, GError **error) UK_MUST_USE;
