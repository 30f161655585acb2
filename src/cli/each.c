/* each.c - one call for each name of a command line, and one answer for all. */
#include "cli/each.h"

#include "wire/json.h"

/* What was only to be told of the name has not been done. */
static void
add_row(JsonWriter *w, const char *word, GPtrArray *would, const GError *why)
{
        json_object(w, NULL);
        json_text(w, "name", word);
        json_bool(w, "done", why == NULL && would->len == 0);
        for (guint i = 0; i < would->len; i++)
                json_text(w, "would", would->pdata[i]);
        g_ptr_array_set_size(would, 0);
        if (why != NULL)
                cli_error_json(w, why);
        json_end(w, '}');
}

bool
each_word(Cli *cli, EachFn fn, gpointer user, guint *good_out, GError **error)
{
        g_autoptr(GString) rows = g_string_new(NULL);
        g_autoptr(GError) last = NULL;
        JsonWriter w;
        guint good = 0;

        json_begin(&w, rows);
        json_array(&w, NULL);
        for (guint i = 0; i < cli->words->len; i++) {
                g_autoptr(GError) why = NULL;

                good += fn(cli, cli_word(cli, i), user, &why);
                add_row(&w, cli_word(cli, i), cli->would, why);
                if (why == NULL)
                        continue;
                if (last != NULL)
                        cli_note(cli, "%s\n", last->message);
                g_clear_error(&last);
                last = g_steal_pointer(&why);
        }
        json_end(&w, ']');
        if (cli->json)
                cli_print(cli, "%s\n", rows->str);
        if (good_out != NULL)
                *good_out = good;
        if (last == NULL)
                return true;
        cli->told = cli->json;
        cli->partly |= good > 0;
        g_propagate_error(error, g_steal_pointer(&last));
        return false;
}
