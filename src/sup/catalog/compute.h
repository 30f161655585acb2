/* compute.h - from the stanzas of a product's indices to its updates: a pure function.
 *
 * One update per source package version, whatever suites carry it (DEB-020); its classification
 * from the strictest of them (DEB-022); who owns which binary on which architecture, and which
 * updates are superseded (DEB-026). The same indices give the same result in the same order
 * everywhere.
 */
#pragma once

#include "sup/catalog/stanzas.h"

/* An index with its suite. All borrowed; it must outlive the result. */
typedef struct {
        gint64 suite_id;
        const char *uri, *suite, *component;
        const char *arch;   /* "amd64", "all"; "" of a flat archive */
        const char *serves; /* architectures, separated by blanks, its "all" packages count for */
        int priority;       /* 500, 100, 1 */
        int classification; /* an EvalSetClass */
        gint64 date_us;     /* of the Release */
        const guint8 *stanzas;
        gsize size;
} ComputeIndex;

/* A binary package of an update. */
typedef struct {
        Stanza s;
        const ComputeIndex *index; /* the strictest that has it */
        int priority;              /* the best of those that have it */
        guint rank;                /* of the strictest classification */
        guint update;
        guint name;     /* number of the package's name */
        guint64 serves; /* architectures it is for: bits, in the order of arches */
        guint64 owned;  /* on which it is the highest version there is */
} ComputeFile;

typedef struct {
        Slice source, version;
        int classification;
        const char *severity; /* static; "" if the archive says nothing */
        Slice description, homepage;
        guint first_file, file_count; /* by package, architecture, version */
        guint64 size;
        gint64 date_us;
        bool superseded;
        guint first_superseder, superseder_count; /* if superseded: updates, in their order */
} ComputeUpdate;

typedef struct {
        char **arches; /* NULL-terminated, sorted */
        guint arch_count;
        ComputeFile *files;
        guint file_count;
        ComputeUpdate *updates; /* by source, then version, byte for byte */
        guint update_count;
        guint *superseders;
        GPtrArray *refusals; /* of char *: stanzas that contradict one of a stricter suite */
} Compute;

/* PARSE when stanzas are damaged, LIMIT above 60 architectures. The caller frees the result. */
Compute *compute_product(const ComputeIndex *indexes, guint count, GError **error) UK_MUST_USE;
void compute_free(Compute *compute);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Compute, compute_free)
