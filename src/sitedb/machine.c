/* machine.c - the machines of a site. A machine is its key: who comes with the same key is the same
 * machine, and who comes with another machine's name or ID is not.
 */
#include "sitedb/machine.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "sitedb/machine.sql.h"
#include "sitedb/sitekey.h"

#define ROWS_A_PAGE 1000

static const DbField fields[] = {
        DB_FIELD(INT, Machine, id, "ResourceID"),
        DB_FIELD(TEXT, Machine, smsid, "SMSID"),
        DB_FIELD(TEXT, Machine, name, "Name"),
        DB_FIELD(TEXT, Machine, full_name, "FullName"),
        DB_FIELD(TEXT, Machine, domain, "Domain"),
        DB_FIELD(TEXT, Machine, site, "SiteCode"),
        DB_FIELD(INT, Machine, state, "State"),
        DB_FIELD(TIME, Machine, state_us, "StateTime"),
        DB_FIELD(TIME, Machine, registered_us, "RegisteredTime"),
        DB_FIELD(TEXT, Machine, version, "ClientVersion"),
        DB_FIELD(TEXT, Machine, os, "OperatingSystem"),
        DB_FIELD(TEXT, Machine, architecture, "Architecture"),
        DB_FIELD(TEXT, Machine, certificate, "Certificate"),
        DB_FIELD(TEXT, Machine, fingerprint, "Fingerprint"),
        DB_FIELD(TEXT, Machine, cause, "Cause"),
        DB_FIELD(TEXT, Machine, trace, "Trace"),
        DB_FIELD(TIME, Machine, contact_us, "LastContactTime"),
        DB_FIELD(TIME, Machine, report_us, "LastReportTime"),
        DB_FIELD(INT, Machine, serial, "LastSerialNumber"),
        DB_FIELD_END,
};

/* Who sent a message; the rest of the row is not read for each. */
static const DbField sender_fields[] = {
        DB_FIELD(INT, Machine, id, "ResourceID"),
        DB_FIELD(TEXT, Machine, smsid, "SMSID"),
        DB_FIELD(TEXT, Machine, name, "Name"),
        DB_FIELD(INT, Machine, state, "State"),
        DB_FIELD(TEXT, Machine, certificate, "Certificate"),
        DB_FIELD(TEXT, Machine, fingerprint, "Fingerprint"),
        DB_FIELD_END,
};

static const DbField counts_fields[] = {
        DB_FIELD(INT, MachineCounts, pending, "Pending"),
        DB_FIELD(INT, MachineCounts, approved, "Approved"),
        DB_FIELD(INT, MachineCounts, blocked, "Blocked"),
        DB_FIELD(INT, MachineCounts, heard, "Heard"),
        DB_FIELD(INT, MachineCounts, never, "Never"),
        DB_FIELD_END,
};

void
machine_free(Machine *machine)
{
        if (machine == NULL)
                return;
        for (const DbField *field = fields; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        g_free(*(char **)G_STRUCT_MEMBER_P(machine, field->offset));
        }
        g_free(machine);
}

char *
machine_smsid(const char *text)
{
        g_autofree char *guid = g_strdup(text);
        gsize length;

        g_strstrip(guid);
        if (g_ascii_strncasecmp(guid, "GUID:", 5) == 0)
                g_strchug(memmove(guid, guid + 5, strlen(guid + 5) + 1));
        length = strlen(guid);
        if (length == UK_GUID_TEXT + 2 && guid[0] == '{' && guid[length - 1] == '}') {
                guid[length - 1] = '\0';
                memmove(guid, guid + 1, length - 1);
        }
        if (!uk_guid_valid(guid))
                return NULL;
        g_autofree char *upper = g_ascii_strup(guid, -1);
        return g_strconcat("GUID:", upper, NULL);
}

/* One machine or NULL. */
static bool
load_fields(Db *db, const DbSql *sql, const DbArg *args, const DbField *which,
            Machine **machine_out, GError **error)
{
        g_autoptr(Machine) machine = g_new0(Machine, 1);
        bool found = false;

        if (!db_one(db, sql, args, which, machine, &found, error))
                return false;
        *machine_out = found ? g_steal_pointer(&machine) : NULL;
        return true;
}

static bool
load(Db *db, const DbSql *sql, const DbArg *args, Machine **machine_out, GError **error)
{
        return load_fields(db, sql, args, fields, machine_out, error);
}

