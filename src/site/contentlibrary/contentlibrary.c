/* contentlibrary.c - holds the content library of the site server open (DIST-016).
 *
 * Distribution Manager puts content in and takes it out, Package Transfer Manager reads it; a co-
 * located distribution point opens it for reading only. Nothing here can fail once it is open, so
 * that nobody loses it under way.
 */
#include "site/contentlibrary/contentlibrary.h"

#include "base/log.h"
#include "host/host.h"

#define NAME "SMS_CONTENT_LIBRARY"

Library *
contentlibrary_of(Host *host, GError **error)
{
        Library *library = host_component_state(host, NAME);

        if (library == NULL)
                uk_fail(error, UK_ERROR_NOT_YET,
                        "the content library is not open; ContentLibrary.log says why");
        return library;
}

static bool
start(Component *c, GError **error)
{
        UK_DOING(error, "opening the content library");
        g_autofree char *path = g_build_filename(host_root(c->host), LIBRARY_FOLDER, NULL);

        c->state = library_open(path, true, error);
        if (c->state == NULL)
                return false;
        uk_log("Content Library: %s", path);
        return true;
}

static void
stop(Component *c)
{
        library_free(c->state);
        c->state = NULL;
}

/* There so that the library is opened at the start, and tried again when that failed. */
static bool
on_tick(Component *c, GError **error)
{
        gint64 free_bytes, total;

        if (!library_space(c->state, &free_bytes, &total, error))
                return false;
        uk_verbose("%" G_GINT64_FORMAT " MB free of %" G_GINT64_FORMAT " MB", free_bytes / 1000000,
                   total / 1000000);
        return true;
}

const ComponentDef contentlibrary = {
        .name = NAME,
        .log = "ContentLibrary.log",
        .log_form = UK_LOG_SERVER,
        .what = "Holds the content library of the site server open.",
        .tick = { "contentlibrary.minutes", on_tick },
        .start = start,
        .stop = stop,
};
