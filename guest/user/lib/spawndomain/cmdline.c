/* SPDX-License-Identifier: MIT
 *
 * Menu lines and the arguments page.
 *
 * A line is read word by word; nothing is changed in place, because lines lie in the boot
 * information, which is read-only and shared by everybody who spawns.  The machine has checked the
 * menu before the guest starts; here it is checked again, since lines also come from programs.
 */
#include <spawndomain/cmdline.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word at or after *at; its length, 0 at the end. */
static size_t next_word(const char **at)
{
    while (is_blank(**at))
        (*at)++;
    size_t length = 0;
    while ((*at)[length] != '\0' && !is_blank((*at)[length]))
        length++;
    return length;
}

static bool parse_number(const char **text, const char *end, unsigned limit, unsigned *ret)
{
    if (*text == end || **text < '0' || **text > '9')
        return false;
    unsigned value = 0;
    for (; *text < end && **text >= '0' && **text <= '9'; (*text)++) {
        value = value * 10 + (unsigned)(**text - '0');
        if (value >= limit)
            return false;
    }
    *ret = value;
    return true;
}

static bool parse_cores(const char *text, const char *end, uint64_t *mask)
{
    do {
        unsigned first, last;
        if (!parse_number(&text, end, 64, &first))
            return false;
        last = first;
        if (text < end && *text == '-') {
            text++;
            if (!parse_number(&text, end, 64, &last) || last < first)
                return false;
        }
        for (unsigned core = first; core <= last; core++)
            *mask |= 1ull << core;
    } while (text < end && *text++ == ',');
    return text == end;
}

bool menu_parse_cores(const char *text, uint64_t *mask)
{
    uint64_t cores = 0;
    if (!parse_cores(text, text + strlen(text), &cores))
        return false;
    *mask = cores;
    return true;
}

static bool starts_with(const char *word, size_t length, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    return length >= prefix_length && memcmp(word, prefix, prefix_length) == 0;
}

static bool is_word(const char *word, size_t length, const char *expected)
{
    return length == strlen(expected) && memcmp(word, expected, length) == 0;
}

/* A query for the knowledge base, in its language. */
static bool parse_core_query(const char *text, size_t length, struct menu_entry *entry)
{
    const char *number = text + strlen("near:");
    unsigned core;
    if (is_word(text, length, "each-node"))
        snprintf(entry->core_query, sizeof(entry->core_query), "each_node");
    else if (is_word(text, length, "spare"))
        snprintf(entry->core_query, sizeof(entry->core_query), "spare");
    else if (starts_with(text, length, "near:") &&
             parse_number(&number, text + length, 64, &core) && number == text + length)
        snprintf(entry->core_query, sizeof(entry->core_query), "near(%u)", core);
    return entry->core_query[0] != '\0';
}

static bool parse_core_argument(const char *text, size_t length, struct menu_entry *entry)
{
    if (entry->core_mask != 0 || entry->core_query[0] != '\0')
        return false;
    return parse_core_query(text, length, entry) ||
           parse_cores(text, text + length, &entry->core_mask);
}

static bool append(char *buffer, size_t bytes, const char *word, size_t length)
{
    size_t used = strlen(buffer);
    size_t blank = used > 0;
    if (used + blank + length + 1 > bytes)
        return false;
    if (blank)
        buffer[used++] = ' ';
    memcpy(buffer + used, word, length);
    buffer[used + length] = '\0';
    return true;
}

const char *menu_base_name(const char *path)
{
    size_t length = strcspn(path, "/");
    while (path[length] != '\0') {
        path += length + 1;
        length = strcspn(path, "/");
    }
    return path;
}

