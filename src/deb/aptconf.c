/* aptconf.c - a reader of apt's configuration syntax, and the rule which proxy serves a host. */
#include "deb/aptconf.h"

#include <string.h>

#include "base/io.h"
#include "deb/aptfiles.h"

#define FILE_MAX  (4 * 1024 * 1024)
#define DEPTH_MAX 32

typedef struct {
        char *key; /* small letters */
        char *value;
} Setting;

struct AptConf {
        GPtrArray *settings; /* of Setting, in the order of reading */
        char *http_proxy, *https_proxy, *no_proxy;
};

static void
setting_free(gpointer data)
{
        Setting *setting = data;

        g_free(setting->key);
        g_free(setting->value);
        g_free(setting);
}

AptConf *
aptconf_new(const char *const *environment)
{
        AptConf *conf = g_new0(AptConf, 1);
        char **environ_list = (char **)(gpointer)environment;

        conf->settings = g_ptr_array_new_with_free_func(setting_free);
        if (environment != NULL) {
                conf->http_proxy = g_strdup(g_environ_getenv(environ_list, "http_proxy"));
                conf->https_proxy = g_strdup(g_environ_getenv(environ_list, "https_proxy"));
                conf->no_proxy = g_strdup(g_environ_getenv(environ_list, "no_proxy"));
        }
        return conf;
}

void
aptconf_free(AptConf *conf)
{
        if (conf == NULL)
                return;
        g_ptr_array_unref(conf->settings);
        g_free(conf->http_proxy);
        g_free(conf->https_proxy);
        g_free(conf->no_proxy);
        g_free(conf);
}

typedef struct {
        const char *name;
        const char *at, *end;
        guint line;
} Lexer;

typedef enum {
        T_END,
        T_WORD,
        T_QUOTED,
        T_OPEN,
        T_CLOSE,
        T_SEMICOLON
} Token;

static void
skip_to_line_end(Lexer *lexer)
{
        while (lexer->at < lexer->end && *lexer->at != '\n')
                lexer->at++;
}

static bool
starts(const Lexer *lexer, const char *text)
{
        gsize size = strlen(text);

        return (gsize)(lexer->end - lexer->at) >= size && memcmp(lexer->at, text, size) == 0;
}

static bool
skip_block_comment(Lexer *lexer, GError **error)
{
        guint line = lexer->line;

        for (lexer->at += 2; lexer->at < lexer->end; lexer->at++) {
                lexer->line += *lexer->at == '\n';
                if (starts(lexer, "*/")) {
                        lexer->at += 2;
                        return true;
                }
        }
        return uk_fail(error, UK_ERROR_PARSE, "%s: the comment that begins in line %u has no end",
                       lexer->name, line);
}

static bool
skip_space(Lexer *lexer, GError **error)
{
        while (lexer->at < lexer->end) {
                if (g_ascii_isspace(*lexer->at)) {
                        lexer->line += *lexer->at == '\n';
                        lexer->at++;
                } else if (starts(lexer, "//") || (*lexer->at == '#' && !starts(lexer, "#clear"))) {
                        skip_to_line_end(lexer);
                } else if (starts(lexer, "/*")) {
                        if (!skip_block_comment(lexer, error))
                                return false;
                } else {
                        break;
                }
        }
        return true;
}

static bool
read_quoted(Lexer *lexer, GString *text, GError **error)
{
        const char *close = memchr(lexer->at + 1, '"', (gsize)(lexer->end - lexer->at - 1));

        if (close == NULL)
                return uk_fail(error, UK_ERROR_PARSE,
                               "%s: line %u: a quotation mark has no partner", lexer->name,
                               lexer->line);
        g_string_append_len(text, lexer->at + 1, close - lexer->at - 1);
        for (const char *p = lexer->at; p < close; p++)
                lexer->line += *p == '\n';
        lexer->at = close + 1;
        return true;
}

