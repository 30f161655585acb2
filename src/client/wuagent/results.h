/* results.h - the results of a search on their way from WUAgent through WUAHandler to UpdatesStore.
 *
 * They travel as letters in memory; a killed client searches again.
 */
#pragma once

#include "base/error.h"

/* The numbers are the state IDs of topic 500. */
typedef enum {
        RESULT_NOT_APPLICABLE = 1,
        RESULT_MISSING = 2,
        RESULT_INSTALLED = 3,
} ResultState;

/* WSUS's classifications that decide something here. */
#define RESULT_CLASS_SECURITY    "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define RESULT_CLASS_CRITICAL    "e6cf1350-c01b-414d-a61f-263d14d133b4"
#define RESULT_CLASS_SERVICEPACK "68c5b0a3-d1a6-4553-ae49-01d3a7827828"
#define RESULT_CLASS_DEFINITION  "e0789628-ce08-4437-be74-2495b842f43b"

/* An installed package that makes an update missing (DEB-041), or is not the archive's (DEB-003).
 */
typedef struct {
        char *name, *architecture;
        char *installed; /* version */
        char *available; /* version to come; of another build: the fields that differ */
        bool held;
} ResultPackage;

typedef struct {
        char *update_id; /* GUID, lower case, without braces */
        gint64 revision;
        ResultState state; /* missing or installed */
        char *title;
        char *article;
        char *product_id;
        char *classification_id;
        char *superseded_by;       /* UpdateID, "" if none */
        char *superseded_by_class; /* its classification */
        GPtrArray *packages;       /* of ResultPackage; never NULL */
} ResultUpdate;

typedef struct {
        char *job_id;       /* scan job it was for */
        guint32 error_code; /* 0: none; else nothing but error_text is set */
        char *error_text;
        gint64 time_us;          /* when the machine was looked at */
        guint32 deployed;        /* updates in the sets */
        guint32 evaluated;       /* of those, whose rules were asked */
        guint32 categories;      /* products and classifications */
        GPtrArray *updates;      /* of ResultUpdate; never NULL */
        GPtrArray *other_builds; /* of ResultPackage; never NULL */
} SearchResult;

SearchResult *results_new(const char *job_id);
void results_free(SearchResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchResult, results_free)
/* Adds an update; texts are copied, packages are added by the caller. Borrowed. */
ResultUpdate *results_add(SearchResult *result, const char *update_id, gint64 revision,
                          ResultState state, const char *title, const char *article,
                          const char *product_id, const char *classification_id);
/* Adds a package to an array of them; texts are copied. */
void results_add_package(GPtrArray *packages, const char *name, const char *architecture,
                         const char *installed, const char *available, bool held);
/* How many updates are in a state. */
guint results_count(const SearchResult *result, ResultState state);

/* Drops superseded updates, but for those that a service pack or a definition update supersedes
 * (COMP-047). */
void results_drop_superseded(SearchResult *result);

/* The letter, and back. PARSE for anything that results_write did not make. */
GBytes *results_write(const SearchResult *result);
SearchResult *results_read(const void *data, gsize size, GError **error) UK_MUST_USE;
