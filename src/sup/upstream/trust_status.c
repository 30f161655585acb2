/* trust_status.c - what gpgv's status lines mean (DEB-011). */
#include <string.h>

#include "deb/slice.h"
#include "sup/upstream/trust.h"

/* OpenPGP's numbers of hashes below this are broken or weak: MD5, SHA-1, RIPEMD-160. */
#define FIRST_GOOD_HASH 8

typedef struct {
        const char *const *allowed;
        bool good;     /* the present signature is good, as far as is known */
        bool accepted; /* one was accepted */
        char *bad;     /* key of a signature that does not fit */
        char *unknown; /* keys that are missing, expired …: first of each */
        char *expired;
        char *revoked;
        char *weak;
        char *not_allowed;
} Verdict;

static void
verdict_clear(Verdict *v)
{
        g_free(v->bad);
        g_free(v->unknown);
        g_free(v->expired);
        g_free(v->revoked);
        g_free(v->weak);
        g_free(v->not_allowed);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

static void
note(char **slot, Slice key)
{
        if (*slot == NULL)
                *slot = slice_dup(key);
}

static bool
is_allowed(const Verdict *v, Slice fingerprint, Slice primary)
{
        if (v->allowed == NULL || v->allowed[0] == NULL)
                return true;
        for (guint i = 0; v->allowed[i] != NULL; i++) {
                gsize size = strlen(v->allowed[i]);
                bool exact = size > 0 && v->allowed[i][size - 1] == '!';
                g_autofree char *wanted = g_strndup(v->allowed[i], exact ? size - 1 : size);

                if (slice_equal_case(fingerprint, wanted) ||
                    (!exact && slice_equal_case(primary, wanted)))
                        return true;
        }
        return false;
}

/* VALIDSIG <fpr> <date> <time> <expires> <version> <reserved> <pubkey> <hash> <class> [<primary>]
 */
static void
on_valid(Verdict *v, Slice fingerprint, Slice rest)
{
        Slice words[9] = { { NULL, 0 } };
        guint64 hash = 0;
        guint count = 0;

        while (count < G_N_ELEMENTS(words) && slice_word(&rest, &words[count]))
                count++;
        if (!v->good || count < 8)
                return;
        v->good = false;
        if (!slice_number(words[6], 1000, &hash) || hash < FIRST_GOOD_HASH)
                note(&v->weak, fingerprint);
        else if (!is_allowed(v, fingerprint, count == 9 ? words[8] : fingerprint))
                note(&v->not_allowed, fingerprint);
        else
                v->accepted = true;
}

static void
on_line(Verdict *v, Slice line)
{
        Slice prefix, word, key = { NULL, 0 };

        if (!slice_word(&line, &prefix) || !slice_equal(prefix, "[GNUPG:]") ||
            !slice_word(&line, &word))
                return;
        (void)slice_word(&line, &key);
        if (slice_equal(word, "NEWSIG"))
                v->good = false;
        else if (slice_equal(word, "GOODSIG"))
                v->good = true;
        else if (slice_equal(word, "VALIDSIG"))
                on_valid(v, key, line);
        else if (slice_equal(word, "BADSIG"))
                note(&v->bad, key);
        else if (slice_equal(word, "NO_PUBKEY"))
                note(&v->unknown, key);
        else if (slice_equal(word, "EXPKEYSIG") || slice_equal(word, "EXPSIG"))
                note(&v->expired, key);
        else if (slice_equal(word, "REVKEYSIG"))
                note(&v->revoked, key);
}

/* The sentence of the gravest thing that was found. */
static bool
refuse(const Verdict *v, GError **error)
{
        if (v->bad != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "the signature by key %s does not fit its InRelease: the file was "
                               "changed after it was signed; try another mirror",
                               v->bad);
        if (v->revoked != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its InRelease is signed with key %s, which was revoked; get the "
                               "archive's present keyring",
                               v->revoked);
        if (v->expired != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its InRelease is signed with key %s, which is past its end; get "
                               "the archive's present keyring",
                               v->expired);
        if (v->weak != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its InRelease is signed by key %s with a weak hash; the archive "
                               "must be signed anew",
                               v->weak);
        if (v->not_allowed != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its InRelease is signed with key %s, which the source does not "
                               "name in Signed-By; name it there if you trust it",
                               v->not_allowed);
        if (v->unknown != NULL)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "its InRelease is signed with key %s, which is none of the source's "
                               "keys; add the archive's key if you trust it",
                               v->unknown);
        return uk_fail(error, UK_ERROR_SIGNATURE,
                       "gpgv found no signature in its InRelease; try another mirror");
}

bool
trust_status_read(const char *status, gsize size, const char *const *allowed, GError **error)
{
        g_auto(Verdict) verdict = { .allowed = allowed };
        const char *end = status + size;

        while (status < end) {
                const char *newline = memchr(status, '\n', (gsize)(end - status));
                const char *stop = newline != NULL ? newline : end;

                on_line(&verdict, (Slice){ status, (gsize)(stop - status) });
                status = stop + 1;
        }
        if (verdict.accepted && verdict.bad == NULL)
                return true;
        return refuse(&verdict, error);
}
