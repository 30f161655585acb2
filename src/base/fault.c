/* fault.c - the fault plan: counts the points that pass and says which one must fail.
 *
 * In: the plan, from the environment or a test. Out: errno values for the callers, a line per
 * point for the report, or the end of the process. The plan is one of the few file-level
 * variables: everything in it is atomic or guarded by plan_lock.
 */
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/io_private.h"

#define HOLD "hold:"

typedef enum {
        PLAN_UNREAD = 0,
        PLAN_NONE,
        PLAN_COUNT,
        PLAN_FAIL,
        PLAN_FAIL_ON,
        PLAN_KILL,
        PLAN_KILL_AFTER,
        PLAN_HOLD,
} PlanMode;

static const struct {
        const char *word;
        PlanMode mode;
} plan_words[] = {
        { "fail:", PLAN_FAIL },
        { "fail+:", PLAN_FAIL_ON },
        { "kill:", PLAN_KILL },
        { "killafter:", PLAN_KILL_AFTER },
};

static const char *const kind_names[] = { "write",  "sync",    "rename", "unlink",
                                          "commit", "connect", "mkdir" };

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER; /* guards reading a plan */
static atomic_int plan_mode = PLAN_UNREAD;
static atomic_uint plan_target;
static atomic_uint plan_count;
static atomic_uint plan_kinds = UINT_MAX; /* a bit per kind */
static char plan_report[4096];            /* written once, before plan_mode leaves UNREAD */
static char plan_fifo[4096];              /* the same, and so are the next */
static char plan_part[4096];              /* of the names of those that wait there */
static char plan_at[4096];                /* the only name that counts; "": all do */
/* The number of the point between this thread's before and after; 0: none. */
static _Thread_local unsigned pending;

/* A plan that cannot be read would let a test pass that tests nothing: it ends the program. */
static void
bad_plan(const char *variable, const char *text)
{
        fprintf(stderr, "%s=%s cannot be read; see src/base/fault.h\n", variable, text);
        abort();
}

static unsigned
kinds_of(const char *list)
{
        g_auto(GStrv) words = g_strsplit(list, ",", -1);
        unsigned kinds = 0;

        for (gsize w = 0; words[w] != NULL; w++) {
                gsize k = 0;
                while (k < G_N_ELEMENTS(kind_names) && strcmp(kind_names[k], words[w]) != 0)
                        k++;
                if (k == G_N_ELEMENTS(kind_names))
                        bad_plan("UPKEEP_FAULT_ONLY", list);
                kinds |= 1u << k;
        }
        return kinds;
}

static PlanMode
mode_of(const char *plan, unsigned *target_out)
{
        if (plan == NULL || *plan == '\0')
                return PLAN_NONE;
        if (strcmp(plan, "count") == 0)
                return PLAN_COUNT;
        if (g_str_has_prefix(plan, HOLD) && strstr(plan, ":/") > plan + strlen(HOLD))
                return PLAN_HOLD;
        for (gsize i = 0; i < G_N_ELEMENTS(plan_words); i++) {
                gsize length = strlen(plan_words[i].word);
                guint64 number;

                if (strncmp(plan, plan_words[i].word, length) == 0 &&
                    g_ascii_string_to_unsigned(plan + length, 10, 1, UINT_MAX, &number, NULL)) {
                        *target_out = (unsigned)number;
                        return plan_words[i].mode;
                }
        }
        bad_plan("UPKEEP_FAULT", plan);
        return PLAN_NONE;
}

/* "PART:/FIFO" */
static void
take_hold(const char *text)
{
        const char *fifo = strstr(text, ":/") + 1;

        g_strlcpy(plan_fifo, fifo, sizeof plan_fifo);
        g_strlcpy(plan_part, text, MIN((gsize)(fifo - text), sizeof plan_part));
}

