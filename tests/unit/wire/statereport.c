/* Tests of src/wire/statereport.c and of its two readers; the goldens are the specification's. */
#include "wire/statereport.h"

#include <locale.h>
#include <string.h>

#include "wire/statereport_private.h"
#include "wire/utf16.h"
#include "wire/xml.h"

#define CLIENT "A1006D0E-CF56-41D1-A006-6330EFC39381"

static const char head_text[] =
        "<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled>"
        "<ClientType>1</ClientType><ClientID>GUID:" CLIENT "</ClientID>"
        "<ClientVersion>5.00.7958.1000</ClientVersion><NetBIOSName>PS1WIN7X64</NetBIOSName>"
        "<CodePage>437</CodePage><SystemDefaultLCID>1033</SystemDefaultLCID><Priority>5</Priority>"
        "</Machine></Identification><ReportDetails><ReportContent>State Message Data"
        "</ReportContent><ReportType>Full</ReportType><Date>20140120194656.903000+000</Date>"
        "<Version>1.0</Version><Format>1.0</Format></ReportDetails></ReportHeader>";

/* What a reader said, as text. */
typedef struct {
        GString *said;
        guint messages;
        guint invalid;
        guint fail_at; /* the callback of this message fails; 0: none */
} Heard;

static bool
hear_head(gpointer user, const StateReportHead *head, GError **error)
{
        Heard *heard = user;

        g_string_append_printf(heard->said, "head %s|%s|%s|%d|%d|%s|%" G_GINT64_FORMAT "|%s\n",
                               head->client_id, head->client_version, head->name,
                               head->client_installed, head->priority, head->content, head->date_us,
                               head->trace);
        return true;
}

static bool
hear_message(gpointer user, const StateReportMessage *m, GError **error)
{
        Heard *heard = user;

        g_string_append_printf(
                heard->said, "message %" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%d|%d|%s|%s|%d|%u",
                m->time_us, m->serial, m->topic_type, m->id_type, m->topic_id, m->user, m->state_id,
                m->param_count);
        for (guint i = 0; i < STATEREPORT_PARAMS; i++)
                g_string_append_printf(heard->said, "|%s", m->params[i]);
        g_string_append_printf(heard->said, "|%s\n", m->details);
        if (++heard->messages == heard->fail_at)
                return uk_fail(error, UK_ERROR_DATABASE, "no room");
        return true;
}

static void
hear_invalid(gpointer user, const char *why)
{
        Heard *heard = user;

        heard->invalid++;
        g_string_append_printf(heard->said, "invalid %s\n", why);
}

static StateReportSink
sink_of(Heard *heard)
{
        heard->said = g_string_new(NULL);
        return (StateReportSink){ hear_head, hear_message, hear_invalid, heard };
}

