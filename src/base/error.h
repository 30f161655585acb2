/* error.h - how a function says that it failed.
 *
 * A function that can fail returns bool or a pointer and has `GError **error` last; false or
 * NULL means that the error is set, and nothing else means it. Errors rise as sentences: each
 * level adds what it was doing (UK_DOING), the host reports once and acts by the class.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Marks a function whose result must be looked at. */
#define UK_MUST_USE __attribute__((warn_unused_result))

typedef enum {
#define UK_ERROR_DEF(code, number, class, sentence) UK_ERROR_##code = number,
#include "base/error.def"
#undef UK_ERROR_DEF
} UkErrorCode;

/* What the host does with the input of the work that failed; see error.def. */
typedef enum {
        UK_CLASS_LATER,
        UK_CLASS_CORRUPT,
        UK_CLASS_HALT,
} UkErrorClass;

/* One row of error.def, for the tables that are made from it. */
typedef struct {
        UkErrorCode code;
        const char *name;
        UkErrorClass class;
        const char *sentence;
} UkErrorInfo;

#define UK_ERROR (uk_error_quark())

GQuark uk_error_quark(void);

/* Sets an error with the formatted text (UTF-8, whatever bytes the arguments have) and returns
 * false, so that `return uk_fail(…)` is a line. error may be NULL. */
bool uk_fail(GError **error, UkErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* As uk_fail, with ": <system's words for errno_value>" behind the text. The code follows from
 * errno_value: ENOSPC, EDQUOT give FULL; ECONN…, ETIMEDOUT, EHOSTUNREACH … give NETWORK; EACCES,
 * EPERM give IO as well, because a person may mend the rights; everything else is IO. */
bool uk_fail_errno(GError **error, int errno_value, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Stands in all words by which a machine tells another one that its volume is full: who gets the
 * words alone knows it by this. */
#define UK_ERROR_MAKE_ROOM "make room there"

/* The class of an error. Errors that are not of our domain are LATER: retrying loses nothing. */
UkErrorClass uk_error_class(const GError *error);

/* The rows of error.def in order; *count_out is their number. Never NULL. */
const UkErrorInfo *uk_error_table(gsize *count_out);

/* The name of a code ("PARSE"), or "?" for a number that is none. */
const char *uk_error_name(int code);

/* Puts "<formatted text>: " before the message of the error that leaves the enclosing scope, so
 * that the log reads as one sentence. Use once, at the top of a function; not in hot paths, since
 * the text is formatted at once. */
#define UK_DOING(error, ...)                                                                  \
        __attribute__((cleanup(uk_doing_leave))) UkDoing uk_doing_scope_ = { (error), NULL }; \
        uk_doing_scope_.text = g_strdup_printf(__VA_ARGS__)

typedef struct {
        GError **error;
        char *text;
} UkDoing;

/* The cleanup behind UK_DOING; not called by name. */
void uk_doing_leave(UkDoing *doing);
