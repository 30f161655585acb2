/* statesys_packages.c - reads the packages that make an update missing (DEB-041).
 *
 * In: StateDetails of a message of topic 500, from a client. Out: names and versions, or nothing
 * when any line is not of the form; what is stored is shown to people as it came.
 */
#include "site/statesys/statesys_packages.h"

#include <string.h>

/* One line "name architecture installed new", and "held" or "hold" behind it (DEB-041). */
static bool
read_package(char *line, CompliancePackage *package)
{
        char *words[6];
        guint count = 0;

        for (char *word = line; word != NULL && count < G_N_ELEMENTS(words); count++) {
                char *blank = strchr(word, ' ');

                if (blank != NULL)
                        *blank++ = '\0';
                if (*word == '\0')
                        return false;
                words[count] = word;
                word = blank;
        }
        package->held =
                count == 5 && (strcmp(words[4], "held") == 0 || strcmp(words[4], "hold") == 0);
        if (count != 4 && !package->held)
                return false;
        package->name = words[0];
        package->architecture = words[1];
        package->installed = words[2];
        package->available = words[3];
        return true;
}

bool
statesys_packages_read(const char *details, GString *text, GArray *packages)
{
        g_array_set_size(packages, 0);
        g_string_assign(text, details);
        for (char *line = text->str; *line != '\0';) {
                char *end = strchrnul(line, '\n');
                CompliancePackage package;
                bool last = *end == '\0';

                *end = '\0';
                if (!read_package(line, &package))
                        return false;
                g_array_append_val(packages, package);
                line = last ? end : end + 1;
        }
        return true;
}
