/* Tests of src/wire/policydoc.c; the goldens are the specification's samples. */
#include "wire/policydoc.h"

#include <locale.h>
#include <string.h>

#include "wire/xml.h"

#define POLICY     "{d0855677-b0a6-4e33-9bd5-7b0d06f0a2be}"
#define ASSIGNMENT "{375c8020-3cae-4736-89ca-ccf1ce6e3709}"
#define HASH       "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LOCATION   "http://<mp>/SMS_MP/.sms_pol?" POLICY ".40_00"

static char *
golden(const char *name)
{
        g_autofree char *path = g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"),
                                                 "tests/wire/policydoc", name, NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static char *
on_the_wire(const char *pretty)
{
        g_autoptr(GRegex) between = g_regex_new(">\\s+<", 0, 0, NULL);
        g_autofree char *text = g_regex_replace_literal(between, pretty, -1, 0, "><", 0, NULL);

        return g_strdup(g_strstrip(text));
}

static void
body_golden(void)
{
        g_autofree char *pretty = golden("update-source.xml");
        g_autofree char *expected = on_the_wire(pretty);
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicyBody) body = policydoc_body_read(pretty, strlen(pretty), &error);
        g_autofree char *written = NULL;

        g_assert_no_error(error);
        g_assert_cmpstr(body->policy_id, ==, POLICY);
        g_assert_cmpstr(body->version, ==, "40.00");
        g_assert_cmpstr(body->category, ==, "UpdateSource");
        g_assert_cmpstr(body->source, ==, "SMS:PS1");
        g_assert_cmpstr(body->class_name, ==, "CCM_UpdateSource");
        g_assert_cmpstr(policydoc_body_get(body, "UniqueId"), ==,
                        "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}");
        g_assert_cmpstr(policydoc_body_get(body, "ContentVersion"), ==, "38");
        g_assert_null(policydoc_body_get(body, "ContentLocation"));
        written = policydoc_body_write(body);
        g_assert_cmpstr(written, ==, expected);
}

static PolicyAssignmentDoc
sample(void)
{
        return (PolicyAssignmentDoc){
                .assignment_id = (char *)ASSIGNMENT,
                .policy_id = (char *)POLICY,
                .version = (char *)"40.00",
                .category = (char *)"UpdateSource",
                .hash = (char *)HASH,
                .location = (char *)LOCATION,
        };
}

static void
assignment_there_and_back(void)
{
        PolicyAssignmentDoc assignment = sample();
        g_autofree char *text = policydoc_assignment_write(&assignment);
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicyAssignmentDoc) read = policydoc_assignment_read(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(read->assignment_id, ==, ASSIGNMENT);
        g_assert_cmpstr(read->policy_id, ==, POLICY);
        g_assert_cmpstr(read->version, ==, "40.00");
        g_assert_cmpstr(read->category, ==, "UpdateSource");
        g_assert_cmpstr(read->hash, ==, HASH);
        g_assert_cmpstr(read->location, ==, LOCATION);
        g_assert_cmpstr(read->trace, ==, "");
        g_assert_false(read->tombstone);
        g_assert_null(read->signature);
}

static void
tombstone_there_and_back(void)
{
        PolicyAssignmentDoc assignment = sample();
        g_autoptr(PolicyAssignmentDoc) read = NULL;
        g_autofree char *text = NULL;

        assignment.tombstone = true;
        assignment.trace = (char *)"4bf92f3577b34da6a3ce929d0e0e4736";
        text = policydoc_assignment_write(&assignment);
        read = policydoc_assignment_read(text, strlen(text), NULL);
        g_assert_true(read->tombstone);
        g_assert_cmpstr(read->trace, ==, "4bf92f3577b34da6a3ce929d0e0e4736");
}

/* The form of the client protocol, 8.2: CDATA, and elements that are not ours. */
static void
assignment_of_a_stranger(void)
{
        static const char text[] =
                "<PolicyAssignment PolicyAssignmentID=\"" ASSIGNMENT "\">\n <Reference/>\n"
                "<Policy PolicyID=\"" POLICY "\" PolicyVersion=\"40.00\" PolicyType=\"Machine\"\n"
                " PolicyCategory=\"UpdateSource\" PolicyFlags=\"16592\" PolicyPriority=\"25\">"
                "<PolicyLocation PolicyHash=\"0\" PolicyHashEx=\"" HASH "\">"
                "<![CDATA[" LOCATION "]]></PolicyLocation></Policy><Condition/></PolicyAssignment>";
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicyAssignmentDoc) read = policydoc_assignment_read(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(read->location, ==, LOCATION);
        g_assert_cmpstr(read->hash, ==, HASH);
}

