/* kit.c - see kit.h. */
#include "component/mp/kit.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/io.h"
#include "component-mp-rows.sql.h"
#include "crypto/hash.h"
#include "mp/mp_private.h"
#include "sitedb/schema.h"
#include "sitedb/site.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncstatus.h"
#include "unit/must.h"
#include "wire/registration.h"
#include "wire/statereport.h"
#include "wire/xml.h"

static const SettingDef settings_table[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "mp/settings.def"
#undef SETTING_DEF
        { NULL },
};

static const ComponentDef *const components[] = {
        &mp_location, &mp_policy, &mp_get_policy, &mp_register,
        &mp_relay,    &mp_status, &mp_framework,  NULL,
};

static const HostInit inits[] = { crypto_global_init, wire_global_init, net_global_init, NULL };

static const HostRole role = {
        .role = "mp",
        .components = components,
        .settings = settings_table,
        .database = "var/lib/upkeep/site/site.db",
        .migrations = sitedb_migrations,
        .migration_count = SITEDB_MIGRATIONS_COUNT,
        .listens = { { "mp.port", "mp", "mp-access.log" } },
        .inits = inits,
};

static SignKey *keys[3];

Client
client_get(guint number)
{
        static const char *const guids[] = {
                "A1006D0E-CF56-41D1-A006-6330EFC39381",
                "B2006D0E-CF56-41D1-A006-6330EFC39382",
                "C3006D0E-CF56-41D1-A006-6330EFC39383",
        };
        static const char *const names[] = { "PS1WIN7X64", "PS1DEB12", "STRANGER" };

        if (keys[number] == NULL) {
                g_autofree char *dir = g_dir_make_tmp("upkeep-key-XXXXXX", NULL);
                g_autofree char *path = g_build_filename(dir, "key", NULL);

                MUST((keys[number] = sign_key_load_or_make(path, names[number], 2048, &failure)) !=
                     NULL);
                MUST(uk_io_remove_tree(dir, &failure));
        }
        return (Client){ guids[number], names[number], keys[number] };
}

void
clients_free(void)
{
        for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
                g_clear_pointer(&keys[i], sign_key_free);
}

