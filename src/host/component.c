/* component.c - the gate that every call of a component passes, and the contexts of its threads.
 *
 * A component is started before its first handler runs; a failure of class halt closes the gate,
 * the handler that leaves last stops it, and after a growing pause the next caller starts it
 * again. Does not decide what becomes of inputs; lanes and pools do.
 */
#include "host/component.h"

#include "base/clock.h"
#include "host/host_private.h"

/* Having run so long, a component that stops again begins with the short pause. */
#define STEADY_US UK_HOUR
/* A database that cannot be opened is tried again after this. */
#define OPEN_PAUSE_US (10 * UK_SECOND)

static UkLog *
open_log(Host *host, const ComponentDef *def, GError **error)
{
        g_autofree char *path = g_build_filename(host->log_dir, def->log, NULL);

        return uk_log_open(path, def->log_nameless ? "" : def->name, (UkLogForm)def->log_form,
                           settings_int(host->settings, "log.max_megabytes") * 1024 * 1024,
                           (unsigned)settings_int(host->settings, "log.keep_files"), error);
}

HostComponent *
component_new(Host *host, const ComponentDef *def, GError **error)
{
        HostComponent *component = g_new0(HostComponent, 1);

        component->host = host;
        component->def = def;
        component->lanes = g_ptr_array_new_with_free_func((GDestroyNotify)lane_free);
        component->pools = g_ptr_array_new_with_free_func((GDestroyNotify)pool_free);
        pthread_mutex_init(&component->lock, NULL);
        pthread_cond_init(&component->changed, NULL);
        component->log = open_log(host, def, error);
        if (component->log == NULL) {
                component_free(component);
                return NULL;
        }
        for (const ComponentPool *row = def->pools; row->name != NULL; row++)
                g_ptr_array_add(component->pools, pool_new(component, row));
        lane_make_all(component);
        return component;
}

void
component_free(HostComponent *component)
{
        if (component == NULL)
                return;
        g_ptr_array_unref(component->lanes);
        g_ptr_array_unref(component->pools);
        uk_log_close(component->log);
        pthread_cond_destroy(&component->changed);
        pthread_mutex_destroy(&component->lock);
        g_free(component);
}

HostContext *
component_context_new(HostComponent *owner, const char *lane)
{
        HostContext *context = g_new0(HostContext, 1);

        context->owner = owner;
        context->c.def = owner->def;
        context->c.host = owner->host;
        context->c.lane = lane;
        return context;
}

void
component_context_free(HostContext *context)
{
        if (context == NULL)
                return;
        if (!context->borrowed_http) {
                Host *host = context->c.host;

                pthread_mutex_lock(&host->clients_lock);
                g_ptr_array_remove_fast(host->clients, context->c.http);
                pthread_mutex_unlock(&host->clients_lock);
                http_client_free(context->c.http);
        }
        g_free(context);
}

HostComponent *
component_of(const Component *c)
{
        for (guint i = 0; i < c->host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(c->host->components, i);

                if (component->def == c->def)
                        return component;
        }
        return c->host->self;
}

gint64
component_pause(guint tries, gint64 unit_us)
{
        return MIN((gint64)1 << MIN(tries, 6), 60) * unit_us;
}

char *
component_span_text(gint64 span_us)
{
        gint64 seconds = MAX(span_us / UK_SECOND, 1);
        bool minutes = seconds % 60 == 0;
        gint64 count = minutes ? seconds / 60 : seconds;

        return g_strdup_printf("%" G_GINT64_FORMAT " %s%s", count, minutes ? "minute" : "second",
                               count == 1 ? "" : "s");
}

/* The thread's own client, made when it is first needed, and a connection of the host's. */
static bool
open_context(HostContext *context, GError **error)
{
        Host *host = context->c.host;

        if (context->c.http == NULL) {
                context->c.http = http_client_new();
                pthread_mutex_lock(&host->clients_lock);
                g_ptr_array_add(host->clients, context->c.http);
                pthread_mutex_unlock(&host->clients_lock);
        }
        if (host->connections == NULL)
                return true;
        context->liked = context->c.db = connections_lend(host, context->liked, error);
        return context->c.db != NULL;
}

static void
close_context(HostContext *context)
{
        if (context->c.db != NULL)
                connections_return(context->c.host, g_steal_pointer(&context->c.db));
}

/* Closes the gate; the lock is held. */
static void
close_gate(HostComponent *component, HostComponentState phase)
{
        gint64 now = uk_clock_now();

        if (component->since_us != 0 && now - component->since_us > STEADY_US)
                component->halts = 0;
        component->span_us = component_pause(component->halts++, UK_MINUTE);
        component->until_us = now + component->span_us;
        component->since_us = 0;
        component->phase = phase;
}

