/* Tests of src/client/ccmexec/ccmexec.c: which words are commands. */
#include "client/ccmexec/ccmexec.h"

static void
words(void)
{
        g_assert_cmpstr(ccmexec_command("scan"), ==, "scan");
        g_assert_cmpstr(ccmexec_command("SCAN"), ==, "scan");
        g_assert_cmpstr(ccmexec_command("policy"), ==, "policy");
        g_assert_null(ccmexec_command("scans"));
        g_assert_null(ccmexec_command(""));
}

/* The IDs of the client protocol, section 12. */
static void
schedule_ids(void)
{
        g_assert_cmpstr(ccmexec_command("{00000000-0000-0000-0000-000000000021}"), ==, "policy");
        g_assert_cmpstr(ccmexec_command("{00000000-0000-0000-0000-000000000113}"), ==, "scan");
        g_assert_cmpstr(ccmexec_command("{00000000-0000-0000-0000-000000000111}"), ==, "send");
        g_assert_cmpstr(ccmexec_command("{00000000-0000-0000-0000-000000000114}"), ==, "resend");
        g_assert_null(ccmexec_command("{00000000-0000-0000-0000-000000000001}"));
        g_assert_null(ccmexec_command("{00000000-0000-0000-0000-0000000001130}"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/ccmexec/words", words);
        g_test_add_func("/client/ccmexec/schedule-ids", schedule_ids);
        return g_test_run();
}
