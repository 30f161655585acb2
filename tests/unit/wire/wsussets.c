/* Tests of src/wire/wsussets.c: the extension of SyncUpdates, written, read, and out of bounds. */
#include "wire/wsussets.h"

#include <string.h>

#include "unit/must.h"

#define PRODUCT "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define DIGEST  "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
#define NS      "<x><EvaluationSets xmlns=\"urn:upkeep\""
#define END     "</EvaluationSets></x>"

static SetsAnnouncement *
read_announcement(const char *text, GError **error)
{
        g_autoptr(XmlDoc) doc = xml_read(text, strlen(text), 1 << 20, NULL);

        g_assert_nonnull(doc);
        return wsussets_announcement_read(wsussets_find(xml_root(doc)), error);
}

static bool
read_answer(const char *text, GPtrArray **sets_out, GError **error)
{
        g_autoptr(XmlDoc) doc = xml_read(text, strlen(text), 1 << 20, NULL);

        g_assert_nonnull(doc);
        return wsussets_answer_read(wsussets_find(xml_root(doc)), sets_out, error);
}

static void
announcement(void)
{
        static const char *const arches[] = { "amd64", "i386", NULL };
        g_autoptr(SetsAnnouncement) a =
                wsussets_announcement_new("debian", "bookworm", "12", arches);
        g_autoptr(SoapMessage) message = NULL;
        g_autoptr(SetsAnnouncement) b = NULL;

        wsussets_announcement_origin(a, "A & B", "bookworm", "host/path bookworm");
        g_ptr_array_add(a->held, wsussets_name_new(PRODUCT, "amd64", 7, DIGEST));
        g_autofree char *document = wsussets_request_write("eA==", a);
        MUST((message = soap_read(document, strlen(document), 1 << 20, NULL, NULL, &failure)) !=
             NULL);
        MUST((b = wsussets_announcement_read(
                      wsussets_find(xml_child(message->element, "parameters")), &failure)) != NULL);
        g_autofree char *one = wsussets_announcement_key(a);
        g_autofree char *other = wsussets_announcement_key(b);
        g_assert_cmpstr(one, ==, other);
        g_assert_cmpstr(b->arches[1], ==, "i386");
        g_assert_true(wsussets_name_equal(b->held->pdata[0], a->held->pdata[0]));
}

/* Values that run into each other when put side by side are told apart. */
static void
keys(void)
{
        static const char *const arches[] = { "amd64", NULL };
        g_autoptr(SetsAnnouncement) a = wsussets_announcement_new("ab", "c", "", arches);
        g_autoptr(SetsAnnouncement) b = wsussets_announcement_new("a", "bc", "", arches);
        g_autofree char *one = wsussets_announcement_key(a);
        g_autofree char *other = wsussets_announcement_key(b);

        g_assert_cmpstr(one, !=, other);
}

static void
answer(void)
{
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        g_autofree char *same = wsussets_answer_write(none, true);
        GPtrArray *sets = NULL;

        g_assert_cmpstr(same, ==, "<EvaluationSets xmlns=\"urn:upkeep\" Unchanged=\"true\"/>");
        MUST(read_answer(NS " Unchanged=\"true\"/></x>", &sets, &failure));
        g_assert_null(sets);
        MUST(read_answer(NS "><Set Product=\"" PRODUCT "\" Architecture=\"amd64\" Number=\"3\" "
                            "SHA256=\"" DIGEST "\" Url=\"/EvaluationSets/" DIGEST "\"/>" END,
                         &sets, &failure));
        const SetsName *set = g_ptr_array_index(sets, 0);
        g_assert_cmpint(set->number, ==, 3);
        g_assert_cmpstr(set->step, ==, "");
        g_ptr_array_unref(sets);
}

/* Another's element of the same name is not the extension. */
static void
stranger(void)
{
        static const char text[] = "<x><EvaluationSets xmlns=\"urn:else\"/></x>";
        g_autoptr(XmlDoc) doc = xml_read(text, strlen(text), 1 << 20, NULL);

        g_assert_null(wsussets_find(xml_root(doc)));
        g_assert_null(wsussets_find(NULL));
}

static void
refused(void)
{
        static const char *const answers[] = {
                NS "><Set/>" END,
                NS "><Set Product=\"" PRODUCT
                   "\" Architecture=\"../x\" Number=\"3\" SHA256=\"" DIGEST
                   "\" Url=\"/EvaluationSets/x\"/>" END,
                NS "><Set Product=\"" PRODUCT
                   "\" Architecture=\"amd64\" Number=\"0\" SHA256=\"" DIGEST
                   "\" Url=\"/EvaluationSets/x\"/>" END,
                NS "><Set Product=\"" PRODUCT
                   "\" Architecture=\"amd64\" Number=\"3\" SHA256=\"abc\" "
                   "Url=\"/EvaluationSets/x\"/>" END,
                NS "><Set Product=\"" PRODUCT
                   "\" Architecture=\"amd64\" Number=\"3\" SHA256=\"" DIGEST
                   "\" Url=\"http://elsewhere/\"/>" END,
                NS "><Set Product=\"" PRODUCT
                   "\" Architecture=\"amd64\" Number=\"3\" SHA256=\"" DIGEST
                   "\" Url=\"/EvaluationSets/x\" Step=\"//elsewhere/\"/>" END,
        };

        for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
                g_autoptr(GError) error = NULL;
                GPtrArray *sets = NULL;

                g_assert_false(read_answer(answers[i], &sets, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
                g_assert_null(sets);
        }
        g_autoptr(GError) error = NULL;
        g_assert_null(read_announcement(NS "><Machine ID=\"debian\"/>" END, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        MUST(wire_global_init(&failure));
        g_test_add_func("/wire/wsussets/announcement", announcement);
        g_test_add_func("/wire/wsussets/keys", keys);
        g_test_add_func("/wire/wsussets/answer", answer);
        g_test_add_func("/wire/wsussets/stranger", stranger);
        g_test_add_func("/wire/wsussets/refused", refused);
        return g_test_run();
}
