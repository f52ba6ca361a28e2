/* SPDX-License-Identifier: MIT
 *
 * Reads the console to its end with fgets(), or with getchar() if the first argument says so, and
 * says each line with its length; a byte that is not printable is shown as its number.  "stop"
 * ends it before that; "fault" is for tests: it dies.  With the argument `front` it takes the
 * console for itself first, and with `push` it then tries to give it to a domain that is not there.
 */
#include <barrelfish/barrelfish.h>
#include <serial/serial.h>
#include <stdio.h>
#include <string.h>

static void show(const char *line)
{
    char text[900];
    size_t used = 0, length = strlen(line);
    for (size_t i = 0; i < length && used < sizeof(text) - 8; i++) {
        const unsigned char c = (unsigned char)line[i];
        if (c >= ' ' && c < 0x7f)
            text[used++] = (char)c;
        else
            used += (size_t)snprintf(text + used, 8, "<%u>", c);
    }
    text[used] = '\0';
    printf("%zu: %.80s%s\n", length, text, used > 80 ? "..." : "");
}

/* One line, or what there is before the end; false: nothing. */
static bool read_chars(char *line, size_t bytes)
{
    size_t used = 0;
    int c;
    while (used < bytes - 1 && (c = getchar()) != EOF) {
        line[used++] = (char)c;
        if (c == '\n')
            break;
    }
    line[used] = '\0';
    return used > 0;
}

static bool asked_for(const char *word, int argc, char **argv)
{
    int i = 1;
    while (i < argc && strcmp(argv[i], word) != 0)
        i++;
    return i < argc;
}

int main(int argc, char **argv)
{
    static char line[8192];
    const bool chars = asked_for("getchar", argc, argv);
    unsigned lines = 0;
    if (asked_for("front", argc, argv))
        printf("taking the front: %s\n", err_getcode(serial_take_front()));
    if (asked_for("push", argc, argv))
        printf("pushing: %s\n", err_getcode(serial_give_front(4711)));
    printf("reads\n");
    while (chars ? read_chars(line, sizeof(line)) : fgets(line, sizeof(line), stdin) != NULL) {
        lines++;
        show(line);
        if (strcmp(line, "stop\n") == 0)
            break;
        if (strcmp(line, "fault\n") == 0)
            __builtin_trap();
    }
    printf("%u lines%s\n", lines, feof(stdin) ? ", then the end" : "");
    return 0;
}
