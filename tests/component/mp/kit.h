/* kit.h - a management point in a throw-away root, with its real HTTP server, and clients with
 * keys that talk to it.
 */
#pragma once

#include "crypto/sign.h"
#include "host/host.h"
#include "wire/envelope.h"

#define SITE   "PS1"
#define SUP    "PS1SITE.CONTOSO.COM"
#define SOURCE "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}"

typedef struct {
        char *root;
        Host *host;
        Db *db;     /* of the site, for rows and questions */
        char *base; /* http://127.0.0.1:<port> */
        HttpClient *http;
} World;

/* A client: a GUID and a key (made once per program and number). */
typedef struct {
        const char *guid;
        const char *name;
        SignKey *key;
} Client;

/* A root with the site's database, its update point at version 38, and the management point
 * running; settings go to mp.conf behind those that the kit needs. */
World *world_new(const char *settings);
/* Ends the management point; it may be started again. */
void world_stop(World *world);
void world_start(World *world);
void world_free(World *world);
/* For g_autoptr(). */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* Clients 0 to 2. */
Client client_get(guint number);
void clients_free(void);

/* Registers; the answer document. */
char *client_register(World *world, const Client *client, bool confirmation, gint64 time_us);
/* Registers and approves. */
void client_join(World *world, const Client *client);

/* What came back: status, the document of a reply (NULL if none), and headers. */
typedef struct {
        long status;
        char *document;
        char *refused; /* X-Upkeep-Refused, or NULL */
        char *body;    /* as it came */
        gsize size;
        char *type;
} Answer;

void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

/* Sends a message. key NULL: not signed. guid "": names no client. id is the message's. */
Answer world_send(World *world, const char *endpoint, const char *guid, const SignKey *key,
                  const char *id, const char *document);
/* The bytes of such a message and their content type; both the caller's. */
GBytes *world_frame(const char *endpoint, const char *guid, const SignKey *key, const char *id,
                    const char *document, char **type_out);
/* Sends bytes as they are. */
Answer world_post(World *world, const char *method, const char *path, const char *type,
                  const void *body, gsize size);
Answer world_get(World *world, const char *path);

/* A report of a client with that many messages of topic 500. */
char *report_of(const Client *client, guint messages, int priority);
/* The file names in a folder below the inboxes, sorted, separated by blanks; the caller's. */
char *world_files(World *world, const char *box);
/* Waits until the folder has that many files; then as above. */
char *world_await_files(World *world, const char *box, guint count);
/* A log, whole; the caller's. */
char *world_log(World *world, const char *log);
/* Asserts that the texts stand in the log in this order (NULL-terminated). */
void world_log_has(World *world, const char *log, ...) G_GNUC_NULL_TERMINATED;
/* Waits for a text in a log: the last lines of a request may follow its answer. */
void world_await_log(World *world, const char *log, const char *text);