static bool
next_token(Lexer *lexer, Token *token_out, GString *text, GError **error)
{
        static const char signs[] = "{};";

        g_string_truncate(text, 0);
        if (!skip_space(lexer, error))
                return false;
        *token_out = T_END;
        if (lexer->at == lexer->end)
                return true;
        const char *sign = *lexer->at != '\0' ? strchr(signs, *lexer->at) : NULL;

        if (sign != NULL) {
                *token_out = *sign == '{' ? T_OPEN : *sign == '}' ? T_CLOSE : T_SEMICOLON;
                lexer->at++;
                return true;
        }
        if (*lexer->at == '"') {
                *token_out = T_QUOTED;
                return read_quoted(lexer, text, error);
        }
        *token_out = T_WORD;
        while (lexer->at < lexer->end && !g_ascii_isspace(*lexer->at) &&
               strchr("{};\"", *lexer->at) == NULL)
                g_string_append_c(text, *lexer->at++);
        return lexer->at < lexer->end && *lexer->at == '\0'
                       ? uk_fail(error, UK_ERROR_PARSE, "%s: line %u contains a NUL byte",
                                 lexer->name, lexer->line)
                       : true;
}

static void
clear(AptConf *conf, const char *key)
{
        g_autofree char *below = g_strconcat(key, "::", NULL);

        for (guint i = conf->settings->len; i > 0; i--) {
                const Setting *setting = g_ptr_array_index(conf->settings, i - 1);

                if (strcmp(setting->key, key) == 0 || g_str_has_prefix(setting->key, below))
                        g_ptr_array_remove_index(conf->settings, i - 1);
        }
}

/* One statement without its block: "Tag value", "value" (a list's item), "#clear Tag". */
typedef struct {
        GPtrArray *words;
        bool first_quoted;
} Statement;

static void
apply(AptConf *conf, const char *scope, const Statement *statement)
{
        const char *first = statement->words->len > 0 ? g_ptr_array_index(statement->words, 0) : "";
        Setting *setting;

        if (statement->words->len == 0)
                return;
        if (strcmp(first, "#clear") == 0) {
                for (guint i = 1; i < statement->words->len; i++) {
                        g_autofree char *key =
                                g_ascii_strdown(g_ptr_array_index(statement->words, i), -1);

                        clear(conf, key);
                }
                return;
        }
        setting = g_new0(Setting, 1);
        g_autofree char *key =
                statement->first_quoted
                        ? g_strconcat(scope, "::", NULL)
                        : g_strconcat(scope, *scope != '\0' ? "::" : "", first, NULL);

        setting->key = g_ascii_strdown(key, -1);
        setting->value =
                g_strdup(statement->first_quoted     ? first
                         : statement->words->len > 1 ? g_ptr_array_index(statement->words, 1)
                                                     : "");
        g_ptr_array_add(conf->settings, setting);
}

static void
restart(Statement *statement)
{
        g_ptr_array_set_size(statement->words, 0);
        statement->first_quoted = false;
}

/* What a token does to the statement being read and to the stack of scopes. */
static bool
on_token(AptConf *conf, Lexer *lexer, Token token, const char *text, Statement *statement,
         GPtrArray *scopes, GError **error)
{
        const char *scope = g_ptr_array_index(scopes, scopes->len - 1);

        switch (token) {
        case T_WORD:
        case T_QUOTED:
                if (statement->words->len == 0)
                        statement->first_quoted = token == T_QUOTED;
                g_ptr_array_add(statement->words, g_strdup(text));
                return true;
        case T_OPEN:
                if (scopes->len == DEPTH_MAX)
                        return uk_fail(error, UK_ERROR_LIMIT, "%s: line %u is nested too deeply",
                                       lexer->name, lexer->line);
                g_ptr_array_add(scopes, g_strconcat(scope, *scope != '\0' ? "::" : "",
                                                    statement->words->len > 0
                                                            ? g_ptr_array_index(statement->words, 0)
                                                            : "",
                                                    NULL));
                restart(statement);
                return true;
        case T_CLOSE:
                apply(conf, scope, statement);
                restart(statement);
                if (scopes->len == 1)
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "%s: line %u closes a block, but none is open", lexer->name,
                                       lexer->line);
                g_ptr_array_set_size(scopes, (int)scopes->len - 1);
                return true;
        default:
                apply(conf, scope, statement);
                restart(statement);
                return true;
        }
}

