/* SPDX-License-Identifier: MIT
 *
 * A shell on the console: `module /sbin/shell`, with `module /sbin/serial boot` before it.
 *
 * It reads a line, shows it behind "> ", and runs it.  A line that is too long, has too many words,
 * or names no command is refused with a word on what was wrong; the shell goes on until `exit` or
 * the end of the input.  Its status is that of `exit`.  Lines are the shell's, except while it
 * waits for a program that it runs in front.
 */
#include "shell.h"

#include <barrelfish/nameservice_client.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool ends;
static uint8_t status;

static void help(const struct words *words);
static void leave(const struct words *words);

static void echo(const struct words *words)
{
    printf("%s\n", words->rest);
}

/* In the order of their names. */
static const struct command commands[] = {
    { "ask", "GOAL", "each solution of a goal of the knowledge base", 1, WORDS_MAX, machine_ask },
    { "cores", "[start|stop CORE...]",
      "which cores there are, and which run; or starts or stops some", 0, WORDS_MAX,
      cores_command },
    { "domains", "", "programs that the knowledge base knows", 0, 0, machine_domains },
    { "echo", "TEXT", "says it again", 0, WORDS_MAX, echo },
    { "exit", "[STATUS]", "ends the shell", 0, 1, leave },
    { "fg", "NUMBER", "one of this shell's programs reads the console until it has ended", 1, 1,
      jobs_foreground },
    { "help", "[COMMAND]", "what there is to type", 0, 1, help },
    { "history", "",
      "the last lines; !! runs the last again, !7 number 7, !x the last that began "
      "with x",
      0, 0, history_list },
    { "jobs", "", "programs that this shell started and that run", 0, 0, jobs_list },
    { "kill", "NUMBER", "ends one of them", 1, 1, jobs_kill },
    { "memory", "", "of nodes, and what this core's server has left", 0, 0, machine_memory },
    { "records", "[QUERY]", "records of octopus: all, or those that match", 0, WORDS_MAX,
      machine_records },
    { "run", "[-c CORE] PROGRAM [ARGUMENT...]", "runs a program of the menu and waits for its end",
      1, WORDS_MAX, jobs_run },
    { "service", "NAME", "has somebody registered that name?", 1, 1, machine_service },
    { "start", "[-c CORE] PROGRAM [ARGUMENT...]", "the same, and does not wait", 1, WORDS_MAX,
      jobs_start },
    { "time", "", "since power-on", 0, 0, machine_time },
    { "wait", "NUMBER", "until one of this shell's programs has ended", 1, 1, jobs_wait },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

bool read_number(const char *word, const char *what, unsigned limit, unsigned *value)
{
    char *end;
    const unsigned long number = strtoul(word, &end, 10);
    if (isdigit((unsigned char)word[0]) && *end == '\0' && number < limit) {
        *value = (unsigned)number;
        return true;
    }
    printf("%s: expected %s, below %u\n", word, what, limit);
    return false;
}

bool has_service(const char *name)
{
    iref_t iref;
    if (err_is_ok(nameservice_lookup(name, &iref)))
        return true;
    printf("there is no %s: the menu needs the line 'module /sbin/%s boot'\n", name, name);
    return false;
}

static const struct command *find(const char *word)
{
    for (unsigned i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return &commands[i];
    const char *nearest = nearest_command(word, commands, COMMANDS);
    if (nearest != NULL)
        printf("%s: no such command; did you mean '%s'?\n", word, nearest);
    else
        printf("%.32s: no such command; `help` lists them\n", word);
    return NULL;
}

static void help(const struct words *words)
{
    const struct command *one = words->count > 1 ? find(words->word[1]) : NULL;
    for (const struct command *c = commands; c < commands + COMMANDS; c++)
        if (words->count == 1 || c == one)
            printf("%s%s%s: %s\n", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments,
                   c->help);
}

static void leave(const struct words *words)
{
    unsigned code = 0;
    if (words->count > 1 && !read_number(words->word[1], "a status", 256, &code))
        return;
    status = (uint8_t)code;
    ends = true;
}

/* ---- a line ---- */

/* Blanks and tabs part words.  False, said: there are too many. */
static bool take_apart(char *line, struct words *words)
{
    char *next = NULL;
    words->count = 0;
    for (char *word = strtok_r(line, " \t", &next); word != NULL;
         word = strtok_r(NULL, " \t", &next)) {
        if (words->count == WORDS_MAX) {
            printf("more than %d words in a line\n", WORDS_MAX);
            return false;
        }
        words->word[words->count++] = word;
    }
    words->word[words->count] = NULL;
    return words->count > 0;
}

static void run(const struct words *words)
{
    const struct command *command = find(words->word[0]);
    const int arguments = words->count - 1;
    if (command == NULL)
        return;
    if (arguments >= command->least && arguments <= command->most)
        command->run(words);
    else
        printf("%s takes %s\n", command->name,
               command->arguments[0] != '\0' ? command->arguments : "no arguments");
}

static void run_line(char line[LINE_BYTES])
{
    char parts[LINE_BYTES];
    struct words words;
    line += strspn(line, " \t");
    if (line[0] == '\0' || line[0] == '#')
        return;
    if (line[0] == '!' && !history_expand(line))
        return;
    printf("> %s\n", line);
    history_add(line);
    snprintf(parts, sizeof(parts), "%s", line);
    if (!take_apart(parts, &words))
        return;
    const char *rest = line + strcspn(line, " \t");
    words.rest = rest + strspn(rest, " \t");
    run(&words);
}

/* The next line without its newline; control characters become blanks.  False: the end. */
static bool read_line(char line[LINE_BYTES])
{
    if (fgets(line, LINE_BYTES, stdin) == NULL)
        return false;
    size_t length = strlen(line);
    const bool whole = length > 0 && line[length - 1] == '\n';
    if (whole) {
        line[length - 1] = '\0';
    } else if (!feof(stdin)) {
        int c;
        while ((c = getchar()) != EOF && c != '\n')
            length++;
        printf("a line of %zu bytes: at most %d\n", length, LINE_BYTES - 2);
        line[0] = '\0';
    }
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return true;
}

int main(void)
{
    /* history_expand() writes a line in its place, behind leading blanks */
    static char line[LINE_BYTES];
    printf("shell on core %u: `help` lists what there is to type\n", disp_get_core_id());
    jobs_take_front();
    while (!ends && read_line(line)) {
        char *start = line + strspn(line, " \t");
        memmove(line, start, strlen(start) + 1);
        run_line(line);
        jobs_look();
    }
    printf("%s\n", ends ? "the shell ends" : "end of the input: the shell ends");
    return status;
}
