/* trust.h - whether an InRelease was signed by a key that is trusted for its source (DEB-011).
 *
 * gpgv, a separate program, checks the signature and hands out the signed part; what it says on its
 * status channel is judged here. Nothing of the file is used that is not in the signed part.
 */
#pragma once

#include "base/error.h"

/* Whom a source trusts: keys, and of them only those named, if any are. */
typedef struct TrustKeys TrustKeys;

/* The keys of signed_by (as in apt's sources: paths (below root, or as they stand) and
 * fingerprints, or a key in armour), or, where it is NULL, of the machine's trusted.gpg(.d), or
 * else of the distribution's archive keyring. Armour is taken off; the keys are written to a file
 * in work_dir. KEY names what is missing and what to do. The caller frees the result. */
TrustKeys *trust_keys_load(const char *root, const char *signed_by, const char *work_dir,
                           GError **error) UK_MUST_USE;
void trust_keys_free(TrustKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrustKeys, trust_keys_free)

/* A check that runs; several may run at once. */
typedef struct TrustCheck TrustCheck;

/* Starts checking the file at path, which is this check's alone (gpgv writes beside it), and whose
 * content is given too. SIGNATURE when it is not one
 * clear-signed text, KEY when gpgv cannot be started. */
TrustCheck *trust_begin(const TrustKeys *keys, const char *path, const char *text, gsize size,
                        GError **error) UK_MUST_USE;
/* Waits for its end and frees check_take. The signed part goes to *text_out, the caller's.
 * SIGNATURE with a sentence that says which key and what to do. */
bool
trust_end(TrustCheck *check_take, char **text_out, gsize *size_out, GError **error) UK_MUST_USE;

/* Judges what gpgv wrote on its status channel, with only the fingerprints in allowed (NULL: all
 * whose key it has); for trust_end, the tests and the fuzzer. */
bool trust_status_read(const char *status, gsize size, const char *const *allowed,
                       GError **error) UK_MUST_USE;
/* Takes the armour off keys; what is not armoured is returned as it is. The caller's. PARSE. */
GBytes *trust_armour_read(const char *text, gsize size, GError **error) UK_MUST_USE;
