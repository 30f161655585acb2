/* Feeds an index: the first byte says how it is packed and in what pieces it comes. */
#include "sup/catalog/stanzas.h"
#include "sup/upstream/index.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const IndexResult *result)
{
        gsize position = 0;
        Stanza s;
        g_autoptr(GString) scratch = g_string_new(NULL);

        while (stanzas_next(result->stanzas->data, result->stanzas->len, &position, &s))
                (void)stanzas_path(&s, scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const arches[] = { "amd64", NULL };
        ReleaseFile promised = { .size = size > 0 ? size - 1 : 0 };
        IndexAsk ask = { .name = "f", .packed = &promised, .arches = arches, .refused_share = 1 };
        g_auto(IndexResult) result = { 0 };
        g_autoptr(Index) index = NULL;
        size_t chunk;
        bool going = true;

        if (size < 1)
                return 0;
        ask.kind = data[0] & 3;
        chunk = (data[0] >> 2) + 1u;
        hash_sha256(data + 1, size - 1, promised.sha256);
        index = index_new(&ask, NULL);
        for (size_t at = 1; at < size && going; at += chunk)
                going = index_feed(index, data + at, MIN(chunk, size - at), NULL);
        if (going && index_end(index, &result, NULL))
                look(&result);
        return 0;
}