static char *
golden(const char *name)
{
        g_autofree char *path =
                g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"), "tests/wire", name, NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* The wire form: without line breaks and indentation between the elements. */
static char *
on_the_wire(const char *pretty)
{
        g_autoptr(GRegex) between = g_regex_new(">\\s+<", 0, 0, NULL);
        g_autofree char *text = g_regex_replace_literal(between, pretty, -1, 0, "><", 0, NULL);

        return g_strdup(g_strstrip(text));
}

static void
check_update_message(gpointer user, const StateReportMessage *m)
{
        g_assert_cmpint(m->time_us, ==, G_GINT64_CONSTANT(1390238335573000)); /* date -d … +%s */
        g_assert_cmpint(m->serial, ==, 232);
        g_assert_cmpstr(m->topic_id, ==, "505fda07-b4f3-45fb-83d9-8642554e2773");
        g_assert_cmpint(m->topic_type, ==, 500);
        g_assert_cmpint(m->id_type, ==, 3);
        g_assert_cmpstr(m->user, ==, "");
        g_assert_cmpint(m->state_id, ==, 2);
        g_assert_cmpuint(m->param_count, ==, 1);
        g_assert_cmpstr(m->params[0], ==, "200");
        g_assert_cmpstr(m->details, ==, "");
}

static bool
take_update(gpointer user, const StateReportMessage *m, GError **error)
{
        check_update_message(user, m);
        ++*(guint *)user;
        return true;
}

static void
golden_update(void)
{
        g_autofree char *text = golden("statereport/update-detection.xml");
        guint count = 0;
        const StateReportSink sink = { NULL, take_update, NULL, &count };
        g_autoptr(GError) error = NULL;
        g_autoptr(StateReportHead) head = statereport_read_head(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(head->client_id, ==, CLIENT);
        g_assert_cmpstr(head->client_version, ==, "5.00.7958.1000");
        g_assert_cmpstr(head->name, ==, "PS1WIN7X64");
        g_assert_true(head->client_installed);
        g_assert_cmpint(head->priority, ==, 5);
        g_assert_cmpint(head->date_us, ==, G_GINT64_CONSTANT(1390247216903000));
        g_assert_true(statereport_read(text, strlen(text), &sink, &error));
        g_assert_cmpuint(count, ==, 1);
}

static bool
take_pull_dp(gpointer user, const StateReportMessage *m, GError **error)
{
        g_assert_cmpint(m->topic_type, ==, 902);
        g_assert_cmpstr(m->topic_id, ==, "P010000F");
        g_assert_cmpint(m->serial, ==, 3);
        g_assert_cmpuint(m->param_count, ==, 4);
        g_assert_cmpstr(m->params[1], ==,
                        "[\"Display=\\\\P01PDP1.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=P01\"]"
                        "\\\\P01PDP1.CONTOSO.COM\\");
        g_assert_cmpstr(m->params[2], ==, "{04AD1BB3-5E54-457A-9873-DFB2E8035090}");
        g_assert_cmpstr(m->params[3], ==, "");
        ++*(guint *)user;
        return true;
}

static void
golden_pull_dp(void)
{
        g_autofree char *text = golden("statereport/pull-dp.xml");
        guint count = 0;
        const StateReportSink sink = { NULL, take_pull_dp, NULL, &count };
        g_autoptr(GError) error = NULL;
        g_autoptr(StateReportHead) head = statereport_read_head(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(head->client_id, ==, "925b0ab0-247b-466b-be0f-93d7cb032c87");
        g_assert_false(head->client_installed);
        g_assert_cmpint(head->priority, ==, 5); /* absent */
        g_assert_cmpstr(head->content, ==, "StateMessage");
        g_assert_true(statereport_read(text, strlen(text), &sink, &error));
        g_assert_cmpuint(count, ==, 1);
}

static void
written_as_specified(void)
{
        g_autofree char *pretty = golden("statereport/update-detection.xml");
        g_autofree char *expected = on_the_wire(pretty);
        const StateReportHead head = {
                .client_id = (char *)CLIENT,
                .client_version = (char *)"5.00.7958.1000",
                .name = (char *)"PS1WIN7X64",
                .client_installed = true,
                .priority = 5,
                .content = (char *)"State Message Data",
                .date_us = G_GINT64_CONSTANT(1390247216903000),
                .trace = (char *)"",
        };
        const StateReportMessage message = {
                .time_us = G_GINT64_CONSTANT(1390238335573000),
                .serial = 232,
                .topic_type = 500,
                .id_type = 3,
                .topic_id = "505fda07-b4f3-45fb-83d9-8642554e2773",
                .user = "",
                .state_id = 2,
                .param_count = 1,
                .params = { "200" },
                .details = "",
        };
        g_autofree char *text = statereport_write(&head, &message, 1);

        g_assert_cmpstr(text, ==, expected);
}

static void
written_as_pull_dp(void)
{
        g_autofree char *pretty = golden("statereport/pull-dp.xml");
        g_autofree char *wire = on_the_wire(pretty);
        g_autofree char *text = NULL;
        const StateReportHead head = {
                .client_id = (char *)"925b0ab0-247b-466b-be0f-93d7cb032c87",
                .client_version = (char *)"5.00.0000.0000",
                .name = (char *)"P01PDP1.CONTOSO.COM",
                .content = (char *)"StateMessage",
                .date_us = G_GINT64_CONSTANT(1546891578000000),
        };
        const StateReportMessage message = {
                .time_us = G_GINT64_CONSTANT(1546891578000000),
                .serial = 3,
                .topic_type = 902,
                .topic_id = "P010000F",
                .state_id = 1,
                .param_count = 4,
                .params = { "P010000F",
                            "[\"Display=\\\\P01PDP1.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=P01\"]"
                            "\\\\P01PDP1.CONTOSO.COM\\",
                            "{04AD1BB3-5E54-457A-9873-DFB2E8035090}", "" },
        };
        Heard written = { 0 };
        Heard expected = { 0 };
        StateReportSink sink = sink_of(&written);

        text = statereport_write(&head, &message, 1);
        g_assert_nonnull(strstr(text, "<Unknown>0</Unknown><ClientID IDType=\"0\" IDFlag=\"1\">"));
        g_assert_nonnull(strstr(text, "<Topic ID=\"P010000F\" Type=\"902\" IDType=\"0\"/>"));
        g_assert_true(statereport_read(text, strlen(text), &sink, NULL));
        sink = sink_of(&expected);
        g_assert_true(statereport_read(wire, strlen(wire), &sink, NULL));
        g_assert_cmpstr(written.said->str, ==, expected.said->str);
        g_string_free(written.said, TRUE);
        g_string_free(expected.said, TRUE);
}

/* Both readers over the same bytes; returns whether the quick one took them. */
static bool
readers_agree(const void *data, gsize size)
{
        Heard quick = { 0 };
        Heard thorough = { 0 };
        StateReportSink quick_sink = sink_of(&quick);
        StateReportSink thorough_sink = sink_of(&thorough);
        g_autoptr(GError) error = NULL;
        QuickResult result = statereport_read_quick(data, size, false, &quick_sink, &error);
        bool took = result == QUICK_READ;

        g_assert_no_error(error);
        if (took) {
                g_assert_true(statereport_read_thorough(data, size, false, &thorough_sink, &error));
                g_assert_no_error(error);
                g_assert_true(g_string_equal(quick.said, thorough.said));
        } else {
                g_assert_cmpuint(quick.said->len, ==, 0);
        }
        g_string_free(quick.said, TRUE);
        g_string_free(thorough.said, TRUE);
        return took;
}

static char *
many_messages(guint count)
{
        g_autofree StateReportMessage *messages = g_new0(StateReportMessage, count);
        const StateReportHead head = {
                .client_id = (char *)CLIENT,
                .client_version = (char *)"0.1.0",
                .name = (char *)"a&b<c>\"d'",
                .client_installed = true,
                .priority = 1,
                .content = (char *)"State Message Data",
                .date_us = G_GINT64_CONSTANT(1800000000000000),
                .trace = (char *)"4bf92f3577b34da6a3ce929d0e0e4736",
        };

        for (guint i = 0; i < count; i++)
                messages[i] = (StateReportMessage){
                        .time_us = G_GINT64_CONSTANT(1800000000000000) + i,
                        .serial = (gint64)i - 1,
                        .topic_type = i % 2 == 0 ? 500 : 501,
                        .id_type = 3,
                        .topic_id = "505fda07-b4f3-45fb-83d9-8642554e2773",
                        .user = i % 3 == 0 ? "CONTOSO\\a&b" : "",
                        .state_id = (int)(i % 4),
                        .param_count = i % 6,
                        .params = { "200", "", "a > b ]] c", "d\te", "<&>\"'" },
                        .details = i % 2 == 0 ? "openssl amd64 3.0.1 3.0.2\nzlib1g amd64 1 2" : "",
                };
        return statereport_write(&head, messages, count);
}

static void
quick_and_thorough(void)
{
        g_autofree char *text = many_messages(60);
        g_autoptr(GBytes) wide = utf16_write(text, -1, NULL);
        gsize size;
        const char *bytes = g_bytes_get_data(wide, &size);
        g_autofree char *with_nul = g_malloc0(size + 2);

        memcpy(with_nul, bytes, size);
        g_assert_true(readers_agree(text, strlen(text)));
        g_assert_true(readers_agree(text, strlen(text) + 1));
        g_assert_true(readers_agree(bytes, size));
        g_assert_true(readers_agree(bytes + 2, size - 2));
        g_assert_true(readers_agree(with_nul, size + 2));
        /* Everything that is cut short is left to the thorough reader, which refuses it. */
        for (gsize length = 0; length < strlen(text); length += 7) {
                Heard heard = { 0 };
                const StateReportSink sink = sink_of(&heard);

                g_assert_false(readers_agree(text, length));
                g_assert_false(statereport_read(text, length, &sink, NULL));
                g_string_free(heard.said, TRUE);
        }
}

/* One byte of a good report is changed at every place: the readers must still agree. */
static void
agree_on_damage(void)
{
        g_autofree char *text = many_messages(3);
        static const char changes[] = "<>&\"' /=\n\r\t]\x01\x80x0-";
        gsize length = strlen(text);

        for (gsize at = 0; at < length; at++) {
                char was = text[at];

                for (gsize i = 0; i < sizeof changes - 1; i++) {
                        text[at] = changes[i];
                        readers_agree(text, length);
                }
                text[at] = was;
        }
}

static char *
report_with(const char *messages)
{
        return g_strconcat(head_text, "<ReportBody>", messages, "</ReportBody></Report>", NULL);
}

static void
bad_messages_are_counted(void)
{
        static const struct {
                const char *message;
                const char *why;
        } bad[] = {
                { "<StateMessage MessageTime=\"2014\" SerialNumber=\"1\"><Topic ID=\"a\" "
                  "Type=\"500\"/><State ID=\"2\"/></StateMessage>",
                  "the time of the message cannot be read" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"x\">"
                  "<Topic ID=\"a\" Type=\"500\"/><State ID=\"2\"/></StateMessage>",
                  "the serial number is no number" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<State ID=\"2\"/></StateMessage>",
                  "the message names no topic" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<Topic ID=\"a\" Type=\"99999999999\"/><State ID=\"2\"/></StateMessage>",
                  "the topic type is no number" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<Topic ID=\"a\" Type=\"500\"/></StateMessage>",
                  "the state ID is no number" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<Topic ID=\"a\" Type=\"500\"/><State ID=\"2\"/><UserParameters Count=\"2\">"
                  "<Param>1</Param></UserParameters></StateMessage>",
                  "the count of parameters differs from their number" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<Topic ID=\"a\" Type=\"500\"/><State ID=\"2\"/><UserParameters>"
                  "<Param/><Param/><Param/><Param/><Param/><Param/></UserParameters>"
                  "</StateMessage>",
                  "the message has more than five parameters" },
                { "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                  "<Topic ID=\"a\" Type=\"500\"/><Topic ID=\"b\" Type=\"500\"/><State ID=\"2\"/>"
                  "</StateMessage>",
                  "an element of the message stands there twice" },
        };
        static const char good[] =
                "<StateMessage MessageTime=\"20140120171855.573000+000\" SerialNumber=\"1\">"
                "<Topic ID=\"a\" Type=\"500\"/><State ID=\"2\"/><Foreign><Topic ID=\"z\"/>"
                "</Foreign></StateMessage>";

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *both = g_strconcat(bad[i].message, good, NULL);
                g_autofree char *text = report_with(both);
                g_autofree char *said = g_strconcat("invalid ", bad[i].why, "\n", NULL);
                Heard heard = { 0 };
                const StateReportSink sink = sink_of(&heard);
                g_autoptr(GError) error = NULL;

                g_assert_true(statereport_read(text, strlen(text), &sink, &error));
                g_assert_no_error(error);
                g_assert_cmpuint(heard.invalid, ==, 1);
                g_assert_cmpuint(heard.messages, ==, 1);
                g_assert_nonnull(strstr(heard.said->str, said));
                g_string_free(heard.said, TRUE);
        }
}

static void
expect_refused(const char *text, gssize size, UkErrorCode code, const char *words)
{
        Heard heard = { 0 };
        const StateReportSink sink = sink_of(&heard);
        g_autoptr(GError) error = NULL;

        g_assert_false(
                statereport_read(text, size < 0 ? strlen(text) : (gsize)size, &sink, &error));
        g_assert_error(error, UK_ERROR, (int)code);
        if (strstr(error->message, words) == NULL)
                g_error("'%s' lacks '%s'", error->message, words);
        g_string_free(heard.said, TRUE);
}

static void
hostile_documents(void)
{
        g_autofree char *two_bodies =
                g_strconcat(head_text, "<ReportBody/><ReportBody/></Report>", NULL);
        g_autofree char *no_body = g_strconcat(head_text, "</Report>", NULL);
        g_autofree char *bomb = g_strconcat(
                "<!DOCTYPE Report [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>",
                head_text, "<ReportBody/></Report>", NULL);
        g_autofree char *latin = g_strconcat("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
                                             head_text, "<ReportBody/></Report>", NULL);
        GString *deep = g_string_new(head_text);

        for (int i = 0; i < 1000; i++)
                g_string_append(deep, "<a>");
        expect_refused("", 0, UK_ERROR_PARSE, "");
        expect_refused("\0\0\0\0", 4, UK_ERROR_PARSE, "");
        expect_refused("not XML at all", -1, UK_ERROR_PARSE, "");
        expect_refused("<Policy/>", -1, UK_ERROR_PARSE, "not a report of state messages");
        expect_refused("<Report><ReportBody/></Report>", -1, UK_ERROR_PARSE, "no header");
        expect_refused(no_body, -1, UK_ERROR_PARSE, "no body");
        expect_refused(two_bodies, -1, UK_ERROR_PARSE, "two bodies");
        expect_refused(bomb, -1, UK_ERROR_PARSE, "document type");
        expect_refused(latin, -1, UK_ERROR_UNSUPPORTED, "neither UTF-8 nor UTF-16");
        expect_refused(deep->str, -1, UK_ERROR_PARSE, "");
        expect_refused("<Report><ReportHeader><Identification><Machine><ClientID>GUID:x</ClientID>"
                       "</Machine></Identification></ReportHeader><ReportBody/></Report>",
                       -1, UK_ERROR_PARSE, "is no GUID");
        expect_refused("<Report><ReportHeader/><ReportBody/></Report>", -1, UK_ERROR_PARSE,
                       "which client");
        g_string_free(deep, TRUE);
}

static void
too_much(void)
{
        g_autofree char *large = g_malloc(STATEREPORT_MAX_BYTES + 1);
        GString *many = g_string_new(head_text);

        memset(large, ' ', STATEREPORT_MAX_BYTES + 1);
        expect_refused(large, STATEREPORT_MAX_BYTES + 1, UK_ERROR_LIMIT, "bytes");
        g_string_append(many, "<ReportBody>");
        for (int i = 0; i <= STATEREPORT_MAX_MESSAGES; i++)
                g_string_append(many, "<StateMessage/>");
        g_string_append(many, "</ReportBody></Report>");
        expect_refused(many->str, -1, UK_ERROR_LIMIT, "more than 100000 messages");
        g_string_free(many, TRUE);
}

static void
sink_stops(void)
{
        g_autofree char *text = many_messages(10);

        for (int quick = 0; quick < 2; quick++) {
                Heard heard = { .fail_at = 4 };
                const StateReportSink sink = sink_of(&heard);
                g_autoptr(GError) error = NULL;

                if (quick)
                        g_assert_cmpint(
                                statereport_read_quick(text, strlen(text), false, &sink, &error),
                                ==, QUICK_FAILED);
                else
                        g_assert_false(statereport_read_thorough(text, strlen(text), false, &sink,
                                                                 &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_DATABASE);
                g_assert_cmpuint(heard.messages, ==, 4);
                g_string_free(heard.said, TRUE);
        }
}

static void
head_alone(void)
{
        g_autofree char *broken = g_strconcat(head_text, "<ReportBody><StateMess", NULL);
        g_autofree char *text = many_messages(2);
        g_autoptr(GError) error = NULL;
        g_autoptr(StateReportHead) head = statereport_read_head(broken, strlen(broken), &error);
        g_autoptr(StateReportHead) ours = NULL;

        g_assert_no_error(error);
        g_assert_cmpstr(head->client_id, ==, CLIENT);
        ours = statereport_read_head(text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_cmpstr(ours->name, ==, "a&b<c>\"d'");
        g_assert_cmpstr(ours->trace, ==, "4bf92f3577b34da6a3ce929d0e0e4736");
        g_assert_cmpint(ours->priority, ==, 1);
        g_assert_null(statereport_read_head("<Report/>", 9, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

/* The calendar is GLib's, which shares nothing with ours. */
static void
times(void)
{
        static const char *const bad[] = {
                "",
                "20140120171855.573000",
                "20140120171855.573000+0000",
                "20140132171855.573000+000",
                "20140229171855.573000+000",
                "20141320171855.573000+000",
                "20140120241855.573000+000",
                "20140120176055.573000+000",
                "20140120171860.573000+000",
                "2014012017185a.573000+000",
                "20140120171855,573000+000",
                "20140120171855.57300a+000",
                "20140120171855.573000*000",
                "20140120171855.573000+00a",
                "********171855.573000+000",
        };
        gint64 us;

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(statereport_parse_time(bad[i], &us));
        g_assert_true(statereport_parse_time("20140120181855.573000+060", &us));
        g_assert_cmpint(us, ==, G_GINT64_CONSTANT(1390238335573000));
        g_assert_true(statereport_parse_time("20140120111855.573000-360", &us));
        g_assert_cmpint(us, ==, G_GINT64_CONSTANT(1390238335573000));
        g_assert_true(statereport_parse_time("20240229000000.000000+000", &us));
        for (int i = 0; i < 2000; i++) {
                gint64 second =
                        g_test_rand_int_range(G_MININT32, G_MAXINT32) * G_GINT64_CONSTANT(4);
                g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(second);
                g_autofree char *expected = g_date_time_format(time, "%Y%m%d%H%M%S.000042+000");
                g_autofree char *text = statereport_time(second * 1000000 + 42);

                if (g_date_time_get_year(time) < 1601)
                        continue;
                g_assert_cmpstr(text, ==, expected);
                g_assert_true(statereport_parse_time(text, &us));
                g_assert_cmpint(us, ==, second * 1000000 + 42);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/statereport/golden-update-COMP-057", golden_update);
        g_test_add_func("/wire/statereport/golden-pull-dp", golden_pull_dp);
        g_test_add_func("/wire/statereport/written-as-specified-COMP-057", written_as_specified);
        g_test_add_func("/wire/statereport/written-as-pull-dp", written_as_pull_dp);
        g_test_add_func("/wire/statereport/quick-and-thorough", quick_and_thorough);
        g_test_add_func("/wire/statereport/agree-on-damage", agree_on_damage);
        g_test_add_func("/wire/statereport/bad-messages-are-counted-COMP-069",
                        bad_messages_are_counted);
        g_test_add_func("/wire/statereport/hostile-documents", hostile_documents);
        g_test_add_func("/wire/statereport/too-much", too_much);
        g_test_add_func("/wire/statereport/sink-stops", sink_stops);
        g_test_add_func("/wire/statereport/head-alone", head_alone);
        g_test_add_func("/wire/statereport/times", times);
        return g_test_run();
}
