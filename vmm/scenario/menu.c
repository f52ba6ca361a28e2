/* SPDX-License-Identifier: MIT
 *
 * Parser of the boot menu.  Works line by line, so that the same code serves a menu.lst file, a
 * list in a scenario and a `|` block in a scenario; each caller knows the place of each line.
 *
 * The VMM checks what a guest could only report from deep inside its boot: unknown commands,
 * malformed core sets, cores that the machine does not have.  It rewrites nothing but paths, of
 * programs outside the image directory and below /x86_64: else the guest sees what the author
 * wrote.
 */
#include "scenario/menu.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "abi/layout.h"
#include "scenario/units.h"

static const char *const commands[] = { "title",  "root",          "timeout", "kernel",
                                        "module", "modulenounzip", "#" };
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word at or after *at; its length in *length, 0 at the end of the line. */
static const char *next_word(const char *text, size_t *at, size_t *length)
{
    while (is_space(text[*at]))
        (*at)++;
    const char *word = text + *at;
    *length = 0;
    while (word[*length] && !is_space(word[*length]))
        (*length)++;
    *at += *length;
    return word;
}

static struct place place_at(struct place line, const char *text, const char *word)
{
    if (line.line)
        line.column += (unsigned)(word - text);
    return line;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *parse_core_number(const char **text, unsigned *core)
{
    if (**text < '0' || **text > '9')
        return "expected a core number; a set of cores is written 0, 0-3 or 0-3,6";
    unsigned value = 0;
    while (**text >= '0' && **text <= '9') {
        value = value * 10 + (unsigned)(**text - '0');
        (*text)++;
        if (value >= ABI_MAX_CORES)
            return "core numbers are 0 to 63";
    }
    *core = value;
    return NULL;
}

_Static_assert(ABI_MAX_CORES == 64, "core sets are 64-bit masks, and messages say 63");

const char *parse_core_set(const char *text, uint64_t *cores)
{
    uint64_t set = 0;
    for (;;) {
        unsigned first, last;
        const char *problem = parse_core_number(&text, &first);
        if (problem)
            return problem;
        last = first;
        if (*text == '-') {
            text++;
            problem = parse_core_number(&text, &last);
            if (problem)
                return problem;
            if (last < first)
                return "the range runs backwards: write the lower core first, as in 0-3";
        }
        for (unsigned core = first; core <= last; core++)
            set |= 1ull << core;
        if (*text == '\0')
            break;
        if (*text != ',')
            return "expected a comma or a dash; a set of cores is written 0, 0-3 or 0-3,6";
        text++;
    }
    *cores = set;
    return NULL;
}

/* A query for the knowledge base.  Returns whether the text is meant as one; `problem` then says
 * what is wrong, or is NULL. */
static bool parse_core_query(const char *text, struct menu_line *line, const char **problem)
{
    *problem = NULL;
    if (strcmp(text, "each-node") != 0 && strcmp(text, "spare") != 0) {
        if (strncmp(text, "near:", 5) != 0)
            return false;
        const char *number = text + 5;
        *problem = parse_core_number(&number, &line->near_core);
        if (!*problem && *number)
            *problem = "expected one core, as in near:0";
    }
    line->core_query = text;
    return true;
}

static void parse_core_argument(const char *text, struct place place, struct menu_line *line,
                                struct diags *diags)
{
    const char *problem;
    if (line->cores || line->core_query)
        diag_error(diags, place, "'%s': this line has a core= already", text);
    if (!parse_core_query(text + 5, line, &problem))
        problem = parse_core_set(text + 5, &line->cores);
    line->core_place = place;
    if (!problem)
        return;
    static const char *const queries[] = { "near:0", "each-node", "spare" };
    const char *near = nearest_word(text + 5, queries, sizeof(queries) / sizeof(queries[0]));
    diag_error(diags, place, "'%s': %s%s%s%s", text, problem, near ? "; did you mean 'core=" : "",
               near ? near : "", near ? "'?" : "");
}

/* "key=..." or a whole word. */
static const char *key_of(struct arena *arena, const char *text)
{
    return arena_text(arena, text, strcspn(text, "="));
}

static void parse_argument(struct arena *arena, const char *word, size_t length, unsigned index,
                           struct place place, struct menu_line *line, struct diags *diags)
{
    const char *text = arena_text(arena, word, length);
    bool core = strncmp(text, "core=", 5) == 0;
    bool flags = strncmp(text, "spawnflags=", 11) == 0;
    if (!core && !flags) {
        static const char *const known[] = { "core", "spawnflags" };
        const char *near =
            strchr(text, '=') && index < 2 ? nearest_word(key_of(arena, text), known, 2) : NULL;
        if (near)
            diag_warning(diags, place, "'%s' is text for the program; did you mean '%s='?", text,
                         near);
        return;
    }
    if (index >= 2) {
        diag_warning(diags, place,
                     "'%s' is recognised only among the first two arguments; here the program gets "
                     "it as text",
                     text);
        return;
    }
    if (core) {
        parse_core_argument(text, place, line, diags);
        return;
    }
    uint64_t value = 0;
    const char *problem = parse_unsigned(text + 11, &value);
    if (!problem && value > UINT32_MAX)
        problem = "spawn flags are 32 bits";
    if (problem)
        diag_error(diags, place, "'%s': %s", text, problem);
    line->spawn_flags = (uint32_t)value;
}

/* A word that nobody knows: an error if it is one letter or two from one that is known (`near`;
 * NULL: none), since then the author meant that; else it is only said that it does nothing. */
static void report_unknown(const char *text, const char *near, const char *sign, const char *who,
                           struct place place, struct diags *diags)
{
    if (near)
        diag_error(diags, place, "'%s': %s has no such option; did you mean '%s%s'?", text, who,
                   near, sign);
    else
        diag_warning(diags, place, "'%s' has no effect: %s knows no such option", text, who);
}

static void unknown_word(struct arena *arena, const char *text, const char *const *known,
                         size_t count, const char *who, struct place place, struct diags *diags)
{
    report_unknown(text, nearest_word(key_of(arena, text), known, count), "=", who, place, diags);
}

static void parse_mem_serv_argument(struct arena *arena, const char *word, size_t length,
                                    struct place place, struct diags *diags)
{
    static const char *const known[] = { "alone" };
    const char *text = arena_text(arena, word, length);
    if (strcmp(text, known[0]) != 0)
        report_unknown(text, nearest_word(text, known, 1), "", "the memory server", place, diags);
}

/* The way messages take between monitors (docs/monitor.md). */
static void parse_route(const char *text, struct place place, struct diags *diags)
{
    static const char *const kinds[] = { "direct", "line", "ring", "star", "ipi" };
    const char *kind = text + strlen("route=");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kind, kinds[i]) == 0)
            return;
    uint64_t core;
    if (strncmp(kind, "star:", 5) == 0 && !parse_unsigned(kind + 5, &core) && core < ABI_MAX_CORES)
        return;
    const char *near = nearest_word(kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
    diag_error(diags, place, "'%s': expected direct, line, ring, star, star:CORE or ipi%s%s%s",
               text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The value that begins there, for parsers of the guest, which are smaller than ours. */
static void parse_time(const char *text, size_t begin, struct place place, struct diags *diags)
{
    uint64_t ns = 0;
    const char *unit = text + begin + strspn(text + begin, "0123456789");
    bool has_unit = strcmp(unit, "ns") == 0 || strcmp(unit, "us") == 0 || strcmp(unit, "ms") == 0;
    if (!has_unit || parse_duration(text + begin, &ns) || ns == 0 || ns > MENU_SLICE_MAX_NS)
        diag_error(diags, place,
                   "'%s': expected a whole number of ns, us or ms, at most a second, as in 50us",
                   text);
}

/* How monitors unmap what a domain has on several cores (guest/user/include/barrelfish/
 * shootdown.h; docs/monitor.md). */
static void parse_shootdown(const char *text, struct place place, struct diags *diags)
{
    static const char *const kinds[] = { "broadcast", "unicast", "multicast", "numa", "measured" };
    const char *kind = text + strlen("shootdown=");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kind, kinds[i]) == 0)
            return;
    const char *near = nearest_word(kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
    diag_error(diags, place, "'%s': expected broadcast, unicast, multicast, numa or measured%s%s%s",
               text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void parse_monitor_argument(struct arena *arena, const char *word, size_t length,
                                   struct place place, struct diags *diags)
{
    static const char *const known[] = { "route", "heartbeat", "shootdown" };
    const char *text = arena_text(arena, word, length);
    if (strncmp(text, "route=", 6) == 0)
        parse_route(text, place, diags);
    else if (strncmp(text, "heartbeat=", 10) == 0)
        parse_time(text, 10, place, diags);
    else if (strncmp(text, "shootdown=", 10) == 0)
        parse_shootdown(text, place, diags);
    else
        unknown_word(arena, text, known, 3, "the monitor", place, diags);
}

/* Behind what every program may have. */
static void check_boot_manager_argument(struct arena *arena, const char *word, size_t length,
                                        struct place place, struct diags *diags)
{
    static const char *const known[] = { "only", "operators" };
    const char *text = arena_text(arena, word, length);
    if (strcmp(text, "boot") != 0 && strncmp(text, "only=", 5) != 0 &&
        strncmp(text, "operators=", 10) != 0)
        unknown_word(arena, text, known, 2, "the boot manager", place, diags);
}

/* What the machine's options may say: those of the CPU driver (`slice=`, `sched=`), of the monitors
 * (`recheck=`, `checked=`).  They are told nothing they could not read: their parsers are smaller
 * than ours. */
static void parse_kernel_argument(struct arena *arena, const char *word, size_t length,
                                  struct place place, struct diags *diags)
{
    static const char *const known[] = { "slice", "sched", "recheck", "checked" };
    const char *text = arena_text(arena, word, length);
    if (strncmp(text, "checked=", 8) == 0) {
        if (strcmp(text + 8, "all") != 0 && strcmp(text + 8, "none") != 0)
            diag_error(diags, place, "'%s': expected checked=all or checked=none", text);
        return;
    }
    if (strncmp(text, "sched=", 6) == 0) {
        if (strcmp(text + 6, "rr") != 0 && strcmp(text + 6, "rbed") != 0)
            diag_error(diags, place, "'%s': expected sched=rr or sched=rbed", text);
        return;
    }
    size_t begin = strncmp(text, "slice=", 6) == 0 ? 6 : strncmp(text, "recheck=", 8) == 0 ? 8 : 0;
    if (begin == 0) {
        unknown_word(arena, text, known, 4, "the CPU driver", place, diags);
        return;
    }
    parse_time(text, begin, place, diags);
}

/* The field keeps the images of each architecture in a folder of its own, and its menus say so. */
#define FIELD_ROOT "/x86_64"

static bool is_outside(const char *path)
{
    return strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0;
}

/* A program outside the image directory: its file is found from the folder of the file that names
 * it, and the guest finds it among the others, as /sbin/NAME. */
static void move_inside(struct arena *arena, struct menu_line *line)
{
    const char *file = line->place.file;
    const char *slash = file && line->place.line ? strrchr(file, '/') : NULL;
    const char *written = line->path;
    line->image =
        slash ? arena_printf(arena, "%.*s/%s", (int)(slash - file), file, written) : written;
    line->path = arena_printf(arena, "/sbin/%s", path_base(written));
}

bool menu_image_file(const struct menu_line *line, const char *dir, char *file, size_t bytes)
{
    int length = line->image ? snprintf(file, bytes, "%s", line->image)
                             : snprintf(file, bytes, "%s%s", dir, line->path);
    return length >= 0 && (size_t)length < bytes;
}

static bool is_option(const char *word)
{
    return strncmp(word, "core=", 5) == 0 || strncmp(word, "spawnflags=", 11) == 0;
}

/* The part of a kernel or module line behind its command. */
static bool parse_image(struct arena *arena, const char *text, size_t at, struct place place,
                        const char *command, struct menu_line *line, struct diags *diags)
{
    bool kernel = strcmp(command, "kernel") == 0;
    size_t length;
    const char *path = next_word(text, &at, &length);
    if (length == 0) {
        diag_error(diags, place_at(place, text, path),
                   "'%s' without a path; expected %s PATH [ARGUMENTS]", command, command);
        return false;
    }
    line->place = place_at(place, text, path);
    line->path = arena_text(arena, path, length);
    if (!kernel && is_outside(line->path))
        move_inside(arena, line);
    else if (strncmp(line->path, FIELD_ROOT "/", sizeof(FIELD_ROOT)) == 0)
        line->path += strlen(FIELD_ROOT);
    if (line->path[0] != '/' || strstr(line->path, "/../") || !*path_base(line->path) ||
        strcmp(path_base(line->path), "..") == 0 || strcmp(path_base(line->path), ".") == 0) {
        diag_error(
            diags, line->place,
            "'%s': expected an absolute path in the image directory, as in /sbin/init, or one "
            "from this file's folder, as in ./hello or ../out/hello",
            arena_text(arena, path, length));
        return false;
    }
    /* The command is the path and the rest of the line, without spaces at the end. */
    size_t rest = strlen(path);
    while (rest > length && is_space(path[rest - 1]))
        rest--;
    line->command = arena_printf(arena, "%s%.*s", line->path, (int)(rest - length), path + length);

    unsigned index = 0;
    bool first_left = true; /* as the guest reads it: what is left without options */
    for (;; index++) {
        const char *word = next_word(text, &at, &length);
        if (length == 0)
            break;
        if (kernel)
            parse_kernel_argument(arena, word, length, place_at(place, text, word), diags);
        else if (strcmp(path_base(line->path), "monitor") == 0)
            parse_monitor_argument(arena, word, length, place_at(place, text, word), diags);
        else if (strcmp(path_base(line->path), "mem_serv") == 0)
            parse_mem_serv_argument(arena, word, length, place_at(place, text, word), diags);
        else
            parse_argument(arena, word, length, index, place_at(place, text, word), line, diags);
        if (strcmp(path_base(line->path), "boot_manager") == 0 && !is_option(word))
            check_boot_manager_argument(arena, word, length, place_at(place, text, word), diags);
        if (!is_option(word)) {
            line->boot |= first_left && length == 4 && strncmp(word, "boot", 4) == 0;
            first_left = false;
        }
    }
    if (index >= MENU_ARGS_MAX) {
        diag_error(diags, line->place, "%u arguments: a program takes at most %d", index,
                   MENU_ARGS_MAX - 1);
        return false;
    }
    return true;
}

void menu_parse_line(struct arena *arena, const char *text, struct place place, struct menu *menu,
                     struct diags *diags)
{
    size_t at = 0, length;
    const char *word = next_word(text, &at, &length);
    if (length == 0 || word[0] == '#')
        return;
    struct place word_place = place_at(place, text, word);
    if (strlen(text) > MENU_LINE_MAX) {
        diag_error(diags, word_place, "a line of %zu bytes: at most %d", strlen(text),
                   MENU_LINE_MAX);
        return;
    }
    const char *command = arena_text(arena, word, length);

    if (strcmp(command, "title") == 0) {
        word = next_word(text, &at, &length);
        menu->title = arena_string(arena, word);
        return;
    }
    if (strcmp(command, "root") == 0 || strcmp(command, "timeout") == 0)
        return;

    struct menu_line line = { .no_unzip = strcmp(command, "modulenounzip") == 0 };
    if (strcmp(command, "kernel") == 0) {
        bool good = parse_image(arena, text, at, place, command, &line, diags);
        if (menu->kernel.path)
            diag_error(diags, word_place, "a second kernel line; the first is in line %u",
                       menu->kernel.place.line);
        else if (good)
            menu->kernel = line;
    } else if (strcmp(command, "module") == 0 || line.no_unzip) {
        if (!parse_image(arena, text, at, place, command, &line, diags))
            return;
        if (menu->module_count == MENU_MODULES_MAX) {
            diag_error(diags, word_place, "more than %d modules", MENU_MODULES_MAX);
            return;
        }
        arena_grow(arena, (void **)&menu->modules, &menu->module_capacity, menu->module_count,
                   sizeof(line));
        menu->modules[menu->module_count++] = line;
    } else {
        const char *near = nearest_word(command, commands, COMMANDS);
        diag_error(diags, word_place,
                   "'%s': expected %s%s%stitle, kernel, module, modulenounzip or #", command,
                   near ? "'" : "", near ? near : "", near ? "' or one of " : "");
        return;
    }
    if (line.command)
        menu->text_bytes += strlen(line.command) + 1;
}

/* The first byte of a line that is no part of a UTF-8 character, NULL if there is none.  A
 * scenario's other texts are UTF-8 because YAML is, and the menu goes into one when a run is
 * recorded. */
static const char *find_foreign(const char *line)
{
    while (*line) {
        size_t length = utf8_length(line, strlen(line));
        if (length == 0)
            return line;
        line += length;
    }
    return NULL;
}

void menu_parse_text(struct arena *arena, const char *file, const char *text, size_t length,
                     struct menu *menu, struct diags *diags)
{
    struct place place = { file, 1, 1 };
    if (memchr(text, '\0', length)) {
        diag_error(diags, (struct place){ file, 0, 0 },
                   "not a text file: expected a boot menu with kernel and module lines");
        return;
    }
    for (size_t at = 0; at < length; place.line++) {
        const char *start = text + at;
        const char *end = memchr(start, '\n', length - at);
        size_t bytes = end ? (size_t)(end - start) : length - at;
        const char *line = arena_text(arena, start, bytes);
        const char *foreign = find_foreign(line);
        if (foreign)
            diag_error(diags, place_at(place, line, foreign),
                       "byte 0x%02x is no UTF-8; expected text in UTF-8", (unsigned char)*foreign);
        else
            menu_parse_line(arena, line, place, menu, diags);
        at += bytes + 1;
    }
}

void menu_check_cores(const struct menu_line *line, unsigned core_count, struct diags *diags)
{
    assert(core_count >= 1 && core_count <= ABI_MAX_CORES);
    uint64_t exist = core_count == 64 ? ~0ull : (1ull << core_count) - 1;
    uint64_t named = line->cores | (line->core_query ? 1ull << line->near_core : 0);
    uint64_t missing = named & ~exist;
    if (!missing)
        return;
    unsigned core = (unsigned)__builtin_ctzll(missing);
    if (core_count == 1)
        diag_error(diags, line->core_place, "core %u does not exist: the machine has core 0 only",
                   core);
    else
        diag_error(diags, line->core_place,
                   "core %u does not exist: the machine has %u cores, 0 to %u", core, core_count,
                   core_count - 1);
}

/* Queries are answered by the knowledge base, so that must be started with the system. */
static void check_query(const struct menu *menu, const struct menu_line *line, struct diags *diags)
{
    if (!line->core_query)
        return;
    for (size_t i = 0; i < menu->module_count; i++)
        if (strcmp(path_base(menu->modules[i].path), "skb") == 0 && menu->modules[i].boot)
            return;
    diag_error(diags, line->core_place,
               "'core=%s' is a question to the knowledge base, which the menu does not start; "
               "expected also: module /sbin/skb boot",
               line->core_query);
}

static bool same_file(const struct menu_line *one, const struct menu_line *other)
{
    return one->image && other->image ? strcmp(one->image, other->image) == 0
                                      : one->image == other->image;
}

/* The guest knows programs by their paths, so one path is one file. */
static void check_one_file(const struct menu *menu, size_t at, struct diags *diags)
{
    const struct menu_line *line = &menu->modules[at];
    for (size_t i = 0; i < at; i++) {
        const struct menu_line *before = &menu->modules[i];
        if (strcmp(before->path, line->path) == 0 && !same_file(before, line)) {
            diag_error(diags, line->place,
                       "a second program %s; another file is that already in line %u", line->path,
                       before->place.line);
            return;
        }
    }
}

void menu_check(const struct menu *menu, unsigned core_count, struct place whole,
                struct diags *diags)
{
    if (!menu->kernel.path)
        diag_error(diags, whole, "no kernel line; expected one such as: kernel /boot/cpu");
    const struct menu_line *init = NULL;
    for (size_t i = 0; i < menu->module_count; i++) {
        const struct menu_line *line = &menu->modules[i];
        if (core_count != 0)
            menu_check_cores(line, core_count, diags);
        check_one_file(menu, i, diags);
        check_query(menu, line, diags);
        if (strcmp(path_base(line->path), "init") == 0) {
            if (init)
                diag_error(diags, line->place, "a second init; the first is in line %u",
                           init->place.line);
            else
                init = line;
        }
        if (menu->kernel.path && line->place.file == menu->kernel.place.file &&
            (line->place.line < menu->kernel.place.line ||
             (line->place.line == menu->kernel.place.line &&
              line->place.column < menu->kernel.place.column)))
            diag_error(diags, line->place, "module before the kernel line (line %u)",
                       menu->kernel.place.line);
    }
    if (!init)
        diag_error(diags, whole,
                   "no init: the CPU driver starts it first; expected: module /sbin/init");
    if (menu->text_bytes > MENU_TEXT_MAX)
        diag_error(diags, whole, "%zu bytes of command lines: the boot information holds %d",
                   menu->text_bytes, MENU_TEXT_MAX);
}
