/* Feeds stanzas to the push parser in pieces whose size the input's first byte gives, and whole. */
#include "deb/deb822.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
look(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        guint64 *sum = user;

        for (guint i = 0; i < stanza->count; i++) {
                Slice rest = stanza->fields[i].value, word;

                *sum += slice_line(rest).size;
                while (slice_word(&rest, &word))
                        *sum += (guchar)word.text[word.size - 1];
        }
        return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Deb822Limits limits = { .max_line = 200, .max_stanza = 1000, .comments = true };
        guint64 sum = 0;
        size_t chunk = size > 0 ? data[0] + 1 : 1;
        Deb822Parser *parser = deb822_parser_new("fuzz", &limits, look, &sum);
        bool going = true;

        for (size_t at = 0; at < size && going; at += chunk)
                going = deb822_parser_feed(parser, data + at, MIN(chunk, size - at), NULL);
        if (going)
                (void)!deb822_parser_end(parser, NULL);
        deb822_parser_free(parser);
        (void)!deb822_read("fuzz", (const char *)data, size, NULL, look, &sum, NULL);
        return 0;
}
