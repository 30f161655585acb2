/* version.h - Debian version numbers: which are allowed, and which of two is higher.
 *
 * The order is dpkg's: epoch as a number, then upstream version and revision, each compared in
 * runs of non-digits (letters before other signs, '~' before everything, also the end) and digits.
 */
#pragma once

#include "base/error.h"

/* NULL if the text is a version that Debian policy allows, else a static text that says what is
 * wrong with it ("its revision is empty"). A first character that is no digit is allowed, because
 * policy only advises against it and real archives have it. */
const char *version_fault(const char *text, gsize size);

/* Less than, equal to or greater than 0 as a is lower than, equal to or higher than b in Debian
 * order. Safe for any bytes; a text that is no version still has one place in the order. */
int version_compare(const char *a, gsize a_size, const char *b, gsize b_size);
