/* aptauth.c - the netrc form of apt's auth.conf. */
#include "deb/aptauth.h"

#include <string.h>

#include "base/io.h"
#include "deb/aptfiles.h"
#include "deb/slice.h"

#define FILE_MAX (1024 * 1024)

typedef struct {
        char *scheme; /* NULL: https */
        char *host;
        int port;   /* -1: any */
        char *path; /* begins with '/', or empty */
        char *login, *password;
} Entry;

struct AptAuth {
        GPtrArray *entries; /* of Entry */
};

static void
entry_free(gpointer data)
{
        Entry *entry = data;

        g_free(entry->scheme);
        g_free(entry->host);
        g_free(entry->path);
        g_free(entry->login);
        g_free(entry->password);
        g_free(entry);
}

/* "[scheme://]host[:port][/path]" */
static Entry *
entry_new(Slice machine)
{
        Entry *entry = g_new0(Entry, 1);
        g_autofree char *text = slice_dup(machine);
        char *rest = strstr(text, "://");
        char *slash, *colon;

        if (rest != NULL) {
                entry->scheme = g_strndup(text, (gsize)(rest - text));
                rest += 3;
        } else {
                rest = text;
        }
        slash = strchr(rest, '/');
        entry->path = g_strdup(slash != NULL ? slash : "");
        if (slash != NULL)
                *slash = '\0';
        colon = strrchr(rest, ':');
        entry->port = -1;
        if (colon != NULL && strchr(colon, ']') == NULL) {
                entry->port = (int)g_ascii_strtoll(colon + 1, NULL, 10);
                *colon = '\0';
        }
        entry->host = g_strdup(rest);
        return entry;
}

static void
parse_into(AptAuth *auth, const char *text, gsize size)
{
        Slice rest = { text, size }, word, value;
        Entry *entry = NULL;

        while (slice_word(&rest, &word)) {
                if (*word.text == '#') {
                        const char *newline =
                                memchr(word.text, '\n', (gsize)(text + size - word.text));

                        rest.text = newline != NULL ? newline : text + size;
                        rest.size = (gsize)(text + size - rest.text);
                        continue;
                }
                if (!slice_word(&rest, &value))
                        break;
                if (slice_equal(word, "machine")) {
                        entry = entry_new(value);
                        g_ptr_array_add(auth->entries, entry);
                } else if (slice_equal(word, "login") && entry != NULL) {
                        g_free(entry->login);
                        entry->login = slice_dup(value);
                } else if (slice_equal(word, "password") && entry != NULL) {
                        g_free(entry->password);
                        entry->password = slice_dup(value);
                }
        }
}

static AptAuth *
auth_new(void)
{
        AptAuth *auth = g_new0(AptAuth, 1);

        auth->entries = g_ptr_array_new_with_free_func(entry_free);
        return auth;
}

AptAuth *
aptauth_parse(const char *text, gsize size)
{
        AptAuth *auth = auth_new();

        parse_into(auth, text, size);
        return auth;
}

AptAuth *
aptauth_read(const char *root, GPtrArray *problems)
{
        AptAuth *auth = auth_new();
        g_autofree char *folder = g_build_filename(root, "etc/apt/auth.conf.d", NULL);
        g_autoptr(GPtrArray) paths = aptfiles_list(folder, ".conf", false);

        g_ptr_array_insert(paths, 0, g_build_filename(root, "etc/apt/auth.conf", NULL));
        for (guint i = 0; i < paths->len; i++) {
                g_autofree char *text = NULL;
                gsize size;
                g_autoptr(GError) error = NULL;

                if (uk_io_read(g_ptr_array_index(paths, i), FILE_MAX, &text, &size, &error))
                        parse_into(auth, text, size);
                else if (problems != NULL && !g_error_matches(error, UK_ERROR, UK_ERROR_NOT_FOUND))
                        g_ptr_array_add(problems,
                                        g_strdup_printf("names and passwords for archives "
                                                        "are not used: %s",
                                                        error->message));
        }
        return auth;
}

void
aptauth_free(AptAuth *auth)
{
        if (auth == NULL)
                return;
        g_ptr_array_unref(auth->entries);
        g_free(auth);
}

static bool
serves(const Entry *entry, const char *scheme, const char *host, int port, const char *path)
{
        const char *wanted = entry->scheme != NULL ? entry->scheme : "https";
        gsize size = strlen(entry->path);

        if (entry->login == NULL || g_ascii_strcasecmp(wanted, scheme) != 0 ||
            g_ascii_strcasecmp(entry->host, host) != 0 ||
            (entry->port != -1 && entry->port != port))
                return false;
        /* "/a" serves "/a" and "/a/b", not "/ab". */
        return strncmp(path, entry->path, size) == 0 &&
               (size == 0 || entry->path[size - 1] == '/' || path[size] == '/' ||
                path[size] == '\0');
}

char *
aptauth_find(const AptAuth *auth, const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);

        if (uri == NULL || g_uri_get_host(uri) == NULL)
                return NULL;
        for (guint i = 0; i < auth->entries->len; i++) {
                const Entry *entry = g_ptr_array_index(auth->entries, i);

                if (serves(entry, g_uri_get_scheme(uri), g_uri_get_host(uri), g_uri_get_port(uri),
                           g_uri_get_path(uri)))
                        return g_strdup_printf("%s:%s", entry->login,
                                               entry->password != NULL ? entry->password : "");
        }
        return NULL;
}
