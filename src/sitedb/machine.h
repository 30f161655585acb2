/* machine.h - the machines of a site: registered with a key, approved, blocked, deleted; when they
 * were last heard of.
 */
#pragma once

#include "db/db.h"

typedef enum {
        MACHINE_PENDING = 0, /* registered, not approved: gets no policy */
        MACHINE_APPROVED = 1,
        MACHINE_BLOCKED = 2,
} MachineState;

typedef struct {
        gint64 id;   /* ResourceID */
        char *smsid; /* GUID:<GUID, upper case> */
        char *name;  /* NetBIOS or host name */
        char *full_name, *domain;
        char *site;
        gint64 state; /* MachineState */
        gint64 state_us;
        gint64 registered_us;
        char *version; /* of the client */
        char *os, *architecture;
        char *certificate; /* PEM */
        char *fingerprint; /* SHA-256 of it, lower-case hexadecimal */
        char *cause, *trace;
        gint64 contact_us; /* last contact, 0 never; and so below */
        gint64 report_us;  /* last report that was taken in */
        gint64 serial;     /* highest serial number of its state messages */
} Machine;

void machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_free)

/* "GUID:<upper case>" of a GUID with or without that prefix, blanks and braces; NULL if it is
 * none. The caller frees it. */
char *machine_smsid(const char *text);

typedef struct {
        const char *smsid; /* what the client calls itself; "" asks for a new one */
        const char *name, *full_name, *domain;
        const char *version, *os, *architecture;
        const char *certificate;
        const char *fingerprint;
} MachineRegistration;

/* Registers a machine: a new one as pending, or approved at once; one whose key is known keeps its
 * ID and its state and gets its names and versions brought up to date. DENIED when the ID belongs
 * to a machine with another key; INVALID for what no registration can be. The caller frees the
 * result. */
Machine *machine_register(DbTx *tx, const MachineRegistration *registration, bool approve,
                          const char *cause, GError **error) UK_MUST_USE;
/* Approves or blocks. *changed_out may be NULL. NOT_FOUND. */
bool machine_set_state(DbTx *tx, gint64 id, MachineState state, const char *cause,
                       bool *changed_out, GError **error) UK_MUST_USE;
/* Deletes the machine and all that it reported. NOT_FOUND. */
bool machine_delete(DbTx *tx, gint64 id, GError **error) UK_MUST_USE;
/* Remembers a contact; never an earlier one than is known, unless that is still to come. Nothing
 * for a machine that was deleted meanwhile. */
bool machine_touch(DbTx *tx, gint64 id, gint64 contact_us, GError **error) UK_MUST_USE;

/* The machine of an SMSID in any of the forms of machine_smsid; *machine_out is NULL if there is
 * none. */
bool machine_by_smsid(Db *db, const char *smsid, Machine **machine_out, GError **error) UK_MUST_USE;
/* The same for each message of a client: id, smsid, name, state, certificate and fingerprint are
 * set, everything else is NULL or 0. */
bool machine_sender(Db *db, const char *smsid, Machine **machine_out, GError **error) UK_MUST_USE;
/* The machine that an administrator names: a ResourceID, an SMSID, a name or full name without
 * regard to case. NOT_FOUND; INVALID when two have the name. The caller frees it. */
Machine *machine_find(Db *db, const char *text, GError **error) UK_MUST_USE;
/* Machines by ResourceID, behind `after`, at most limit (0: 1000); state -1 is any. The caller owns
 * the array. */
GPtrArray *machine_list(Db *db, int state, gint64 after, guint limit, GError **error) UK_MUST_USE;

typedef struct {
        gint64 pending, approved, blocked;
        gint64 heard; /* of the approved ones: heard of since the time asked for */
        gint64 never; /* of the approved ones: never heard of since they registered */
} MachineCounts;

/* How many there are, for the screens. */
bool machine_counts(Db *db, gint64 since_us, MachineCounts *counts_out, GError **error) UK_MUST_USE;
