/* decode.h - compressed bytes in, plain bytes out, piece by piece: xz, gzip, zstd, or none. */
#pragma once

#include "base/error.h"

typedef enum {
        DECODE_PLAIN,
        DECODE_XZ,
        DECODE_GZIP,
        DECODE_ZSTD,
} DecodeKind;

typedef struct Decode Decode;

/* The kind by the end of a file's name (".xz", ".gz", ".zst", else plain). */
DecodeKind decode_kind(const char *name);
/* The end of the name for a kind: ".xz", "" for plain. Static. */
const char *decode_suffix(DecodeKind kind);

/* A decoder. xz is decoded by two threads where the file has blocks for it. The caller frees it. */
Decode *decode_new(DecodeKind kind, GError **error) UK_MUST_USE;
void decode_free(Decode *decode);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Decode, decode_free)
/* Takes bytes off *in and writes at most room bytes to out. Call again while it wrote as many as it
 * could or *in_size is not 0; `last` says that no more input comes, and then until *out_size is 0.
 * PARSE when the bytes are damaged, LIMIT when they want too much memory. */
bool decode_some(Decode *decode, const guint8 **in, gsize *in_size, bool last, char *out,
                 gsize room, gsize *out_size, GError **error) UK_MUST_USE;
/* Whether the end of the compressed stream was seen. */
bool decode_ended(const Decode *decode);
