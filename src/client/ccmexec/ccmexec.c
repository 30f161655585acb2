/* ccmexec.c - CcmExec: commands from the inbox to those who do them.
 *
 * In: files dropped into client.box. Out: letters, all of one command in one transaction. A command
 * that is served twice asks twice, which does no harm.
 */
#include "client/ccmexec/ccmexec.h"

#include <string.h>

#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/clientid/clientid.h"
#include "client/policyagent/policyagent.h"
#include "client/scanagent/scanagent.h"
#include "client/statemessage/statemessage.h"
#include "client/work.h"
#include "inbox/drop.h"

#define MAX_BYTES 4096

/* What each command tells whom, in order. */
static const struct {
        const char *command;
        struct {
                WorkBox box;
                const char *kind;
        } letters[4];
} commands[] = {
        { "scan", { { WORK_BOX_CLIENTID, CLIENTID_NOW }, { WORK_BOX_SCAN, SCAN_NOW } } },
        { "policy",
          { { WORK_BOX_CLIENTID, CLIENTID_NOW },
            { WORK_BOX_OUTGOING, CCM_NOW },
            { WORK_BOX_POLICY, POLICY_NOW } } },
        { "send",
          { { WORK_BOX_CLIENTID, CLIENTID_NOW },
            { WORK_BOX_OUTGOING, CCM_NOW },
            { WORK_BOX_STATE, STATE_SEND_NOW } } },
        { "resend",
          { { WORK_BOX_CLIENTID, CLIENTID_NOW },
            { WORK_BOX_OUTGOING, CCM_NOW },
            { WORK_BOX_STATE, STATE_RESEND } } },
        { "join", { { WORK_BOX_CLIENTID, CLIENTID_JOINED }, { WORK_BOX_OUTGOING, CCM_NOW } } },
};

static const struct {
        int id;
        const char *command;
} schedule_ids[] = {
        { 21, "policy" },  { 22, "policy" }, { 111, "send" }, { 113, "scan" },
        { 114, "resend" }, { 115, "send" },  { 116, "send" },
};

const char *
ccmexec_command(const char *word)
{
        static const char prefix[] = "{00000000-0000-0000-0000-000000000";

        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
                if (g_ascii_strcasecmp(commands[i].command, word) == 0)
                        return commands[i].command;
        }
        if (!g_str_has_prefix(word, prefix))
                return NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(schedule_ids); i++) {
                g_autofree char *id = g_strdup_printf("%s%03d}", prefix, schedule_ids[i].id);

                if (strcmp(id, word) == 0)
                        return schedule_ids[i].command;
        }
        return NULL;
}

static bool
tell_all(Work *work, const char *command, const char *argument, GError **error)
{
        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
                if (strcmp(commands[i].command, command) != 0)
                        continue;
                for (gsize n = 0;
                     n < G_N_ELEMENTS(commands[i].letters) && commands[i].letters[n].kind != NULL;
                     n++) {
                        if (!work_tell(work, commands[i].letters[n].box,
                                       commands[i].letters[n].kind, NULL, argument,
                                       strlen(argument), error))
                                return false;
                }
        }
        return true;
}

bool
ccmexec_trigger(Work *work, const char *schedule_id, GError **error)
{
        const char *command = ccmexec_command(schedule_id);

        if (command == NULL) {
                uk_warn("The site asks for %s, which this client does not know", schedule_id);
                return true;
        }
        uk_log("The site asks for %s (%s)", schedule_id, command);
        return tell_all(work, command, "", error);
}

static bool
serve_command(Component *c, const char *command, const char *argument, GError **error)
{
        g_autofree char *cause = g_strdup_printf("command %s", command);
        g_autoptr(Work) work = work_begin(c, cause, error);

        /* What join wrote counts now, whether the change of the file has been noticed or not. */
        if (strcmp(command, "join") == 0)
                host_reload(c->host);
        if (work == NULL || !tell_all(work, command, argument, error) ||
            !work_commit(g_steal_pointer(&work), error))
                return false;
        uk_log("Command '%s' was passed on", command);
        return true;
}

/* The words of a command: of the notice in the file, else of its name. */
static char **
words_of(const InboxFile *file, const InboxNotice *notice)
{
        g_auto(GStrv) name = g_strsplit(file->stem, "-", 2);

        if (notice->value != NULL && notice->value[0] != '\0')
                return g_strsplit(notice->value, " ", 2);
        return g_strsplit(name[0], " ", 1);
}

static bool
on_command(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "taking command %s", file->name);
        g_autofree char *data = NULL, *trace = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, MAX_BYTES, &data, &size, error))
                return false;
        g_autoptr(InboxNotice) notice = inbox_notice_read(data, size, error);
        if (notice == NULL)
                return false;
        g_auto(GStrv) words = words_of(file, notice);
        const char *command = words[0] != NULL ? ccmexec_command(words[0]) : NULL;
        if (command == NULL)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "'%s' is no command: scan, policy, send, resend, join are",
                               words[0] != NULL ? words[0] : "");
        trace = notice->traces[0] != NULL ? g_strdup(notice->traces[0]) : uk_trace_new();
        uk_trace_set(trace);
        bool done = serve_command(c, command, words[1] != NULL ? words[1] : "", error);
        uk_trace_set("");
        return done;
}

const ComponentDef ccmexec = {
        .name = "CcmExec",
        .log = "CcmExec.log",
        .log_form = UK_LOG_CLIENT,
        .what = "takes commands: scan, policy, send, resend, join",
        .boxes = {
                { .lane = "main", .box = CCMEXEC_BOX, .kind = ".CMD", .on_file = on_command,
                  .bare_name = true },
        },
};
