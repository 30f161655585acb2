/* Tests of src/deb/evalset.c and evalset_step.c. */
#include "deb/evalset.h"

#include <string.h>

#define PRODUCT "11111111-2222-5333-8444-555555555555"
#define HEAD                                        \
        "upkeep-evaluation-set 1\nproduct " PRODUCT \
        "\ntitle Debian 12 (bookworm)\norigin Debian\ncodename bookworm\narchitecture amd64\n\n"

static char *
make(bool second, gsize *size_out)
{
        EvalSetHead head = { PRODUCT, "Debian 12 (bookworm)", "Debian", "bookworm", "amd64" };
        g_autoptr(EvalSetWriter) w = evalset_writer_new(&head);

        evalset_writer_update(w, slice_of("zlib"), slice_of("1:1.2"), 500, 'r', 1);
        evalset_writer_binary(w, slice_of("zlib1g"), slice_of("1:1.2"), slice_of("i01"), false);
        evalset_writer_binary(w, slice_of("zlib1g-dev"), slice_of("1:1.2+b1"), slice_of(""), false);
        evalset_writer_update(w, slice_of("nothing"), slice_of("1"), 500, 'r', 1);
        evalset_writer_update(w, slice_of("curl"), slice_of(second ? "7.2" : "7.1"), 500, 's',
                              second ? 3 : 1);
        evalset_writer_binary(w, slice_of("curl"), slice_of("9"), slice_of("i01"), true);
        return evalset_writer_end(w, size_out);
}

static const char first_text[] = HEAD "curl 7.1 500 s\t= 9 i01 a\n"
                                      "zlib 1:1.2 500 r\tzlib1g = i01\tzlib1g-dev =+b1 -\n";

static void
written(void)
{
        gsize size;
        g_autofree char *text = make(false, &size);

        g_assert_cmpstr(text, ==, first_text);
        g_assert_cmpuint(size, ==, strlen(first_text));
}

static void
read_again(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(EvalSet) set = evalset_read(first_text, strlen(first_text), &error);
        g_autoptr(GString) scratch = g_string_new(NULL);
        gsize position = 0;
        EvalSetUpdate update;
        EvalSetBinary binary;
        bool more;

        g_assert_no_error(error);
        g_assert_cmpstr(evalset_head(set)->title, ==, "Debian 12 (bookworm)");
        g_assert_true(evalset_next(set, &position, &update, &more, &error) && more);
        g_assert_true(slice_equal(update.source, "curl") && update.classification == 's');
        g_assert_true(evalset_next_binary(&update.binaries, &binary, &more, &error) && more);
        g_assert_true(slice_equal(evalset_binary_name(&update, &binary), "curl") && binary.all);
        g_assert_true(evalset_next(set, &position, &update, &more, &error) && more);
        g_assert_true(evalset_next_binary(&update.binaries, &binary, &more, &error) && more);
        g_assert_true(slice_equal(evalset_binary_version(&update, &binary, scratch), "1:1.2"));
        g_assert_true(evalset_next_binary(&update.binaries, &binary, &more, &error) && more);
        g_assert_true(slice_equal(evalset_binary_version(&update, &binary, scratch), "1:1.2+b1"));
        g_assert_true(slice_equal(evalset_binary_name(&update, &binary), "zlib1g-dev"));
        g_assert_true(binary.marks.size == 0 && !binary.all);
        g_assert_true(evalset_next_binary(&update.binaries, &binary, &more, &error) && !more);
        g_assert_true(evalset_next(set, &position, &update, &more, &error) && !more);
}

