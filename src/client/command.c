/* command.c - asks the running client to do something, and waits until it has. */
#include "client/command.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/io.h"
#include "base/log.h"
#include "client/ccmexec/ccmexec.h"
#include "client/command.sql.h"
#include "db/db.h"
#include "inbox/drop.h"

#define DB_TIMEOUT_MS 5000

static char *
box_path(const char *root)
{
        return g_build_filename(root, "var", "lib", "upkeep", "client", "inboxes", CCMEXEC_BOX,
                                NULL);
}

bool
command_drop(const char *root, const char *command, const char *trace, GError **error)
{
        UK_DOING(error, "asking the client for '%s'", command);
        g_autofree char *box = box_path(root);
        g_autofree char *id = uk_guid_new();
        g_autofree char *word = g_ascii_strup(command, (gssize)strcspn(command, " "));
        g_autofree char *name = g_strdup_printf("%s-%s.CMD", word, id);
        char *traces[] = { (char *)trace, NULL };
        InboxNotice notice = { .value = (char *)command, .traces = traces };
        g_autofree char *body = inbox_notice_write(&notice);

        if (access(box, W_OK | X_OK) != 0 && errno == EACCES)
                return uk_fail(error, UK_ERROR_DENIED,
                               "only root and the client's own user may ask it; begin with sudo");
        if (!g_file_test(box, G_FILE_TEST_IS_DIR))
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "no client has run below %s yet: systemctl start upkeep-client, or "
                               "--root",
                               root);
        return inbox_drop(box, name, body, strlen(body), error);
}

void
command_result_clear(CommandResult *result)
{
        g_free(result->text);
}

/* How a scan ended. */
typedef struct {
        char *state, *error_text;
        gint64 missing, installed, not_applicable;
} ScanEnd;

static const DbField scan_fields[] = {
        DB_FIELD(TEXT, ScanEnd, state, "State"),
        DB_FIELD(TEXT, ScanEnd, error_text, "ErrorText"),
        DB_FIELD(INT, ScanEnd, missing, "NumMissing"),
        DB_FIELD(INT, ScanEnd, installed, "NumInstalled"),
        DB_FIELD(INT, ScanEnd, not_applicable, "NumNotApplicable"),
        DB_FIELD_END,
};

static bool
look_scan(Db *db, const char *trace, CommandResult *result, GError **error)
{
        ScanEnd end = { 0 };

        if (!db_one(db, &sql_command_scan, DB_ARGS(DB_TEXT("trace", trace)), scan_fields, &end,
                    &result->done, error))
                return false;
        if (!result->done)
                return true;
        g_autofree char *state = end.state, *why = end.error_text;
        result->good = strcmp(state, "Completed") == 0;
        result->text = result->good
                               ? g_strdup_printf("%" G_GINT64_FORMAT " missing, %" G_GINT64_FORMAT
                                                 " installed, %" G_GINT64_FORMAT " not applicable",
                                                 end.missing, end.installed, end.not_applicable)
                               : g_strdup_printf("the scan failed: %s", why);
        return true;
}

static bool
look_count(Db *db, const DbSql *sql, const DbArg *args, gint64 *count_out, GError **error)
{
        return db_int(db, sql, args, count_out, NULL, error);
}

static bool
look_policy(Db *db, gint64 since, CommandResult *result, GError **error)
{
        gint64 count = 0;

        if (!look_count(db, &sql_command_policy, DB_ARGS(DB_TIME("since", since)), &count, error))
                return false;
        result->done = result->good = count > 0;
        if (result->done)
                result->text = g_strdup("the management point has answered");
        return true;
}

static bool
look_sent(Db *db, const char *trace, const char *box, CommandResult *result, GError **error)
{
        g_autoptr(GPtrArray) files =
                inbox_scan(box, (const char *const[]){ ".CMD", NULL }, 1, error);
        gint64 letters = 0, unsent = 0;

        if (files == NULL ||
            !look_count(db, &sql_command_letters, DB_ARGS(DB_TEXT("trace", trace)), &letters,
                        error) ||
            !look_count(db, &sql_command_unsent, DB_NO_ARGS, &unsent, error))
                return false;
        result->done = result->good = files->len == 0 && letters == 0 && unsent == 0;
        if (result->done)
                result->text = g_strdup("the management point has acknowledged all state messages");
        return true;
}

/* What is waited for. */
typedef struct {
        const char *command;
        char *trace;
        char *box;
        gint64 since;
} Wait;

static void
wait_clear(Wait *wait)
{
        g_free(wait->trace);
        g_free(wait->box);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wait, wait_clear)

static bool
look(Db *db, const Wait *wait, CommandResult *result, GError **error)
{
        if (g_str_has_prefix(wait->command, "scan"))
                return look_scan(db, wait->trace, result, error);
        if (strcmp(wait->command, "policy") == 0)
                return look_policy(db, wait->since, result, error);
        return look_sent(db, wait->trace, wait->box, result, error);
}

/* Looks after every commit of the client until the end, or for so many seconds. */
static bool
follow(Db *db, const Wait *wait, unsigned seconds, CommandResult *result, GError **error)
{
        gint64 span = seconds * UK_SECOND, deadline = wait->since + span;
        UK_AUTOFD epoll = epoll_create1(EPOLL_CLOEXEC);
        UK_AUTOFD bell = db_bell_open(db, error);
        struct epoll_event event = { .events = EPOLLIN };

        if (bell < 0)
                return false;
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event) != 0)
                return uk_fail_errno(error, errno, "waiting for the client");
        while (look(db, wait, result, error)) {
                if (result->done || uk_clock_now() >= deadline)
                        return true;
                uk_clock_epoll_wait(epoll, &event, 1, deadline);
                db_bell_drain(bell);
                deadline = MIN(deadline, uk_clock_now() + span); /* the clock may be set back */
        }
        return false;
}

bool
command_wait(const char *root, const char *command, unsigned seconds, CommandResult *result_out,
             GError **error)
{
        UK_DOING(error, "waiting for '%s'", command);
        g_autofree char *path =
                g_build_filename(root, "var", "lib", "upkeep", "client", "client.db", NULL);
        g_autoptr(Db) db = db_open_readonly(path, DB_TIMEOUT_MS, error);
        gint64 now = uk_clock_now();
        g_auto(Wait) wait = { command, uk_trace_new(), box_path(root), now };

        if (db == NULL || !command_drop(root, command, wait.trace, error))
                return false;
        return follow(db, &wait, seconds, result_out, error);
}
