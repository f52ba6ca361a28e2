/* SPDX-License-Identifier: MIT
 *
 * Messages of domains: lines through the kernel's console, and panics.
 *
 * The kernel prints only from the dispatcher frame, so a line is copied into the frame's print
 * buffer under a disabled section; formatting happens before, on the caller's stack.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <stdio.h>
#include <string.h>

#include "faults.h"

#define DEBUG_LINE_BYTES 512

void debug_print_line(unsigned kind, const char *text, size_t length)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    char *buffer = (char *)handle + DISP_PRINT_BUFFER_OFFSET;

    if (length > DISP_LINE_BYTES)
        length = DISP_LINE_BYTES;
    memcpy(buffer, text, length);
    sys_print_line(buffer, length, kind);
    if (was_enabled)
        disp_enable(handle);
}

/* The text, without a newline at the end, behind "name.core: " if so wished. */
static void __attribute__((format(printf, 3, 0)))
print_text(unsigned kind, bool prefix, const char *fmt, va_list args)
{
    char line[DEBUG_LINE_BYTES];
    int used = !prefix ? 0
                       : snprintf(line, sizeof(line), "%.16s.%u: ", disp_name(),
                                  (unsigned)disp_get_core_id());
    int more = vsnprintf(line + used, sizeof(line) - (size_t)used, fmt, args);
    size_t length = (size_t)used + (more < 0 ? 0 : (size_t)more);

    if (length >= sizeof(line))
        length = sizeof(line) - 1;
    while (length > 0 && line[length - 1] == '\n')
        length--;
    for (char *start = line, *end; length > 0; length -= (size_t)(end - start), start = end) {
        char *newline = memchr(start, '\n', length);

        debug_print_line(kind, start, newline != NULL ? (size_t)(newline - start) : length);
        end = newline != NULL ? newline + 1 : start + length;
    }
}

errval_t sys_print(const char *text, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - text) : length;
        size_t now = line < DISP_LINE_BYTES ? line : DISP_LINE_BYTES;
        size_t used = now + (newline != NULL && now == line);

        debug_print_line(PRINT_LINE, text, now);
        text += used;
        length -= used;
    }
    return SYS_ERR_OK;
}

void debug_printf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_text(PRINT_LINE, true, fmt, args);
    va_end(args);
}

void debug_trace(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_text(PRINT_TRACE, false, fmt, args);
    va_end(args);
}

/* "SYS_ERR_A <- LIB_ERR_B": the newest first. */
static void print_error(const char *head, const char *fmt, va_list args, errval_t err)
{
    char text[DEBUG_LINE_BYTES / 2], trace[DEBUG_LINE_BYTES / 2];
    size_t used = 0;

    vsnprintf(text, sizeof(text), fmt, args);
    trace[0] = '\0';
    for (errval_t e = err; e != 0 && used < sizeof(trace) - 1; e = err_pop(e)) {
        int n = snprintf(trace + used, sizeof(trace) - used, "%s%s", used == 0 ? "" : " <- ",
                         err_getcode(e));
        used += n < 0 ? 0 : (size_t)n;
    }
    debug_printf("%s%s: %s (%s)", head, text, trace, err_getstring(err));
}

void debug_err(const char *file, const char *func, int line, errval_t err, const char *fmt, ...)
{
    char head[96];
    va_list args;

    (void)file;
    snprintf(head, sizeof(head), "%s:%d: ", func, line);
    va_start(args, fmt);
    print_error(head, fmt, args, err);
    va_end(args);
}

void err_print_calltrace(errval_t err)
{
    for (; err != 0; err = err_pop(err))
        debug_printf("  %s: %s", err_getcode(err), err_getstring(err));
}

void user_panic_fn(const char *file, const char *func, int line, const char *fmt, ...)
{
    char text[DEBUG_LINE_BYTES / 2];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    debug_printf("PANIC in %s (%s:%d): %s", func, file, line, text);
    domain_exit(EXIT_FAILURE);
}

void user_panic_err_fn(const char *file, const char *func, int line, errval_t err, const char *fmt,
                       ...)
{
    char head[128];
    va_list args;

    snprintf(head, sizeof(head), "PANIC in %s (%s:%d): ", func, file, line);
    va_start(args, fmt);
    print_error(head, fmt, args, err);
    va_end(args);
    domain_exit(EXIT_FAILURE);
}

/* newlib's assert.  An assertion may fail in disabled mode, too.  func: NULL in the library. */
void __assert_func(const char *file, int line, const char *func, const char *expression)
{
    dispatcher_handle_t handle = curdispatcher();
    bool disabled = disp_is_disabled(handle);

    debug_printf("assertion \"%s\" failed%s%s (%s:%d)%s", expression, func == NULL ? "" : " in ",
                 func == NULL ? "" : func, file, line, disabled ? ", disabled" : "");
    if (disabled)
        disp_end_domain(handle);
    domain_exit(EXIT_FAILURE);
}

void debug_dump_hw_ptables(void)
{
    invoke_dispatcher_dump_ptables(cap_dispatcher);
}

void debug_my_cspace(void)
{
    invoke_dispatcher_dump_capabilities(cap_dispatcher);
}
