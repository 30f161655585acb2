/* Tests of src/host/statusmsg.c. The expected line is the specification's example (91, 1.3), with
 * process, thread and time of the test. */
#include "host/statusmsg.h"

#include <locale.h>
#include <string.h>

#include "base/clock.h"

/* Mon May 16 14:34:06.736 2016, from date -u -d. */
#define EXAMPLE_TIME (G_GINT64_CONSTANT(1463409246736) * 1000)

static StatusMsg
example(void)
{
        StatusMsg msg = { .id = 2301,
                          .severity = 'I',
                          .component = "SMS_DISTRIBUTION_MANAGER",
                          .machine = "CS1SITE.CONTOSO.COM",
                          .site = "CS1",
                          .time_us = EXAMPLE_TIME,
                          .pid = 1904,
                          .tid = 5800,
                          .strings = { "Dummy1", "CS100026", "", "", "", "", "", "", "", "" },
                          .attribute_count = 1,
                          .attribute_ids = { 400 },
                          .attribute_values = { "CS100026" },
                          .trace = "" };

        return msg;
}

static void
line(void)
{
        StatusMsg msg = example();
        g_autofree char *text = statusmsg_line(&msg, 0);

        g_assert_cmpstr(
                text, ==,
                "STATMSG: ID=2301 SEV=I LEV=M SOURCE=\"SMS Server\" "
                "COMP=\"SMS_DISTRIBUTION_MANAGER\" SYS=CS1SITE.CONTOSO.COM SITE=CS1 PID=1904 "
                "TID=5800 GMTDATE=Mon May 16 14:34:06.736 2016 ISTR0=\"Dummy1\" "
                "ISTR1=\"CS100026\" ISTR2=\"\" ISTR3=\"\" ISTR4=\"\" ISTR5=\"\" ISTR6=\"\" "
                "ISTR7=\"\" ISTR8=\"\" ISTR9=\"\" NUMATTRS=1 AID0=400 AVAL0=\"CS100026\"");
}

static void
line_of_failure(void)
{
        StatusMsg msg = example();

        msg.id = 6703;
        msg.severity = 'E';
        msg.attribute_count = 0;
        /* Thu Jan 16 18:53:52.608 2014: the specification's form of the date. */
        msg.time_us = G_GINT64_CONSTANT(1389898432608) * 1000;
        g_autofree char *text = statusmsg_line(&msg, 0x80131904);
        g_assert_true(g_str_has_suffix(text, " NUMATTRS=0 LE=0X80131904"));
        g_assert_nonnull(strstr(text, " GMTDATE=Thu Jan 16 18:53:52.608 2014 ISTR0="));
        g_assert_nonnull(strstr(text, "ID=6703 SEV=E"));
}

static void
texts(void)
{
        const char *const strings[10] = { "Dummy1", "CS100026" };
        g_autofree char *text = statusmsg_text(2301, strings);
        g_autofree char *none = statusmsg_text(1, strings);

        g_assert_cmpstr(text, ==,
                        "Distribution Manager successfully processed package \"Dummy1\" "
                        "(package ID CS100026).");
        g_assert_cmpstr(none, ==, "");
}

/* All numbers that the specification names (91, 6), with their severity and number of attributes.
 */
static void
table_is_the_specifications(void)
{
        static const struct {
                int id;
                char severity;
                const char *attributes; /* IDs in order */
        } spec[] = {
                { 2300, 'I', "400" },
                { 2301, 'I', "400" },
                { 2311, 'I', "400" },
                { 2330, 'I', "400,404" },
                { 2333, 'I', "400" },
                { 2342, 'I', "400,404" },
                { 2357, 'I', "400,404" },
                { 2376, 'I', "400" },
                { 4400, 'I', "400" },
                { 6701, 'I', "" },
                { 6702, 'I', "" },
                { 6703, 'E', "" },
                { 6704, 'I', "" },
                { 6705, 'I', "" },
                { 6706, 'I', "" },
                { 8200, 'I', "400,410" },
                { 8210, 'I', "400,410,404" },
                { 8203, 'E', "400,410,404" },
                { 8211, 'E', "400,410,404" },
                { 8212, 'I', "400,410,404" },
        };
        gsize count;
        const StatusDef *table = statusmsg_table(&count);

        for (guint i = 0; i < G_N_ELEMENTS(spec); i++) {
                const StatusDef *def = statusmsg_find(spec[i].id);
                g_autoptr(GString) ids = g_string_new(NULL);

                g_assert_nonnull(def);
                g_assert_cmpint(def->severity, ==, spec[i].severity);
                g_auto(GStrv) words = g_strsplit(def->attributes, " ", -1);
                for (char **word = words; *word != NULL && **word != '\0'; word++)
                        g_string_append_printf(ids, "%s%.3s", ids->len > 0 ? "," : "", *word);
                g_assert_cmpstr(ids->str, ==, spec[i].attributes);
        }
        for (gsize i = 0; i < count; i++) {
                g_assert_true(table[i].id < 60000 || (table[i].id > 60000 && table[i].id < 61000));
                g_assert_nonnull(strchr("IWE", table[i].severity));
                g_assert_true(statusmsg_find(table[i].id) == &table[i]);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/host/statusmsg/line", line);
        g_test_add_func("/host/statusmsg/line-of-failure", line_of_failure);
        g_test_add_func("/host/statusmsg/texts", texts);
        g_test_add_func("/host/statusmsg/table-is-the-specifications", table_is_the_specifications);
        return g_test_run();
}