static void
fill_database(World *world)
{
        g_autofree char *dir = g_build_filename(world->root, "var/lib/upkeep/site", NULL);
        g_autofree char *path = g_build_filename(dir, "site.db", NULL);
        const Site site = { (char *)SITE,    1,           (char *)"Primary One",
                            (char *)SUP,     (char *)"",  SITE_PRIMARY,
                            (char *)"0.1.0", (char *)"/", 1 };
        const SiteSystem sup = { .site = (char *)SITE,
                                 .role = SITESYSTEM_SUP,
                                 .server = (char *)SUP,
                                 .scheme = (char *)"http",
                                 .port = 8530,
                                 .intranet = 1,
                                 .forest = (char *)"CONTOSO.COM" };
        const SyncStatusReport report = { uk_clock_now(), SITE, SOURCE, true, 0, 38, SUP };
        g_autoptr(DbTx) tx = NULL;

        MUST(uk_io_mkdirs(dir, 0750, &failure));
        MUST((world->db = db_open(path, true, 10000, &failure)) != NULL);
        MUST(db_migrate(world->db, sitedb_migrations, SITEDB_MIGRATIONS_COUNT, &failure));
        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(site_install(tx, &site, "test", &failure));
        MUST(sitesystem_put(tx, &sup, "test", NULL, &failure));
        MUST(syncstatus_record(tx, &report, "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

void
world_start(World *world)
{
        MUST((world->host = host_new(&role, world->root, &failure)) != NULL);
        MUST(host_start(world->host, &failure));
        g_free(world->base);
        world->base = g_strdup_printf("http://127.0.0.1:%u", host_port(world->host, "mp"));
}

void
world_stop(World *world)
{
        g_clear_pointer(&world->host, host_free);
}

World *
world_new(const char *settings)
{
        World *world = g_new0(World, 1);
        g_autofree char *etc = NULL;
        g_autofree char *conf = NULL;
        g_autofree char *text = g_strconcat("[http]\naddress=127.0.0.1\n[site]\ncode=" SITE
                                            "\nmachine=PS1MP.CONTOSO.COM\n[mp]\nport=0\n",
                                            settings, NULL);

        for (const HostInit *init = inits; *init != NULL; init++)
                MUST((*init)(&failure));
        world->root = g_dir_make_tmp("upkeep-mp-XXXXXX", NULL);
        etc = g_build_filename(world->root, "etc/upkeep", NULL);
        conf = g_build_filename(etc, "mp.conf", NULL);
        MUST(uk_io_mkdirs(etc, 0755, &failure));
        MUST(uk_io_replace(conf, text, strlen(text), 0644, &failure));
        world->http = http_client_new();
        fill_database(world);
        world_start(world);
        return world;
}

void
world_free(World *world)
{
        if (world == NULL)
                return;
        http_client_free(world->http);
        world_stop(world);
        db_close(world->db);
        MUST(uk_io_remove_tree(world->root, &failure));
        g_free(world->root);
        g_free(world->base);
        g_free(world);
}

/* ---- talking --------------------------------------------------------------------------------- */

void
answer_clear(Answer *answer)
{
        g_free(answer->document);
        g_free(answer->refused);
        g_free(answer->body);
        g_free(answer->type);
}

static Answer
call(World *world, const HttpCall *call)
{
        g_autoptr(HttpResponse) response = NULL;
        Answer answer = { 0 };

        MUST((response = http_call(world->http, call, &failure)) != NULL);
        answer.status = response->status;
        answer.refused = g_strdup(http_response_header(response, "x-upkeep-refused"));
        answer.type = g_strdup(response->content_type);
        answer.size = response->size;
        answer.body = g_steal_pointer(&response->body);
        return answer;
}

Answer
world_post(World *world, const char *method, const char *path, const char *type, const void *body,
           gsize size)
{
        g_autofree char *url = g_strconcat(world->base, path, NULL);
        g_autofree char *header = g_strconcat("Content-Type: ", type, NULL);
        const char *headers[] = { type != NULL ? header : NULL, NULL };
        const HttpCall request = {
                .method = method,
                .url = url,
                .headers = headers,
                .body = body,
                .body_size = size,
                .accept_errors = true,
                .user_agent = "ccmhttp",
        };

        return call(world, &request);
}

Answer
world_get(World *world, const char *path)
{
        g_autofree char *url = g_strconcat(world->base, path, NULL);
        const HttpCall request = { .url = url, .accept_errors = true };

        return call(world, &request);
}

static GBytes *
sign_with(gpointer user, const void *data, gsize size, GError **error)
{
        return sign_data(user, data, size, error);
}

static void
put(char **member, const char *value)
{
        g_free(*member);
        *member = g_strdup(value);
}

GBytes *
world_frame(const char *endpoint, const char *guid, const SignKey *key, const char *id,
            const char *document, char **type_out)
{
        g_autoptr(Envelope) envelope = envelope_new();
        GBytes *bytes;

        put(&envelope->id, id);
        put(&envelope->source_id, guid);
        put(&envelope->source_host, "PS1WIN7X64");
        put(&envelope->target_endpoint, endpoint);
        put(&envelope->reply_to, "direct:PS1WIN7X64:LS_ReplyLocations");
        put(&envelope->body, document);
        envelope->body_size = strlen(document);
        envelope->sync = true;
        MUST((bytes = envelope_write(envelope, key != NULL ? sign_with : NULL, (gpointer)key,
                                     type_out, &failure)) != NULL);
        return bytes;
}

Answer
world_send(World *world, const char *endpoint, const char *guid, const SignKey *key, const char *id,
           const char *document)
{
        g_autofree char *type = NULL;
        g_autoptr(GBytes) bytes = world_frame(endpoint, guid, key, id, document, &type);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        Answer answer = world_post(world, "CCM_POST", "/ccm_system/request", type, data, size);

        if (answer.status == 200 && answer.size > 0) {
                g_autoptr(Envelope) reply = NULL;

                MUST((reply = envelope_read(answer.body, answer.size, answer.type, &failure)) !=
                     NULL);
                g_assert_cmpstr(reply->correlation, ==, id);
                answer.document = g_strndup(reply->body, reply->body_size);
        }
        return answer;
}

char *
client_register(World *world, const Client *client, bool confirmation, gint64 time_us)
{
        g_autofree char *full = g_strconcat(client->name, ".CONTOSO.COM", NULL);
        const RegistrationRequest request = {
                .smsid = (char *)client->guid,
                .confirmation = confirmation,
                .time_us = time_us,
                .agent_version = (char *)"0.1.0",
                .certificate = (char *)sign_key_cert_pem(client->key),
                .netbios_name = (char *)client->name,
                .fq_name = full,
                .os = (char *)"Debian GNU/Linux",
                .os_version = (char *)"12",
                .architecture = (char *)"amd64",
        };
        g_autofree char *text = NULL;
        Answer answer;

        MUST((text = registration_request_write(&request, sign_with, client->key, &failure)) !=
             NULL);
        answer = world_send(world, "MP_ClientRegistration", "", NULL, "{REG}", text);
        g_assert_cmpint(answer.status, ==, 200);
        char *document = g_steal_pointer(&answer.document);

        answer_clear(&answer);
        return document;
}

void
client_join(World *world, const Client *client)
{
        g_autofree char *answer = client_register(world, client, false, uk_clock_now());
        g_autoptr(DbTx) tx = NULL;

        g_assert_nonnull(answer);
        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(db_run(tx, &sql_rows_client_state,
                    DB_ARGS(DB_INT("state", MACHINE_APPROVED), DB_TEXT("name", client->name)),
                    &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

char *
report_of(const Client *client, guint messages, int priority)
{
        g_autofree StateReportMessage *list = g_new0(StateReportMessage, messages);
        const StateReportHead head = {
                .client_id = (char *)client->guid,
                .client_version = (char *)"0.1.0",
                .name = (char *)client->name,
                .client_installed = true,
                .priority = priority,
                .content = (char *)"State Message Data",
                .date_us = G_GINT64_CONSTANT(1768928400000000),
        };

        for (guint i = 0; i < messages; i++)
                list[i] = (StateReportMessage){
                        .time_us = G_GINT64_CONSTANT(1768928400000000),
                        .serial = i,
                        .topic_type = 500,
                        .id_type = 3,
                        .topic_id = "505fda07-b4f3-45fb-83d9-8642554e2773",
                        .user = "",
                        .state_id = 2,
                        .param_count = 1,
                        .params = { "200" },
                };
        return statereport_write(&head, list, messages);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int
by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
world_files(World *world, const char *box)
{
        g_autofree char *path =
                g_build_filename(world->root, "var/lib/upkeep/site/inboxes", box, NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *file = g_build_filename(path, name, NULL);

                if (name[0] != '.' && g_file_test(file, G_FILE_TEST_IS_REGULAR))
                        g_ptr_array_add(names, g_strdup(name));
        }
        g_ptr_array_sort(names, by_name);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(" ", (char **)names->pdata);
}

char *
world_await_files(World *world, const char *box, guint count)
{
        gint64 end = uk_clock_mono() + 10 * UK_SECOND;

        for (;;) {
                char *files = world_files(world, box);
                g_auto(GStrv) names = g_strsplit(files, " ", -1);
                guint found = files[0] != '\0' ? g_strv_length(names) : 0;

                if (found == count)
                        return files;
                g_assert_cmpuint(found, <, count);
                g_assert_cmpint(uk_clock_mono(), <, end);
                g_free(files);
                uk_clock_sleep(UK_SECOND / 200, -1);
        }
}

char *
world_log(World *world, const char *log)
{
        g_autofree char *path = g_build_filename(world->root, "var/log/upkeep", log, NULL);
        char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

void
world_log_has(World *world, const char *log, ...)
{
        g_autofree char *text = world_log(world, log);
        const char *at = text;
        const char *part;
        va_list parts;

        va_start(parts, log);
        while ((part = va_arg(parts, const char *)) != NULL) {
                at = strstr(at, part);
                if (at == NULL)
                        g_test_message("not in %s, or not in this order: '%s'; it has: %s", log,
                                       part, text);
                g_assert_nonnull(at);
                at += strlen(part);
        }
        va_end(parts);
}

void
world_await_log(World *world, const char *log, const char *text)
{
        gint64 end = uk_clock_mono() + 10 * UK_SECOND;

        for (;;) {
                g_autofree char *now = world_log(world, log);

                if (strstr(now, text) != NULL)
                        return;
                if (uk_clock_mono() > end)
                        g_test_message("'%s' never came into %s: %s", text, log, now);
                g_assert_cmpint(uk_clock_mono(), <, end);
                uk_clock_sleep(UK_SECOND / 200, -1);
        }
}
