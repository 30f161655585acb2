/* Tests of src/wire/soapfield.c. */
#include "wire/soapfield.h"

#include <locale.h>
#include <string.h>

typedef struct {
        char *text, *token, *guid;
        gint64 number;
        bool flag;
        gint64 time, date;
        GPtrArray *texts, *guids;
        GArray *ints;
} Record;

static const SoapField fields[] = {
        { "A/Text", offsetof(Record, text), SOAPFIELD_TEXT, 0, NULL },
        { "A/B/Token", offsetof(Record, token), SOAPFIELD_TOKEN, 0, NULL },
        { "A/B/Guid", offsetof(Record, guid), SOAPFIELD_GUID, SOAPFIELD_SPARSE, NULL },
        { "A/Number", offsetof(Record, number), SOAPFIELD_INT, SOAPFIELD_NEEDED, NULL },
        { "Flag", offsetof(Record, flag), SOAPFIELD_BOOL, 0, NULL },
        { "C/Time", offsetof(Record, time), SOAPFIELD_TIME, SOAPFIELD_SPARSE, NULL },
        { "Date", offsetof(Record, date), SOAPFIELD_DATE, SOAPFIELD_LOOSE, NULL },
        { "Texts", offsetof(Record, texts), SOAPFIELD_TEXTS, 0, "string" },
        { "Guids", offsetof(Record, guids), SOAPFIELD_GUIDS, SOAPFIELD_SPARSE, "guid" },
        { "Ints", offsetof(Record, ints), SOAPFIELD_INTS, SOAPFIELD_SPARSE, "int" },
};
#define COUNT G_N_ELEMENTS(fields)

/* What the record becomes when it is written, or the error's message. */
static char *
through(const char *text)
{
        g_autoptr(XmlDoc) doc = xml_read(text, strlen(text), 10000, NULL);
        g_autoptr(GError) error = NULL;
        GString *out = g_string_new(NULL);
        Record record = { 0 };
        XmlWriter w;

        if (!soapfield_read(xml_root(doc), fields, COUNT, &record, &error)) {
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
                g_string_assign(out, error->message);
        } else {
                xml_begin(&w, out);
                soapfield_write(&w, fields, COUNT, &record);
                xml_finish(&w);
        }
        soapfield_clear(fields, COUNT, &record);
        return g_string_free(out, FALSE);
}

static void
expect(const char *text, const char *expected)
{
        g_autofree char *got = through(text);

        g_assert_cmpstr(got, ==, expected);
}

static void
all_kinds(void)
{
        expect("<r><Ints><int>3</int><other/><int> -4 </int></Ints><Flag>1</Flag>"
               "<A><Number> 7 </Number><Text> a &lt; b </Text><B><Token> x\n y </Token>"
               "<Guid>{A1000000-0000-4000-8000-00000000000F}</Guid></B></A>"
               "<C><Time>2026-03-01T08:15:30.1234567Z</Time></C><Date>2026-02-10</Date>"
               "<Texts><string>s &amp; t</string><string/></Texts>"
               "<Guids><guid>a1000000-0000-4000-8000-00000000000f</guid></Guids></r>",
               "<A><Text> a &lt; b </Text><B><Token>xy</Token>"
               "<Guid>a1000000-0000-4000-8000-00000000000f</Guid></B><Number>7</Number></A>"
               "<Flag>true</Flag><C><Time>2026-03-01T08:15:30.1234560Z</Time></C>"
               "<Date>2026-02-10</Date><Texts><string>s &amp; t</string><string/></Texts>"
               "<Guids><guid>a1000000-0000-4000-8000-00000000000f</guid></Guids>"
               "<Ints><int>3</int><int>-4</int></Ints>");
}

static void
absent_nil_and_blank(void)
{
        static const char empty[] = "<A><Text/><B><Token/></B><Number>0</Number></A><Flag>false"
                                    "</Flag><Date>1970-01-01</Date><Texts/>";

        expect("<r><A><Number>0</Number></A></r>", empty);
        expect("<r xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><A><Text i:nil='true'>x"
               "</Text><Number>0</Number></A><Flag i:nil='1'/><Ints i:nil='true'/></r>",
               empty);
        expect("<r><A><B><Guid/></B><Number>0</Number></A><Flag> </Flag><C><Time/></C></r>", empty);
}

static void
wrong(void)
{
        expect("<r/>", "A/Number");
        expect("<r><A><Number/></A></r>", "A/Number");
        expect("<r><A><Number>x</Number></A></r>", "A/Number");
        expect("<r><A><Number>99999999999999999999</Number></A></r>", "A/Number");
        expect("<r><A><Number>1</Number><B><Guid>a1</Guid></B></A></r>", "A/B/Guid");
        expect("<r><A><Number>1</Number></A><Flag>yes</Flag></r>", "Flag");
        expect("<r><A><Number>1</Number></A><C><Time>now</Time></C></r>", "C/Time");
        expect("<r><A><Number>1</Number></A><Ints><int>a</int></Ints></r>", "Ints");
        expect("<r><A><Number>1</Number></A><Guids><guid>a</guid></Guids></r>", "Guids");
        expect("<r><A><Number>1</Number></A><Date>now</Date></r>",
               "<A><Text/><B><Token/></B><Number>1</Number></A><Flag>false</Flag>"
               "<Date>1970-01-01</Date><Texts/>");
}

static void
times(void)
{
        static const struct {
                const char *text;
                gint64 us;
        } good[] = {
                { "2026-03-01T08:15:30Z", G_GINT64_CONSTANT(1772352930000000) },
                { "2026-03-01T08:15:30", G_GINT64_CONSTANT(1772352930000000) },
                { "2026-03-01T08:15:30.5+02:30", G_GINT64_CONSTANT(1772343930500000) },
                { "2026-03-01T08:15:30.1234567-01:00", G_GINT64_CONSTANT(1772356530123456) },
                { "2026-03-01", G_GINT64_CONSTANT(1772323200000000) },
        };
        static const char *const bad[] = { "",
                                           "2026",
                                           "2026-03-01 08:15:30",
                                           "2026-13-01T08:15:30Z",
                                           "2026-03-01T08:15:30X",
                                           "2026-03-01T08:15:30+1:00",
                                           "2026-03-01T08:15:30+99:00",
                                           "2026-03-01T08:15:30.5Zx" };
        gint64 us;

        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                g_assert_true(soapfield_read_time(good[i].text, &us));
                g_assert_cmpint(us, ==, good[i].us);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(soapfield_read_time(bad[i], &us));
        g_assert_true(soapfield_read_time("9999-12-31T23:59:59.9999999", &us)); /* "never" */
        g_autofree char *whole = soapfield_time(G_GINT64_CONSTANT(1772352930000000));
        g_autofree char *part = soapfield_time(G_GINT64_CONSTANT(1772352930000070));
        g_assert_cmpstr(whole, ==, "2026-03-01T08:15:30Z");
        g_assert_cmpstr(part, ==, "2026-03-01T08:15:30.0000700Z");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(wire_global_init(NULL));
        g_test_add_func("/wire/soapfield/all-kinds", all_kinds);
        g_test_add_func("/wire/soapfield/absent-nil-and-blank", absent_nil_and_blank);
        g_test_add_func("/wire/soapfield/wrong", wrong);
        g_test_add_func("/wire/soapfield/times", times);
        return g_test_run();
}