bool
aptconf_add(AptConf *conf, const char *name, const char *text, gsize size, GError **error)
{
        Lexer lexer = { name, text, text + size, 1 };
        g_autoptr(GPtrArray) scopes = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) word = g_string_new(NULL);
        Statement statement = { words, false };
        Token token = T_SEMICOLON;

        g_ptr_array_add(scopes, g_strdup(""));
        while (token != T_END) {
                if (!next_token(&lexer, &token, word, error) ||
                    !on_token(conf, &lexer, token, word->str, &statement, scopes, error))
                        return false;
        }
        if (scopes->len > 1)
                return uk_fail(error, UK_ERROR_PARSE, "%s: a block is not closed", name);
        return true;
}

AptConf *
aptconf_read(const char *root, const char *const *environment, GError **error)
{
        g_autoptr(AptConf) conf = aptconf_new(environment);
        g_autofree char *folder = g_build_filename(root, "etc/apt/apt.conf.d", NULL);
        g_autoptr(GPtrArray) paths = aptfiles_list(folder, ".conf", true);

        g_ptr_array_add(paths, g_build_filename(root, "etc/apt/apt.conf", NULL));
        for (guint i = 0; i < paths->len; i++) {
                const char *path = g_ptr_array_index(paths, i);
                g_autofree char *text = NULL;
                gsize size;
                g_autoptr(GError) failure = NULL;

                if (!uk_io_read(path, FILE_MAX, &text, &size, &failure)) {
                        if (g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                                continue;
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return NULL;
                }
                if (!aptconf_add(conf, path, text, size, error))
                        return NULL;
        }
        return g_steal_pointer(&conf);
}

const char *
aptconf_get(const AptConf *conf, const char *key)
{
        for (guint i = conf->settings->len; i > 0; i--) {
                const Setting *setting = g_ptr_array_index(conf->settings, i - 1);

                if (g_ascii_strcasecmp(setting->key, key) == 0)
                        return setting->value;
        }
        return NULL;
}

int
aptconf_yes_no(const char *text)
{
        static const char *const yes[] = { "yes", "true", "with", "on", "enable", "1", NULL };
        static const char *const no[] = { "no", "false", "without", "off", "disable", "0", NULL };
        g_autofree char *small = text != NULL ? g_ascii_strdown(text, -1) : g_strdup("");

        if (g_strv_contains(yes, small))
                return 1;
        return g_strv_contains(no, small) ? 0 : -1;
}

bool
aptconf_bool(const AptConf *conf, const char *key, bool fallback)
{
        int value = aptconf_yes_no(aptconf_get(conf, key));

        return value < 0 ? fallback : value == 1;
}

/* A comma-separated list of host names and of domains that begin with a dot. */
static bool
in_domains(const char *host, const char *list)
{
        g_auto(GStrv) domains = g_strsplit(list, ",", -1);

        for (guint i = 0; domains[i] != NULL; i++) {
                const char *domain = g_strstrip(domains[i]);
                gsize size = strlen(domain), host_size = strlen(host);

                if (strcmp(domain, "*") == 0 || g_ascii_strcasecmp(domain, host) == 0)
                        return true;
                if (*domain == '.' && host_size > size &&
                    g_ascii_strcasecmp(host + host_size - size, domain) == 0)
                        return true;
        }
        return false;
}

static const char *
configured_proxy(const AptConf *conf, const char *scheme, const char *host)
{
        g_autofree char *for_host = g_strdup_printf("Acquire::%s::Proxy::%s", scheme, host);
        g_autofree char *for_all = g_strdup_printf("Acquire::%s::Proxy", scheme);
        const char *proxy = aptconf_get(conf, for_host);

        if (proxy == NULL || *proxy == '\0')
                proxy = aptconf_get(conf, for_all);
        return proxy != NULL && *proxy != '\0' ? proxy : NULL;
}

const char *
aptconf_proxy(const AptConf *conf, const char *scheme, const char *host)
{
        bool https = strcmp(scheme, "https") == 0;
        const char *proxy = configured_proxy(conf, scheme, host);

        if (proxy == NULL && https)
                proxy = configured_proxy(conf, "http", host);
        if (proxy == NULL)
                proxy = https && conf->https_proxy != NULL ? conf->https_proxy : conf->http_proxy;
        if (proxy == NULL || *proxy == '\0' || strcmp(proxy, "DIRECT") == 0)
                return NULL;
        if (conf->no_proxy != NULL && in_domains(host, conf->no_proxy))
                return NULL;
        return proxy;
}