/* With plan_lock held. */
static void
take_plan(const char *plan)
{
        const char *only = g_getenv("UPKEEP_FAULT_ONLY");
        const char *at = g_getenv("UPKEEP_FAULT_AT");
        const char *report = g_getenv("UPKEEP_FAULT_REPORT");
        unsigned target = 0;
        PlanMode mode = mode_of(plan, &target);

        if (atomic_load(&plan_mode) == PLAN_UNREAD && report != NULL)
                g_strlcpy(plan_report, report, sizeof plan_report);
        if (atomic_load(&plan_mode) == PLAN_UNREAD && at != NULL)
                g_strlcpy(plan_at, at, sizeof plan_at);
        if (atomic_load(&plan_mode) == PLAN_UNREAD && mode == PLAN_HOLD)
                take_hold(plan + strlen(HOLD));
        atomic_store(&plan_kinds, only != NULL && *only != '\0' ? kinds_of(only) : UINT_MAX);
        atomic_store(&plan_target, target);
        atomic_store(&plan_count, 0);
        atomic_store(&plan_mode, mode);
}

static PlanMode
current_mode(void)
{
        PlanMode mode = (PlanMode)atomic_load_explicit(&plan_mode, memory_order_acquire);

        if (G_LIKELY(mode != PLAN_UNREAD))
                return mode;
        pthread_mutex_lock(&plan_lock);
        if (atomic_load(&plan_mode) == PLAN_UNREAD)
                take_plan(g_getenv("UPKEEP_FAULT"));
        pthread_mutex_unlock(&plan_lock);
        return (PlanMode)atomic_load(&plan_mode);
}

/* The last two components of a path, without anything that would break the report's line. */
static char *
short_name(const char *name)
{
        const char *start = name + strlen(name);
        int slashes = 0;

        while (start > name && !(start[-1] == '/' && ++slashes == 2))
                start--;
        char *text = g_strdup(*start != '\0' ? start : "-");
        for (char *c = text; *c != '\0'; c++) {
                if (!g_ascii_isgraph(*c))
                        *c = '_';
        }
        return text;
}

static void
report(unsigned number, UkFaultKind kind, const char *name, const char *what)
{
        if (plan_report[0] == '\0')
                return;
        g_autofree char *text = short_name(name != NULL ? name : "");
        g_autofree char *line =
                g_strdup_printf("%u %s %s %s\n", number, kind_names[kind], text, what);
        UK_AUTOFD fd = open(plan_report, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

        bool torn;

        if (fd < 0 || !io_append_record(fd, line, strlen(line), &torn))
                bad_plan("UPKEEP_FAULT_REPORT", plan_report);
}

static void G_GNUC_NORETURN
die(void)
{
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

static bool
counts(UkFaultKind kind, const char *name)
{
        if ((atomic_load(&plan_kinds) & (1u << kind)) == 0)
                return false;
        if (plan_at[0] == '\0')
                return true;
        g_autofree char *text = short_name(name != NULL ? name : "");

        return strcmp(text, plan_at) == 0;
}

/* Waits at the fifo, as long as there is one, until whoever writes it closes it. */
static void
hold(const char *name)
{
        bool waits = name != NULL && strstr(name, plan_part) != NULL;
        UK_AUTOFD fd = waits ? open(plan_fifo, O_RDONLY | O_CLOEXEC) : -1;
        char unused;

        while (fd >= 0 && TEMP_FAILURE_RETRY(read(fd, &unused, 1)) > 0)
                ;
}

int
uk_fault_before(UkFaultKind kind, const char *name)
{
        PlanMode mode = current_mode();

        if (G_LIKELY(mode == PLAN_NONE))
                return 0;
        pending = 0;
        if (!counts(kind, name))
                return 0;

        if (mode == PLAN_HOLD)
                hold(name);
        unsigned number = atomic_fetch_add(&plan_count, 1) + 1;
        unsigned target = atomic_load(&plan_target);
        if (mode == PLAN_KILL && number == target) {
                report(number, kind, name, "kill");
                die();
        }
        if ((mode == PLAN_FAIL && number == target) || (mode == PLAN_FAIL_ON && number >= target)) {
                report(number, kind, name, "fail");
                return kind == UK_FAULT_WRITE ? ENOSPC : EIO;
        }
        if (mode == PLAN_KILL_AFTER && number == target)
                pending = number;
        else
                report(number, kind, name, "pass");
        return 0;
}

void
uk_fault_after(UkFaultKind kind, const char *name)
{
        if (G_LIKELY(pending == 0))
                return;
        report(pending, kind, name, "killafter");
        die();
}

void
uk_fault_set(const char *plan)
{
        pthread_mutex_lock(&plan_lock);
        take_plan(plan);
        pthread_mutex_unlock(&plan_lock);
}

unsigned
uk_fault_count(void)
{
        return atomic_load(&plan_count);
}
