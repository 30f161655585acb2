/* logline.h - reads one record of any of the four log forms (base/log.h writes them). */
#pragma once

#include "base/error.h"

typedef struct {
        gint64 time_us;  /* UTC; 0 when the line is no record, but part of the one before */
        char *component; /* never NULL */
        char *text;
        char trace[33]; /* of the work the record belongs to; "" for none */
        int type; /* 1 information, 2 warning, 3 error; guessed from words where the form has none
                   */
        gint64 thread;
} LogLine;

/* Reads a line without its line break; always gives a result, the caller's. file is the log's name
 * ("WindowsUpdate.log"), the component of forms that name none. */
LogLine *logline_read(const char *line, const char *file);
void logline_free(LogLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogLine, logline_free)
