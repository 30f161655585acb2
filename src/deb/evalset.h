/* evalset.h - evaluation sets: all that a client needs to know of a product on one architecture.
 *
 *   update point --evaluation set, or the step from the one the client holds--> client
 *
 * A text, so that a person can read it; sorted, so that every update point makes the same bytes of
 * the same content. It names no server's numbers: an UpdateID follows from origin, codename, source
 * and version (evalset_update_id). Only owned binaries stand in it (DEB-026, DEB-032). Form:
 *
 *   upkeep-evaluation-set 1
 *   product <GUID>
 *   title <name of the product>
 *   origin <Origin>
 *   codename <codename>
 *   architecture <architecture>
 *   (empty line)
 *   <source> <version> <priority> <classification>[ <revision>]<TAB><binary><TAB><binary>…
 *
 * A binary is "<name> <version> <marks>[ a]": name "=" is the source's, version "=" and "=+b1" are
 * the source's version with that behind it, marks (marks.h) are "-" when empty, "a" is for
 * Architecture: all. Lines are in the order of their bytes; a binary stands in the order of names.
 */
#pragma once

#include "deb/slice.h"

/* WSUS's classifications that an archive can give. */
typedef enum {
        EVALSET_SECURITY = 's',
        EVALSET_UPDATES = 'u',
        EVALSET_ROLLUPS = 'r',
        EVALSET_FEATURES = 'f',
} EvalSetClass;

/* Its GUID and its name ("Security Updates"); static. NULL for another letter. */
const char *evalset_class_guid(int classification);
const char *evalset_class_name(int classification);

typedef struct {
        const char *product; /* GUID */
        const char *title;
        const char *origin;
        const char *codename;
        const char *arch;
} EvalSetHead;

/* The UpdateID of a source package version (DEB-021): version 5, lower case, the caller's. */
char *evalset_update_id(const char *origin, const char *codename, const char *source,
                        const char *version);
/* "<source> <version> (<classification>)" (DEB-024); the caller's. */
char *evalset_title(Slice source, Slice version, int classification);

/* ---- writing ---- */

typedef struct EvalSetWriter EvalSetWriter;

/* Begins a set. The caller frees the writer. */
EvalSetWriter *evalset_writer_new(const EvalSetHead *head);
void evalset_writer_free(EvalSetWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EvalSetWriter, evalset_writer_free)
/* Begins an update. One without a binary is not written. */
void evalset_writer_update(EvalSetWriter *writer, Slice source, Slice version, int priority,
                           int classification, int revision);
/* Adds a binary that it owns; in the order of names. */
void evalset_writer_binary(EvalSetWriter *writer, Slice name, Slice version, Slice marks, bool all);
/* The whole text, NUL-terminated, the caller's. Nothing may be added afterwards. */
char *evalset_writer_end(EvalSetWriter *writer, gsize *size_out);

/* ---- reading ---- */

typedef struct EvalSet EvalSet;

typedef struct {
        Slice source, version;
        int priority;
        int classification;
        int revision;
        Slice binaries; /* not yet taken apart */
} EvalSetUpdate;

typedef struct {
        Slice name;    /* as written: "=" too */
        Slice version; /* as written */
        Slice marks;   /* empty for "-" */
        bool all;
} EvalSetBinary;

/* Reads the head of a set; the text must outlive the result, which the caller frees. PARSE. */
EvalSet *evalset_read(const char *text, gsize size, GError **error) UK_MUST_USE;
void evalset_free(EvalSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EvalSet, evalset_free)
/* Borrowed. */
const EvalSetHead *evalset_head(const EvalSet *set);
/* The update at *position (0 at first), which moves behind it; *more_out false at the end. PARSE
 * names the line. */
bool evalset_next(const EvalSet *set, gsize *position, EvalSetUpdate *update_out, bool *more_out,
                  GError **error) UK_MUST_USE;
/* Takes the next binary off *rest (at first update->binaries); *more_out false at the end. */
bool evalset_next_binary(Slice *rest, EvalSetBinary *binary_out, bool *more_out,
                         GError **error) UK_MUST_USE;
/* Name and version in full; the latter may be put together in scratch. */
Slice evalset_binary_name(const EvalSetUpdate *update, const EvalSetBinary *binary);
Slice
evalset_binary_version(const EvalSetUpdate *update, const EvalSetBinary *binary, GString *scratch);

/* ---- steps from one set to the next ---- */

/* What turns the text `from` into `to`: a head with both SHA-256 (given by the caller as text),
 * lines "-<source> <version> <priority>" and "+<line>". The caller's. PARSE. */
char *evalset_step_make(const char *from, gsize from_size, const char *from_sha256, const char *to,
                        gsize to_size, const char *to_sha256, gsize *size_out, GError **error);
/* Reads the head of a step: from and to as lower-case hexadecimal text, the caller's. */
bool evalset_step_read(const char *step, gsize step_size, char **from_out, char **to_out,
                       GError **error) UK_MUST_USE;
/* Applies a step. The caller checks the SHA-256 of the result. PARSE when it does not fit. */
char *evalset_step_apply(const char *from, gsize from_size, const char *step, gsize step_size,
                         gsize *size_out, GError **error) UK_MUST_USE;
