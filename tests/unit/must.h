/* must.h - a call of a test that must succeed, with the error's text if it does not. */
#pragma once

#include <glib.h>

/* A call that must succeed; its last argument is &failure, whose text is shown if not. */
#define MUST(call_)                               \
        do {                                      \
                g_autoptr(GError) failure = NULL; \
                bool done_ = (call_);             \
                g_assert_no_error(failure);       \
                g_assert_true(done_);             \
        } while (0)