errval_t menu_parse_line(const char *line, struct menu_entry *ret)
{
    memset(ret, 0, sizeof(*ret));
    size_t length = next_word(&line);
    if (length == 0)
        return SPAWN_ERR_FIND_MODULE;
    if (!append(ret->path, sizeof(ret->path), line, length))
        return SPAWN_ERR_SETUP_ARGS;
    line += length;
    const char *name = menu_base_name(ret->path);
    if (*name == '\0')
        return SPAWN_ERR_FIND_MODULE;
    if (!append(ret->args, sizeof(ret->args), name, strlen(name)))
        return SPAWN_ERR_SETUP_ARGS;

    bool first_left = true;
    for (unsigned position = 0; (length = next_word(&line)) > 0; position++, line += length) {
        const char *end = line + length;
        if (position < 2 && starts_with(line, length, "core=")) {
            const size_t key = strlen("core=");
            if (!parse_core_argument(line + key, length - key, ret))
                return SPAWN_ERR_SETUP_ARGS;
        } else if (position < 2 && starts_with(line, length, "spawnflags=")) {
            const char *number = line + strlen("spawnflags=");
            unsigned flags;
            if (!parse_number(&number, end, 256, &flags) || number != end)
                return SPAWN_ERR_SETUP_ARGS;
            ret->spawn_flags = (uint8_t)flags;
        } else if (first_left && is_word(line, length, "boot")) {
            ret->boot = true;
            first_left = false;
        } else if (first_left && is_word(line, length, "nospawn")) {
            ret->nospawn = true;
            first_left = false;
        } else {
            first_left = false;
            if (!append(ret->args, sizeof(ret->args), line, length))
                return SPAWN_ERR_SETUP_ARGS;
        }
    }
    return SYS_ERR_OK;
}

size_t menu_split(const char *line, char *ret, size_t room)
{
    size_t used = 0, length;
    for (; (length = next_word(&line)) > 0 && length < room - used; line += length) {
        memcpy(ret + used, line, length);
        used += length;
        ret[used++] = '\0';
    }
    return used;
}

/* Copies strings to *text, and their addresses in the child to `list`. */
static errval_t put_words(const struct spawn_words *words, char **text, const char *end,
                          uint64_t *list, genvaddr_t child, uint32_t *count)
{
    const char *last = words->text + words->bytes;
    for (const char *word = words->text; word < last;) {
        const char *zero = memchr(word, '\0', (size_t)(last - word));
        if (zero == NULL || *count == MAX_CMDLINE_ARGS || zero - word >= end - *text)
            return SPAWN_ERR_SETUP_ARGS;
        const size_t bytes = (size_t)(zero - word) + 1;
        list[(*count)++] = child;
        memcpy(*text, word, bytes);
        *text += bytes;
        child += bytes;
        word += bytes;
    }
    return SYS_ERR_OK;
}

errval_t spawn_words_fill(struct spawn_domain_params *page, size_t page_bytes,
                          genvaddr_t child_base, const struct spawn_words *argv,
                          const struct spawn_words *envp)
{
    char *text = (char *)(page + 1);
    const char *end = (char *)page + page_bytes;
    uint32_t argc = 0, envc = 0;
    errval_t err = put_words(argv, &text, end, page->argv,
                             child_base + (genvaddr_t)(text - (char *)page), &argc);
    if (err_is_ok(err) && envp->bytes > 0)
        err = put_words(envp, &text, end, page->envp,
                        child_base + (genvaddr_t)(text - (char *)page), &envc);
    if (err_is_ok(err) && argc == 0)
        err = SPAWN_ERR_SETUP_ARGS;
    page->argc = argc;
    page->envc = envc;
    return err;
}

errval_t spawn_args_fill(struct spawn_domain_params *page, size_t page_bytes, genvaddr_t child_base,
                         const char *args)
{
    char *text = (char *)(page + 1);
    char *end = (char *)page + page_bytes;
    size_t length;
    uint32_t argc = 0;
    for (; (length = next_word(&args)) > 0; args += length) {
        if (argc == MAX_CMDLINE_ARGS || length + 1 > (size_t)(end - text))
            return SPAWN_ERR_SETUP_ARGS;
        page->argv[argc++] = child_base + (genvaddr_t)(text - (char *)page);
        memcpy(text, args, length);
        text[length] = '\0';
        text += length + 1;
    }
    if (argc == 0)
        return SPAWN_ERR_SETUP_ARGS;
    page->argc = argc;
    return SYS_ERR_OK;
}
