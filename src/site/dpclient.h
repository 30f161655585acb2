/* dpclient.h - the site server's side of a distribution point's interface (docs/distribution-
 * point.md).
 *
 * One function, one request, signed by the site's key, or, for what follows an order, with its
 * token. Every call has deadlines. Errors are sentences for people; NETWORK, REMOTE and FULL are
 * the distribution point's troubles, which pass.
 */
#pragma once

#include "crypto/sign.h"
#include "net/http_client.h"

/* Whom to ask, and as whom. All borrowed. */
typedef struct {
        HttpClient *http;
        const SignKey *key;
        const char *site;      /* site code */
        const char *base;      /* "http://PS1DP1:80" */
        const char *server;    /* its name, for which requests are signed, and for messages */
        gint64 rate;           /* bytes a second of what is sent; 0 unlimited */
        unsigned silent;       /* seconds without a byte until a call has failed; 0: 30 */
        HttpProgress progress; /* told about twice a second while a body is sent; may be NULL */
        gpointer user;
        gint64 sent; /* bytes of bodies sent so far; counted here */
} DpClient;

/* A package that a distribution point holds. */
typedef struct {
        char *pkg_id;
        gint64 version;
} DpHeld;

/* What a distribution point says of itself. */
typedef struct {
        char *identity, *certificate, *software;
        gint64 bytes_free, bytes_total;
        GArray *held; /* DpHeld; NULL: it does not say */
} DpAnswer;

void dpclient_answer_clear(DpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DpAnswer, dpclient_answer_clear)
/* body: the JSON of `configure`. */
bool dpclient_configure(DpClient *client, const char *body, DpAnswer *answer_out,
                        GError **error) UK_MUST_USE;

/* What an order lacks. */
typedef struct {
        guint8 hash[32];
        gint64 size, position;
        bool has_old;
        guint8 old[32];
} DpMissing;

typedef struct {
        guint8 new_hash[32], old_hash[32]; /* of content items */
} DpFrame;

typedef struct {
        char *id;
        char *token;     /* to be shown with what follows */
        GArray *missing; /* DpMissing */
        GArray *frames;  /* DpFrame */
} DpOrderAnswer;

void dpclient_order_free(DpOrderAnswer *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DpOrderAnswer, dpclient_order_free)
/* Says what is about to be sent. related: content items of older versions that the site has,
 * separated by commas; sparse: what files with holes take of a disk, "<hash>=<bytes>" with commas;
 * NULL: none. The caller frees the answer. */
DpOrderAnswer *dpclient_order(DpClient *client, GBytes *bundle, bool redistribute,
                              const char *related, const char *sparse, GError **error) UK_MUST_USE;

typedef enum {
        DPCLIENT_TAKEN,
        DPCLIENT_ELSEWHERE, /* another position is wanted: *position_out */
        DPCLIENT_WRONG,     /* what came of it has another hash; it begins anew */
} DpVerdict;

/* PUTs below an order: path is "/SMS_DP$/<name>?order=<id>…"; zstd says that data is compressed. */
bool dpclient_put(DpClient *client, const char *path, const char *token, GBytes *data, bool zstd,
                  DpVerdict *verdict_out, gint64 *position_out, GError **error) UK_MUST_USE;
/* Small files that come with the end of an order. */
typedef struct {
        GBytes *bytes; /* NULL: none */
        bool zstd;     /* they are compressed */
} DpBatch;

/* How an order ended. */
typedef enum {
        DPCLIENT_DONE,
        DPCLIENT_LACKING, /* it still lacks something; then nothing has changed */
        DPCLIENT_REFUSED, /* the small files that came with it are not those of their hashes */
} DpEnd;

/* Ends the order, of a package of so many files: the more there are, the longer it may say nothing.
 * *bytes_free_out: on its volume, -1 where it does not say. */
bool
dpclient_commit(DpClient *client, const DpOrderAnswer *order, gint64 files, const DpBatch *batch,
                DpEnd *end_out, gint64 *bytes_free_out, GError **error) UK_MUST_USE;

/* Takes the package out. */
bool dpclient_remove(DpClient *client, const char *pkg_id, GError **error) UK_MUST_USE;
/* <PkgID>.tz for a pull distribution point. */
bool
dpclient_bundle(DpClient *client, const char *pkg_id, GBytes *bundle, GError **error) UK_MUST_USE;
/* The notification. BUSY: it has too many. */
bool dpclient_notify(DpClient *client, const char *document, GError **error) UK_MUST_USE;
/* Ends the pull of a package. */
bool
dpclient_cancel(DpClient *client, const char *pkg_id, gint64 version, GError **error) UK_MUST_USE;

/* Halts the pull of a package, or lets it go on. NOT_FOUND: it is not being pulled there. */
bool dpclient_pause(DpClient *client, const char *pkg_id, gint64 version, bool paused,
                    GError **error) UK_MUST_USE;

/* How far a package is there. */
typedef struct {
        gint64 version, percent, bytes_done, bytes_all;
        char *state; /* Installed, Downloading, Waiting, Failed, Absent */
        char *error;
} DpPackageState;

void dpclient_package_clear(DpPackageState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DpPackageState, dpclient_package_clear)
bool dpclient_package(DpClient *client, const char *pkg_id, DpPackageState *state_out,
                      GError **error) UK_MUST_USE;
/* What a distribution point finds that reads a package's files. */
typedef struct {
        gint64 version; /* that it has; 0: it does not say */
        gint64 damaged; /* files */
        char *first;    /* one of them; "" none */
} DpReading;

void dpclient_reading_clear(DpReading *reading);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DpReading, dpclient_reading_clear)
/* Takes as long as the reading does. */
bool dpclient_verify(DpClient *client, const char *pkg_id, DpReading *reading_out,
                     GError **error) UK_MUST_USE;
