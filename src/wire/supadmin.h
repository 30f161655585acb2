/* supadmin.h - what a site server and its update points say to each other (SYNC-009).
 *
 *   WSyncMgr, WCM --PUT /SupAdmin/configuration------> update point   SupConfig
 *   WSyncMgr      --POST /SupAdmin/synchronization---> update point   SupStart; answer SupStatus
 *   WSyncMgr      --GET /SupAdmin/status?seen=N------> update point   SupStatus, at once if its
 *                                                      number is not N, else on a change or after 5
 * s WSyncMgr      --GET /SupAdmin/changes?since=A----> update point   a stream of SupRecord, which
 *                                                      ends with an end record or is broken
 *
 * Configuration, start and status are JSON. The stream is lines of tab-separated fields, because
 * a first synchronization moves tens of thousands of updates with all their files: a letter for
 * the kind of line, then the fields; \t, \n and \\ stand for tab, newline and backslash. An update
 * is its U line and the lines that follow it up to the next U or E. Sent with Content-Encoding
 * gzip when asked for. Every request is signed by the site's key (see site request signature in
 * the architecture page); the update point knows the site's certificate.
 */
#pragma once

#include "base/error.h"

#define SUPADMIN_MAX_LINE     (1024 * 1024) /* bytes of one line of the stream */
#define SUPADMIN_MAX_DOCUMENT (4 * 1024 * 1024)

/* What is to be synchronized; the criteria of SYNC-006. A product or classification that stands in
 * neither list is left as it is: wanted, if its archive is one of the update point's sources. */
typedef struct {
        char **wanted;   /* UpdateIDs of products and classifications; never NULL after reading */
        char **unwanted; /* likewise */
} SupConfig;

char *supadmin_config_write(const SupConfig *config);
SupConfig *supadmin_config_read(const char *json, gsize size, GError **error) UK_MUST_USE;
void supadmin_config_free(SupConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SupConfig, supadmin_config_free)

typedef enum {
        SUP_IDLE, /* nothing was ever started, or the last run has ended: see result */
        SUP_RUNNING,
} SupState;

typedef enum {
        SUP_RESULT_NONE,
        SUP_RESULT_SUCCEEDED,
        SUP_RESULT_PARTLY, /* some sources failed and kept their old content (DEB-014) */
        SUP_RESULT_FAILED,
} SupResult;

typedef enum {
        SUP_PHASE_NONE,
        SUP_PHASE_CATEGORIES,
        SUP_PHASE_UPDATES,
} SupPhase;

/* One source (a suite of an archive, say) as the last run left it. */
typedef struct {
        char *name; /* "http://… bookworm-security" */
        bool failed;
        char *error;     /* the sentence of its refusal, "" if none */
        gint64 as_of_us; /* time of the content that is served (the archive's own Date); 0 none */
} SupSource;

typedef struct {
        gint64 number; /* grows with every change of this document */
        char *run;     /* GUID of the last run, "" if none */
        SupState state;
        SupPhase phase;
        gint64 done, total; /* items of the phase */
        SupResult result;
        char *place, *error; /* of a failure: insertion strings of 6703 */
        gint64 items;        /* updates that the run processed in all */
        gint64 anchor;       /* of the catalogue's content now */
        char *epoch;         /* GUID of the catalogue: anchors of another one mean nothing to it */
        bool readable;       /* the results of the run can be read (SYNC-031) */
        gint64 started_us, ended_us;
        GPtrArray *sources; /* of SupSource; never NULL */
} SupStatus;

char *supadmin_status_write(const SupStatus *status);
SupStatus *supadmin_status_read(const char *json, gsize size, GError **error) UK_MUST_USE;
/* An empty status, for its writer to fill. */
SupStatus *supadmin_status_new(void);
void supadmin_source_free(SupSource *source);
void supadmin_status_free(SupStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SupStatus, supadmin_status_free)

/* The stream. Each kind of record has its fields in this order; all are text in the stream, ""
 * where unknown. A reader passes over kinds it does not know and fields it does not expect. */
typedef enum {
        SUP_RECORD_CATEGORY, /* C, fields of SupCategoryField */
        SUP_RECORD_UPDATE,   /* U, fields of SupUpdateField */
        SUP_RECORD_FILE,     /* F, fields of SupFileField, of the update before */
        SUP_RECORD_BY,       /* S id: the update before is superseded by that one */
        SUP_RECORD_END,      /* E anchor count-of-updates epoch */
        SUP_RECORD_OTHER,
} SupRecordKind;

/* Fields of a C line; a parent comes before its children. */
typedef enum {
        SUP_C_ID,
        SUP_C_TYPE, /* Company, ProductFamily, Product, UpdateClassification */
        SUP_C_PARENT,
        SUP_C_TITLE,
        SUP_C_DEFAULT,     /* 1: synchronized unless somebody chose otherwise */
        SUP_C_END_OF_LIFE, /* ISO 8601, "" unknown */
        SUP_C_FIELDS
} SupCategoryField;

/* Fields of an F line; the last four of a Debian binary package, "" for other files. */
typedef enum {
        SUP_F_NAME,
        SUP_F_SIZE,
        SUP_F_SHA256, /* hexadecimal */
        SUP_F_URL,
        SUP_F_PACKAGE,
        SUP_F_ARCHITECTURE,
        SUP_F_VERSION,
        SUP_F_OWNED, /* 0/1 */
        SUP_F_FIELDS
} SupFileField;

/* Fields of a U line. */
typedef enum {
        SUP_U_ID,
        SUP_U_REVISION,
        SUP_U_CLASSIFICATION, /* UpdateID of the classification */
        SUP_U_PRODUCT,        /* UpdateID of the product */
        SUP_U_SEVERITY,       /* 0 none, 2 low, 6 moderate, 8 important, 10 critical */
        SUP_U_ARTICLE,
        SUP_U_CREATED,    /* ISO 8601 */
        SUP_U_REVISED,    /* ISO 8601 */
        SUP_U_SIZE,       /* bytes of all files */
        SUP_U_EXPIRED,    /* 0/1 */
        SUP_U_SUPERSEDED, /* 0/1 */
        SUP_U_NEW,        /* 1: arrived after `since`; 0: only changed */
        SUP_U_TITLE,
        SUP_U_DESCRIPTION,
        SUP_U_URL,
        SUP_U_FIELDS
} SupUpdateField;

#define SUPADMIN_MAX_FIELDS 16

/* A line that was read; the texts live in the line's buffer until the next line. */
typedef struct {
        SupRecordKind kind;
        guint count; /* fields present */
        char *fields[SUPADMIN_MAX_FIELDS];
} SupRecord;

/* A line in parts: its kind, its fields in their order (size 0 is "", text may then be NULL). */
void supadmin_line_begin(GString *out, SupRecordKind kind);
void supadmin_field_add(GString *out, const char *text, gsize size);
void supadmin_line_end(GString *out);
/* Appends a line of a kind with its fields (NULL is ""). */
void supadmin_line_write(GString *out, SupRecordKind kind, const char *const *fields, guint count);

/* Reads a stream that comes in pieces: add bytes, then take lines until there is none. */
typedef struct SupReader SupReader;
SupReader *supadmin_reader_new(void);
void supadmin_reader_free(SupReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SupReader, supadmin_reader_free)
void supadmin_reader_add(SupReader *reader, const void *data, gsize size);
/* *got_out false: no whole line yet. PARSE for a NUL, bad UTF-8 or a kind with too few fields,
 * LIMIT for a line above the cap. */
bool supadmin_reader_next(SupReader *reader, SupRecord *record_out, bool *got_out,
                          GError **error) UK_MUST_USE;