static bool
load_by_smsid(Db *db, const char *smsid, Machine **machine_out, GError **error)
{
        return load(db, &sql_machine_by_smsid, DB_ARGS(DB_TEXT("smsid", smsid)), machine_out,
                    error);
}

bool
machine_by_smsid(Db *db, const char *smsid, Machine **machine_out, GError **error)
{
        g_autofree char *known = machine_smsid(smsid);

        *machine_out = NULL;
        return known == NULL || load_by_smsid(db, known, machine_out, error);
}

bool
machine_sender(Db *db, const char *smsid, Machine **machine_out, GError **error)
{
        g_autofree char *known = machine_smsid(smsid);

        *machine_out = NULL;
        return known == NULL ||
               load_fields(db, &sql_machine_sender, DB_ARGS(DB_TEXT("smsid", known)), sender_fields,
                           machine_out, error);
}

/* ---- registration --------------------------------------------------------------------------- */

static const char *
text(const char *maybe)
{
        return maybe != NULL ? maybe : "";
}

static bool
check(const MachineRegistration *r, GError **error)
{
        if (text(r->name)[0] == '\0' || strlen(r->name) > 255)
                return uk_fail(error, UK_ERROR_INVALID, "a registration without a name");
        if (text(r->certificate)[0] == '\0' || strlen(text(r->fingerprint)) != 64 ||
            strspn(r->fingerprint, "0123456789abcdef") != 64)
                return uk_fail(error, UK_ERROR_INVALID,
                               "the registration of %s has no certificate or no fingerprint",
                               r->name);
        return true;
}

/* The ID a new machine is to have: its own, unless another one has it or it has none. */
static char *
choose_smsid(Db *db, const MachineRegistration *r, GError **error)
{
        g_autofree char *own = machine_smsid(text(r->smsid));
        g_autoptr(Machine) owner = NULL;

        if (own == NULL && text(r->smsid)[0] != '\0') {
                uk_fail(error, UK_ERROR_INVALID, "%s calls itself '%s', which is no GUID", r->name,
                        r->smsid);
                return NULL;
        }
        if (own == NULL) {
                g_autofree char *guid = uk_guid_new();
                return machine_smsid(guid);
        }
        if (!load_by_smsid(db, own, &owner, error))
                return NULL;
        if (owner != NULL) {
                uk_fail(error, UK_ERROR_DENIED,
                        "%s comes with another key than %s, which has the ID %s; delete that"
                        " machine first if it was installed anew",
                        r->name, owner->name, own);
                return NULL;
        }
        return g_steal_pointer(&own);
}