static void
body_paths(void)
{
        static const char *const bad[] = { "",         "abc",     "{a}.",      "{a}.40",
                                           "{a}.40_",  "{a}._00", ".40_00",    "{a}.4x_00",
                                           "{a}.4_0_", "{a}.%zz", "{a}.40_00&" };
        g_autofree char *path = policydoc_body_path(POLICY, "40.00");
        char *id;
        char *version;

        g_assert_cmpstr(path, ==, "/SMS_MP/.sms_pol?" POLICY ".40_00");
        g_assert_true(policydoc_body_query(strchr(path, '?') + 1, &id, &version, NULL));
        g_assert_cmpstr(id, ==, POLICY);
        g_assert_cmpstr(version, ==, "40.00");
        g_free(id);
        g_free(version);
        g_assert_true(policydoc_body_query("%7Ba%7D." HASH, &id, &version, NULL));
        g_assert_cmpstr(id, ==, "{a}");
        g_assert_cmpstr(version, ==, HASH);
        g_free(id);
        g_free(version);
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(policydoc_body_query(bad[i], &id, &version, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
}

static void
request_golden(void)
{
        g_autofree char *pretty = golden("request.xml");
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicyRequest) request = policydoc_request_read(pretty, strlen(pretty), &error);
        g_autoptr(PolicyRequest) again = NULL;
        g_autofree char *text = NULL;

        g_assert_no_error(error);
        g_assert_cmpstr(request->site, ==, "PS1");
        g_assert_cmpstr(request->cookie, ==, "17");
        g_assert_cmpstr(request->client_id, ==, "A1006D0E-CF56-41D1-A006-6330EFC39381");
        g_assert_cmpstr(request->name, ==, "PS1WIN7X64");
        g_assert_false(request->only_changes);
        request->only_changes = true;
        text = policydoc_request_write(request);
        g_assert_nonnull(strstr(text, "RequestType=\"OnUpdate\""));
        again = policydoc_request_read(text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_true(again->only_changes);
        g_assert_cmpstr(again->client_id, ==, request->client_id);
}

static PolicyReply *
sample_reply(int count)
{
        PolicyReply *reply = policydoc_reply_new("PS1", "18");

        for (int i = 0; i < count; i++) {
                PolicyAssignmentDoc assignment = sample();
                g_autofree char *version = g_strdup_printf("%d.00", i);
                PolicyAssignmentDoc *copy = g_new0(PolicyAssignmentDoc, 1);

                assignment.version = version;
                copy->document = policydoc_assignment_write(&assignment);
                copy->signature = g_strdup_printf("AB%02X", i);
                g_ptr_array_add(reply->assignments, copy);
        }
        return reply;
}

static void
reply_there_and_back(void)
{
        g_autoptr(PolicyReply) reply = sample_reply(3);
        g_autofree char *text = policydoc_reply_write(reply);
        g_autoptr(GError) error = NULL;
        g_autoptr(PolicyReply) read = policydoc_reply_read(text, strlen(text), &error);

        g_assert_no_error(error);
        g_assert_cmpstr(read->site, ==, "PS1");
        g_assert_cmpstr(read->cookie, ==, "18");
        g_assert_false(read->unchanged);
        g_assert_cmpuint(read->assignments->len, ==, 3);
        for (guint i = 0; i < 3; i++) {
                const PolicyAssignmentDoc *a = g_ptr_array_index(reply->assignments, i);
                const PolicyAssignmentDoc *b = g_ptr_array_index(read->assignments, i);

                /* Verbatim: the signature is over these bytes. */
                g_assert_cmpstr(b->document, ==, a->document);
                g_assert_cmpstr(b->signature, ==, a->signature);
                g_assert_cmpint(b->version[0], ==, '0' + (int)i);
        }
}

/* Triggers go with a reply of either kind, and with a cookie that is this client's alone. */
static void
reply_with_triggers(void)
{
        g_autoptr(PolicyReply) reply = sample_reply(2);
        g_autoptr(GPtrArray) triggers = g_ptr_array_new();

        g_ptr_array_add(triggers, (gpointer) "{00000000-0000-0000-0000-000000000113}");
        for (int unchanged = 0; unchanged < 2; unchanged++) {
                if (unchanged)
                        g_ptr_array_set_size(reply->assignments, 0);
                reply->unchanged = unchanged != 0;
                g_autofree char *text = policydoc_reply_write_for(reply, "18.7", triggers);
                g_autoptr(PolicyReply) read = policydoc_reply_read(text, strlen(text), NULL);

                g_assert_nonnull(read);
                g_assert_cmpstr(read->cookie, ==, "18.7");
                g_assert_cmpuint(read->assignments->len, ==, unchanged ? 0 : 2);
                g_assert_cmpuint(read->triggers->len, ==, 1);
                g_assert_cmpstr(read->triggers->pdata[0], ==,
                                "{00000000-0000-0000-0000-000000000113}");
        }
        g_autofree char *plain = policydoc_reply_write(reply);
        g_assert_null(strstr(plain, "Trigger"));
}

static void
reply_unchanged(void)
{
        g_autoptr(PolicyReply) reply = sample_reply(0);
        g_autofree char *text = NULL;
        g_autoptr(PolicyReply) read = NULL;

        reply->unchanged = true;
        text = policydoc_reply_write(reply);
        g_assert_cmpuint(strlen(text), <, 400);
        read = policydoc_reply_read(text, strlen(text), NULL);
        g_assert_true(read->unchanged);
        g_assert_cmpuint(read->assignments->len, ==, 0);
}

/* A lost assignment, a lost signature, a hidden second document: each is noticed. The CRC of the
 * expected sentence is zlib's. */
static void
reply_damaged(void)
{
        g_autoptr(PolicyReply) reply = sample_reply(2);
        g_autofree char *text = policydoc_reply_write(reply);
        const char *first = strstr(text, "<PolicyAssignment ");
        const char *second = strstr(first + 1, "<PolicyAssignment ");
        g_autofree char *lost = g_strdup_printf("%.*s%s", (int)(first - text), text, second);
        g_autofree char *unsigned_one = g_strdup_printf(
                "%.*s%s", (int)(strstr(first, "<upkeep:Signature") - text), text, second);
        g_autofree char *commented = g_strdup_printf("%.*s<!--%.*s-->%s", (int)(first - text), text,
                                                     (int)(second - first), first, first);
        const char *const bad[] = { lost, unsigned_one, commented, "<ReplyAssignments/>", "" };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(policydoc_reply_read(bad[i], strlen(bad[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
                g_assert_true(g_str_has_prefix(error->message, "reading policy assignments: "));
        }
        for (gsize length = 0; length < strlen(text); length += 11)
                g_assert_null(policydoc_reply_read(text, length, NULL));
}

static void
checksum_is_crc32(void)
{
        g_autoptr(PolicyReply) reply = policydoc_reply_new("PS1", "1");
        PolicyAssignmentDoc *assignment = g_new0(PolicyAssignmentDoc, 1);
        g_autofree char *text = NULL;

        assignment->document = g_strdup("123456789");
        assignment->signature = g_strdup("");
        g_ptr_array_add(reply->assignments, assignment);
        text = policydoc_reply_write(reply);
        /* The check value of CRC-32 that every description of it gives. */
        g_assert_nonnull(strstr(text, "<ValidationData Type=\"CRC\">CBF43926</ValidationData>"));
}

static void
hostile_documents(void)
{
        static const char *const bodies[] = {
                "",
                "<Policy/>",
                "<Policy PolicyID=\"a\" PolicyVersion=\"1\" PolicyCategory=\"c\" "
                "PolicySource=\"s\"/>",
                "<!DOCTYPE Policy SYSTEM \"http://x/\"><Policy/>",
        };
        static const char *const requests[] = {
                "",
                "<RequestAssignments/>",
                "<RequestAssignments><PolicySource>PS1</PolicySource></RequestAssignments>",
                "<RequestAssignments><PolicySource>SMS:PS1</PolicySource><Identification><Machine>"
                "<ClientID>GUID:1</ClientID></Machine></Identification></RequestAssignments>",
        };
        g_autofree char *huge = g_strnfill(POLICYDOC_MAX_BYTES + 1, ' ');
        g_autoptr(GError) limit = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(policydoc_body_read(bodies[i], strlen(bodies[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(policydoc_request_read(requests[i], strlen(requests[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
        g_assert_null(policydoc_body_read(huge, strlen(huge), &limit));
        g_assert_error(limit, UK_ERROR, UK_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/policydoc/body-golden-COMP-012", body_golden);
        g_test_add_func("/wire/policydoc/assignment-there-and-back", assignment_there_and_back);
        g_test_add_func("/wire/policydoc/tombstone-there-and-back", tombstone_there_and_back);
        g_test_add_func("/wire/policydoc/assignment-of-a-stranger", assignment_of_a_stranger);
        g_test_add_func("/wire/policydoc/body-paths", body_paths);
        g_test_add_func("/wire/policydoc/request-golden", request_golden);
        g_test_add_func("/wire/policydoc/reply-there-and-back", reply_there_and_back);
        g_test_add_func("/wire/policydoc/reply-with-triggers", reply_with_triggers);
        g_test_add_func("/wire/policydoc/reply-unchanged", reply_unchanged);
        g_test_add_func("/wire/policydoc/reply-damaged", reply_damaged);
        g_test_add_func("/wire/policydoc/checksum-is-crc32", checksum_is_crc32);
        g_test_add_func("/wire/policydoc/hostile-documents", hostile_documents);
        return g_test_run();
}