static void
damaged(void)
{
        static const char *const rows[] = {
                "",
                "upkeep-evaluation-set 2\n",
                "upkeep-evaluation-set 1\nproduct x\n",
                HEAD "a",
                HEAD "a\n",
                HEAD "a 1 500 x\tb 1 -\n",
                HEAD "a 1 500\tb 1 -\n",
                HEAD "a 1 500 r z\tb 1 -\n",
                HEAD "a 1 500 r\tb\n",
                HEAD "a 1 500 r\tb 1 - x\n",
                HEAD "\n",
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(EvalSet) set = evalset_read(rows[i], strlen(rows[i]), &error);
                gsize position = 0;
                EvalSetUpdate update = { 0 };
                EvalSetBinary binary;
                bool more;

                g_assert_true(set == NULL ||
                              !evalset_next(set, &position, &update, &more, &error) ||
                              !evalset_next_binary(&update.binaries, &binary, &more, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
}

static void
steps(void)
{
        gsize size1, size2, step_size, size;
        g_autofree char *sha1 = g_strnfill(64, 'a'), *sha2 = g_strnfill(64, 'b');
        g_autofree char *one = make(false, &size1), *two = make(true, &size2);
        g_autofree char *from = NULL, *to = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *step =
                evalset_step_make(one, size1, sha1, two, size2, sha2, &step_size, &error);
        g_autofree char *got = evalset_step_apply(one, size1, step, step_size, &size, &error);
        g_autofree char *expected = g_strdup_printf("upkeep-evaluation-step 1\nfrom %s\nto %s\n"
                                                    "-curl 7.1 500\n+curl 7.2 500 s 3\t= 9 i01 a\n",
                                                    sha1, sha2);

        g_assert_no_error(error);
        g_assert_cmpstr(step, ==, expected);
        g_assert_cmpstr(got, ==, two);
        g_assert_true(evalset_step_read(step, step_size, &from, &to, &error));
        g_assert_cmpstr(from, ==, sha1);
        g_assert_cmpstr(to, ==, sha2);
        g_assert_null(evalset_step_apply(two, size2, step, step_size, &size, &error));
        g_assert_cmpstr(error->message, ==, "the step does not fit the evaluation set held");
}

/* Any two sets of generated lines: the step leads from one to the other, both ways. */
static void
steps_of_any_sets(void)
{
        g_autofree char *sha = g_strnfill(64, '0');

        for (guint round = 0; round < 300; round++) {
                char *text[2];
                gsize size[2];

                for (guint k = 0; k < 2; k++) {
                        g_autofree char *title =
                                g_strdup_printf("T%d", g_test_rand_int_range(0, 2));
                        EvalSetHead head = { PRODUCT, title, "O", "c", "amd64" };
                        g_autoptr(EvalSetWriter) w = evalset_writer_new(&head);

                        for (int i = 0; i < 30; i++) {
                                g_autofree char *source = g_strdup_printf("s%d", i);
                                g_autofree char *version =
                                        g_strdup_printf("%d", g_test_rand_int_range(0, 3));

                                if (g_test_rand_bit())
                                        continue;
                                evalset_writer_update(w, slice_of(source), slice_of(version),
                                                      g_test_rand_bit() ? 500 : 100, 'r',
                                                      g_test_rand_int_range(1, 3));
                                evalset_writer_binary(w, slice_of("b"), slice_of(version),
                                                      slice_of(""), g_test_rand_bit());
                        }
                        text[k] = evalset_writer_end(w, &size[k]);
                }
                for (guint k = 0; k < 2; k++) {
                        g_autoptr(GError) error = NULL;
                        gsize step_size, got_size;
                        g_autofree char *step =
                                evalset_step_make(text[k], size[k], sha, text[1 - k], size[1 - k],
                                                  sha, &step_size, &error);
                        g_autofree char *got = evalset_step_apply(text[k], size[k], step, step_size,
                                                                  &got_size, &error);

                        g_assert_no_error(error);
                        g_assert_cmpstr(got, ==, text[1 - k]);
                        g_assert_cmpuint(got_size, ==, size[1 - k]);
                }
                g_free(text[0]);
                g_free(text[1]);
        }
}

static void
identity(void)
{
        /* python3 -c 'import uuid;
         * print(uuid.uuid5(uuid.UUID("5b0d5b38-6f0e-5f53-9e0f-0a5c7d3c1e11"),
         *             "Debian\nbookworm\ncurl\n7.88.1-10+deb12u8"))' */
        g_autofree char *id = evalset_update_id("Debian", "bookworm", "curl", "7.88.1-10+deb12u8");
        g_autofree char *title = evalset_title(slice_of("curl"), slice_of("1"), EVALSET_SECURITY);
        g_autofree char *name = g_strnfill(1000, 'x');
        g_autofree char *long_id = evalset_update_id("Debian", "bookworm", name, "1");

        g_assert_cmpstr(id, ==, "a8fc11be-0526-588a-aa9f-765da8a07558");
        g_assert_cmpstr(long_id, ==, "8d4f3920-a19e-5350-a2e2-ece2dc8fc22a");
        g_assert_cmpstr(title, ==, "curl 1 (Security Updates)");
        g_assert_cmpstr(evalset_class_guid('s'), ==, "0fa1201d-4330-4fa8-8ae9-b877473b6441");
        g_assert_cmpstr(evalset_class_guid('u'), ==, "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83");
        g_assert_cmpstr(evalset_class_guid('r'), ==, "28bc880e-0592-4cbf-8f95-c79b17911d5f");
        g_assert_cmpstr(evalset_class_guid('f'), ==, "b54e7d24-7add-428f-8b75-90a396fa584f");
        g_assert_null(evalset_class_guid('x'));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/evalset/written-DEB-042", written);
        g_test_add_func("/deb/evalset/read-again", read_again);
        g_test_add_func("/deb/evalset/damaged", damaged);
        g_test_add_func("/deb/evalset/steps-DEB-042", steps);
        g_test_add_func("/deb/evalset/steps-of-any-sets-DEB-042", steps_of_any_sets);
        g_test_add_func("/deb/evalset/identity-DEB-021-DEB-022-DEB-024", identity);
        return g_test_run();
}
