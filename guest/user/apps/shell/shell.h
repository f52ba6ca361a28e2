/* SPDX-License-Identifier: MIT
 *
 * Between the files of the shell.
 */
#ifndef SHELL_H
#define SHELL_H

#include <barrelfish/barrelfish.h>
#include <stdbool.h>

#define LINE_BYTES 1024 /* longest line, with its zero */
#define WORDS_MAX 64

/* A line, taken apart. */
struct words {
    int count;
    char *word[WORDS_MAX + 1]; /* NULL at the end */
    const char *rest;          /* of the line behind the first word, as it was typed */
};

struct command {
    const char *name, *arguments, *help;
    /* How many arguments it takes. */
    int least, most;
    void (*run)(const struct words *words);
};

/* A number below `limit`; says what is wrong and returns false if the word is none. */
bool read_number(const char *word, const char *what, unsigned limit, unsigned *value);

/* Is that service there?  Says which line of the menu starts it, if not. */
bool has_service(const char *name);

/* ---- jobs.c: programs that the shell started ---- */

void jobs_run(const struct words *words);
void jobs_start(const struct words *words);
void jobs_list(const struct words *words);
void jobs_kill(const struct words *words);
void jobs_wait(const struct words *words);
void jobs_foreground(const struct words *words);
/* The console's lines are the shell's. */
void jobs_take_front(void);
/* Says which have ended meanwhile. */
void jobs_look(void);
/* Of a core, those that the shell knows. */
unsigned jobs_on(unsigned core);

/* ---- machine.c: what there is ---- */

void machine_memory(const struct words *words);
void machine_time(const struct words *words);
void machine_domains(const struct words *words);
void machine_ask(const struct words *words);
void machine_records(const struct words *words);
void machine_service(const struct words *words);

/* ---- cores.c ---- */

void cores_command(const struct words *words);
/* As the boot manager says. */
bool core_runs(unsigned core);

/* ---- history.c ---- */

void history_list(const struct words *words);
void history_add(const char *line);
/* Puts the line that `line`, "!!", "!7" or "!word", stands for in its place; false, said: there is
 * none. */
bool history_expand(char line[LINE_BYTES]);

/* ---- nearest.c ---- */

/* The name that was probably meant; NULL: none is near. */
const char *nearest_command(const char *word, const struct command *commands, unsigned count);

#endif