static void
report_halt(HostContext *context, const GError *why)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *pause = component_span_text(context->owner->span_us);

        uk_error("%s stops and will be started again in %s: %s", context->c.def->name, pause,
                 why->message);
        if (!statusmsg_raise(&context->c, NULL, 60002, &error, context->c.def->name, pause,
                             why->message, NULL))
                uk_error("%s", error->message);
}

/* Runs start() where the phase is STARTING; the lock is not held. */
static void
run_start(HostContext *context)
{
        HostComponent *component = context->owner;
        g_autoptr(GError) error = NULL;
        bool again = component->halts > 0;
        bool ok = component->def->start == NULL || component->def->start(&context->c, &error);

        pthread_mutex_lock(&component->lock);
        if (ok) {
                component->state = context->c.state;
                component->since_us = uk_clock_now();
                component->phase = HOST_COMPONENT_RUNNING;
        } else {
                close_gate(component, HOST_COMPONENT_STOPPED);
        }
        pthread_cond_broadcast(&component->changed);
        pthread_mutex_unlock(&component->lock);
        if (!ok)
                report_halt(context, error);
        else if (again &&
                 !statusmsg_raise(&context->c, NULL, 60003, &error, component->def->name, NULL))
                uk_error("%s", error->message);
}

/* Says when a stopped component may start; the lock is held. */
static bool
may_start(HostComponent *component, gint64 *until_out)
{
        gint64 now = uk_clock_now();

        /* A clock that was set back must not make the pause longer. */
        component->until_us = MIN(component->until_us, now + component->span_us);
        *until_out = component->until_us;
        return now >= component->until_us && !host_stopping(component->host);
}

/* Waits while others start or stop it, and starts it where it is stopped and its pause is over.
 * True: the caller is counted in. */
static bool
pass_gate(HostContext *context, gint64 *until_out)
{
        HostComponent *component = context->owner;
        bool in = false;

        pthread_mutex_lock(&component->lock);
        for (;;) {
                if (component->phase == HOST_COMPONENT_RUNNING) {
                        in = true;
                        break;
                }
                if (component->phase != HOST_COMPONENT_STOPPED) {
                        pthread_cond_wait(&component->changed, &component->lock);
                        continue;
                }
                if (!may_start(component, until_out))
                        break;
                component->phase = HOST_COMPONENT_STARTING;
                pthread_mutex_unlock(&component->lock);
                run_start(context);
                pthread_mutex_lock(&component->lock);
        }
        if (in) {
                component->active++;
                context->c.state = component->state;
        }
        pthread_mutex_unlock(&component->lock);
        return in;
}

bool
component_enter(HostContext *context, gint64 *until_out)
{
        g_autoptr(GError) error = NULL;

        context->outer_log = uk_log_bind(context->owner->log);
        *until_out = uk_clock_now() + OPEN_PAUSE_US;
        if (!open_context(context, &error)) {
                uk_error("%s cannot work now: %s", context->c.def->name, error->message);
        } else if (pass_gate(context, until_out)) {
                *until_out = UK_NEVER;
                return true;
        }
        close_context(context);
        uk_log_bind(context->outer_log);
        return false;
}

/* The last one out of a closed gate stops the component. */
static void
run_stop(HostContext *context)
{
        HostComponent *component = context->owner;

        if (component->def->stop != NULL)
                component->def->stop(&context->c);
        pthread_mutex_lock(&component->lock);
        component->state = NULL;
        component->phase = HOST_COMPONENT_STOPPED;
        pthread_cond_broadcast(&component->changed);
        pthread_mutex_unlock(&component->lock);
}

void
component_leave(HostContext *context)
{
        HostComponent *component = context->owner;

        pthread_mutex_lock(&component->lock);
        component->active--;
        bool last = component->active == 0 && component->phase == HOST_COMPONENT_HALTING;
        pthread_mutex_unlock(&component->lock);
        if (last)
                run_stop(context);
        close_context(context);
        uk_trace_set("");
        uk_log_bind(context->outer_log);
}

void
component_halt(HostContext *context, const GError *error)
{
        HostComponent *component = context->owner;

        pthread_mutex_lock(&component->lock);
        bool first = component->phase == HOST_COMPONENT_RUNNING;
        if (first)
                close_gate(component, HOST_COMPONENT_HALTING);
        pthread_mutex_unlock(&component->lock);
        if (first)
                report_halt(context, error);
        else
                uk_error("%s", error->message);
}

void
component_stop(HostComponent *component)
{
        g_autoptr(HostContext) context = component_context_new(component, "stop");
        UkLog *outer = uk_log_bind(component->log);

        if (component->phase == HOST_COMPONENT_RUNNING && component->def->stop != NULL) {
                context->c.state = component->state;
                component->def->stop(&context->c);
        }
        component->phase = HOST_COMPONENT_STOPPED;
        uk_log_bind(outer);
}
