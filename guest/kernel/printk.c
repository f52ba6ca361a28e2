/* SPDX-License-Identifier: MIT
 *
 * The CPU driver's own console lines, and panic.
 *
 * A line is formatted into one static buffer and goes out in one request.  Formatting runs in ring
 * 0, where an instruction may cost a microsecond: print little, and nothing on a hot path.
 */
#include <stdarg.h>

#include "arch.h"
#include "plat.h"

static char line[256];

static unsigned put_char(unsigned at, char c)
{
    if (at < sizeof(line))
        line[at++] = c;
    return at;
}

static unsigned put_number(unsigned at, uint64_t value, unsigned base, unsigned width)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n < width && n < sizeof(digits))
        digits[n++] = '0';
    while (n > 0)
        at = put_char(at, digits[--n]);
    return at;
}

static unsigned format_line(const char *f, va_list args)
{
    unsigned at = 0;
    for (; *f != '\0'; f++) {
        if (*f != '%') {
            at = put_char(at, *f);
            continue;
        }
        f++;
        unsigned width = 0;
        while (*f >= '0' && *f <= '9')
            width = width * 10 + (unsigned)(*f++ - '0');
        bool is_long = false;
        while (*f == 'l')
            is_long = true, f++;
        switch (*f) {
        case 's':
            for (const char *s = va_arg(args, const char *); *s != '\0'; s++)
                at = put_char(at, *s);
            break;
        case 'd': {
            int64_t v = is_long ? va_arg(args, int64_t) : va_arg(args, int);
            if (v < 0)
                at = put_char(at, '-');
            at = put_number(at, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width);
            break;
        }
        case 'u':
            at = put_number(at, is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned), 10,
                            width);
            break;
        case 'p':
        case 'x':
            at = put_number(at,
                            is_long || *f == 'p' ? va_arg(args, uint64_t) : va_arg(args, unsigned),
                            16, width);
            break;
        default:
            at = put_char(at, *f);
        }
    }
    return at;
}

static void emit(unsigned kind, const char *format, va_list args)
{
    unsigned length = format_line(format, args);
    plat_console(kernel_to_phys(line), length, kind, paddr(0));
}

void printk(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(ABI_CONSOLE_KERNEL, format, args);
    va_end(args);
}

void trace_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(ABI_CONSOLE_TRACE, format, args);
    va_end(args);
}

/* What it is about to say may be what is broken: then it says so, and no more. */
void panic(const char *format, ...)
{
    static bool gives_up;
    va_list args;
    if (gives_up) {
        printk("CPU driver: another fault while it gave up");
        plat_panic();
    }
    gives_up = true;
    va_start(args, format);
    emit(ABI_CONSOLE_KERNEL, format, args);
    va_end(args);
    plat_panic();
}
