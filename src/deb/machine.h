/* machine.h - what a machine is, for the rules that say whom a product is for (DEB-030, DEB-040).
 *
 * Read from files below a root folder: os-release, dpkg's status and architectures, apt's sources
 * and the Release files of its lists. Nothing is run and nothing is locked.
 */
#pragma once

#include "base/error.h"
#include "deb/dpkgstatus.h"

/* An archive the machine's apt uses. */
typedef struct {
        char *place;    /* "archive.example.org/debian bookworm": URI without scheme, and suite */
        char *origin;   /* from its Release file in apt's lists; "" where there is none */
        char *codename; /* likewise; pockets taken off ("bookworm-security" gives "bookworm") */
} DebOrigin;

typedef struct {
        char *os_id;       /* ID of os-release: "debian"; "" if not said */
        char *os_codename; /* VERSION_CODENAME */
        char *os_version;  /* VERSION_ID */
        DpkgStatus *status;
        GPtrArray *origins; /* of DebOrigin */
} DebMachine;

/* Reads the machine whose files lie below root. Only dpkg's status must be there. */
DebMachine *machine_read(const char *root, GError **error) UK_MUST_USE;
void machine_free(DebMachine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DebMachine, machine_free)

/* Whom a product is for, one rule a line, fields separated by tabs:
 *   os<TAB>debian<TAB>bookworm<TAB>12     os-release says so (codename, else version)
 *   source<TAB>Docker<TAB>bookworm        apt's sources name this origin and codename
 *   place<TAB>download.docker.com/linux/debian<TAB>bookworm    or this place
 * One line that holds is enough. PARSE for any other text. */
bool machine_matches(const DebMachine *machine, const char *rule, bool *matches_out,
                     GError **error) UK_MUST_USE;

/* The place of a URI and suite, as in DebOrigin; the caller's. */
char *machine_place(const char *uri, const char *suite);
/* A codename or suite without its pocket: "bookworm-security", "buster/updates", "jammy-updates"
 * give "bookworm", "buster", "jammy". The caller's. */
char *machine_release_of(const char *suite);