static bool
add(DbTx *tx, const MachineRegistration *r, bool approve, const char *cause, GError **error)
{
        g_autofree char *smsid = choose_smsid(db_tx_db(tx), r, error);
        gint64 id = 0;

        return smsid != NULL && sitekey_next(tx, SITEKEY_MACHINE, 1, &id, error) &&
               db_run(tx, &sql_machine_add,
                      DB_ARGS(DB_INT("id", id), DB_TEXT("smsid", smsid), DB_TEXT("name", r->name),
                              DB_TEXT("full_name", text(r->full_name)),
                              DB_TEXT("domain", text(r->domain)),
                              DB_INT("state", approve ? MACHINE_APPROVED : MACHINE_PENDING),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("version", text(r->version)),
                              DB_TEXT("os", text(r->os)),
                              DB_TEXT("architecture", text(r->architecture)),
                              DB_TEXT("certificate", r->certificate),
                              DB_TEXT("fingerprint", r->fingerprint), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

static bool
refresh(DbTx *tx, const MachineRegistration *r, gint64 id, const char *cause, GError **error)
{
        return db_run(tx, &sql_machine_refresh,
                      DB_ARGS(DB_TEXT("name", r->name), DB_TEXT("full_name", text(r->full_name)),
                              DB_TEXT("domain", text(r->domain)),
                              DB_TEXT("version", text(r->version)), DB_TEXT("os", text(r->os)),
                              DB_TEXT("architecture", text(r->architecture)),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_INT("id", id)),
                      error);
}

Machine *
machine_register(DbTx *tx, const MachineRegistration *registration, bool approve, const char *cause,
                 GError **error)
{
        const DbArg *key = DB_ARGS(DB_TEXT("fingerprint", registration->fingerprint));
        g_autoptr(Machine) known = NULL;
        Machine *machine = NULL;

        if (!check(registration, error) ||
            !load(db_tx_db(tx), &sql_machine_by_key, key, &known, error))
                return NULL;
        if (!(known != NULL ? refresh(tx, registration, known->id, cause, error)
                            : add(tx, registration, approve, cause, error)))
                return NULL;
        return load(db_tx_db(tx), &sql_machine_by_key, key, &machine, error) ? machine : NULL;
}

/* ---- changes -------------------------------------------------------------------------------- */

static bool
fail_unknown(gint64 id, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no machine %" G_GINT64_FORMAT, id);
}

bool
machine_set_state(DbTx *tx, gint64 id, MachineState state, const char *cause, bool *changed_out,
                  GError **error)
{
        gint64 known = 0, changed = 0;

        if (!db_int(db_tx_db(tx), &sql_machine_known, DB_ARGS(DB_INT("id", id)), &known, NULL,
                    error))
                return false;
        if (known == 0)
                return fail_unknown(id, error);
        if (!db_run_counted(tx, &sql_machine_set_state,
                            DB_ARGS(DB_INT("state", state), DB_TIME("now", uk_clock_now()),
                                    DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                                    DB_INT("id", id)),
                            &changed, error))
                return false;
        if (changed_out != NULL)
                *changed_out = changed > 0;
        return true;
}

bool
machine_delete(DbTx *tx, gint64 id, GError **error)
{
        static const DbSql *const reported[] = {
                &sql_machine_delete_compliance, &sql_machine_delete_missing,
                &sql_machine_delete_scans,      &sql_machine_delete_states,
                &sql_machine_delete_reports,
        };
        const DbArg *args = DB_ARGS(DB_INT("id", id));
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_machine_delete, args, &changed, error))
                return false;
        if (changed == 0)
                return fail_unknown(id, error);
        for (gsize i = 0; i < G_N_ELEMENTS(reported); i++) {
                if (!db_run(tx, reported[i], args, error))
                        return false;
        }
        return true;
}

bool
machine_touch(DbTx *tx, gint64 id, gint64 contact_us, GError **error)
{
        return db_run(tx, &sql_machine_touch,
                      DB_ARGS(DB_INT("id", id), DB_TIME("contact", contact_us),
                              DB_TIME("now", uk_clock_now())),
                      error);
}

/* ---- looking -------------------------------------------------------------------------------- */

Machine *
machine_find(Db *db, const char *text_, GError **error)
{
        g_autofree char *smsid = machine_smsid(text_);
        gint64 number = 0;

        if (!g_ascii_string_to_signed(text_, 10, 1, G_MAXINT64, &number, NULL))
                number = 0;
        g_autoptr(GPtrArray) found =
                db_list(db, &sql_machine_find,
                        DB_ARGS(DB_INT("number", number), DB_TEXT("smsid", text(smsid)),
                                DB_TEXT("text", text_)),
                        fields, sizeof(Machine), (GDestroyNotify)machine_free, error);
        if (found == NULL)
                return NULL;
        if (found->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no machine '%s'", text_);
                return NULL;
        }
        if (found->len > 1) {
                const Machine *a = found->pdata[0], *b = found->pdata[1];
                uk_fail(error, UK_ERROR_INVALID,
                        "'%s' names more than one machine, %" G_GINT64_FORMAT
                        " and %" G_GINT64_FORMAT "; use one of these numbers",
                        text_, a->id, b->id);
                return NULL;
        }
        return g_ptr_array_steal_index(found, 0);
}

GPtrArray *
machine_list(Db *db, int state, gint64 after, guint limit, GError **error)
{
        return db_list(db, &sql_machine_list,
                       DB_ARGS(DB_INT("after", after), DB_INT("state", state),
                               DB_INT("limit", limit > 0 ? limit : ROWS_A_PAGE)),
                       fields, sizeof(Machine), (GDestroyNotify)machine_free, error);
}

bool
machine_counts(Db *db, gint64 since_us, MachineCounts *counts_out, GError **error)
{
        return db_one(db, &sql_machine_counts, DB_ARGS(DB_TIME("since", since_us)), counts_fields,
                      counts_out, NULL, error);
}
