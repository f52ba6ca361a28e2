/* SPDX-License-Identifier: MIT
 *
 * Programs that the shell started: each has a number until its end was told.
 *
 * Only these can be killed and waited for here: a domain belongs to who had it spawned.  The shell
 * is in front of the console (<serial/serial.h>) unless it waits for a program, which then is.
 */
#include "shell.h"

#include <barrelfish/spawn_client.h>
#include <serial/serial.h>
#include <stdio.h>
#include <string.h>

#define JOBS 32

static struct job {
    bool used;
    unsigned core;
    domainid_t id;
    struct capref domain;
    char line[64];
} jobs[JOBS];

static struct job *free_job(void)
{
    for (unsigned i = 0; i < JOBS; i++)
        if (!jobs[i].used)
            return &jobs[i];
    printf("%d programs of this shell run already: wait for one, or kill it\n", JOBS);
    return NULL;
}

static unsigned number_of(const struct job *job)
{
    return (unsigned)(job - jobs) + 1;
}

static struct job *find(const char *word)
{
    unsigned number;
    if (!read_number(word, "the number of a program", JOBS + 1, &number))
        return NULL;
    if (number > 0 && jobs[number - 1].used)
        return &jobs[number - 1];
    printf("%s: this shell runs no such program; `jobs` lists those it does\n", word);
    return NULL;
}

/* [-c CORE] PROGRAM ARGUMENTS... */
static struct job *start(const struct words *words)
{
    unsigned core = disp_get_core_id();
    int first = 1;
    if (words->count > 3 && strcmp(words->word[1], "-c") == 0) {
        if (!read_number(words->word[2], "a core", 64, &core))
            return NULL;
        first = 3;
    }
    struct job *job = free_job();
    if (job == NULL)
        return NULL;
    char *path = words->word[first];
    if (!core_runs(core)) { /* to be asked: the library would wait until it does */
        printf("%s: not started: core %u does not run\n", path, core);
        return NULL;
    }
    char **argv = (char **)&words->word[first];
    const char *slash = strrchr(path, '/');
    argv[0] = slash != NULL ? (char *)slash + 1 : path;
    errval_t err =
        spawn_program((coreid_t)core, path, argv, NULL, SPAWN_FLAGS_DEFAULT, &job->domain);
    if (err_is_fail(err)) {
        printf("%s: not started on core %u: %s\n", path, core, err_getstring(err));
        return NULL;
    }
    job->used = true;
    job->core = core;
    if (err_is_fail(spawn_get_domain_id(job->domain, &job->id)))
        job->id = 0;
    snprintf(job->line, sizeof(job->line), "%s", argv[0]);
    for (int i = 1; argv[i] != NULL; i++) {
        const size_t used = strlen(job->line);
        snprintf(job->line + used, sizeof(job->line) - used, " %s", argv[i]);
    }
    return job;
}

/* Waits for its end, and says more than the status if that is not 0. */
static void wait_for(struct job *job)
{
    uint8_t status = 0;
    errval_t err = spawn_wait(job->domain, &status, false);
    job->used = false;
    if (err_is_fail(err))
        printf("%s: its end is unknown: %s\n", job->line, err_getstring(err));
    else if (status != 0)
        printf("%s: status %u\n", job->line, status);
}

/* Waits for its end, and lets it read the console meanwhile. */
static void wait_in_front(struct job *job)
{
    errval_t err = serial_give_front(job->id);
    if (err_is_fail(err))
        printf("%s: cannot read the console: %s\n", job->line, err_getstring(err));
    wait_for(job);
    jobs_take_front();
}

void jobs_take_front(void)
{
    errval_t err = serial_take_front();
    if (err_no(err) == SERIAL_ERR_NOT_IN_FRONT)
        printf("another program reads the console: the shell waits for its end\n");
    else if (err_is_fail(err) && err_no(err) != LIB_ERR_NAMESERVICE_UNKNOWN_NAME)
        printf("the console: %s\n", err_getstring(err));
}

void jobs_run(const struct words *words)
{
    struct job *job = start(words);
    if (job != NULL)
        wait_in_front(job);
}

void jobs_foreground(const struct words *words)
{
    struct job *job = find(words->word[1]);
    if (job != NULL)
        wait_in_front(job);
}

void jobs_start(const struct words *words)
{
    const struct job *job = start(words);
    if (job != NULL)
        printf("[%u] %s, core %u, domain %" PRIx32 "\n", number_of(job), job->line, job->core,
               job->id);
}

void jobs_list(const struct words *words)
{
    unsigned count = 0;
    (void)words;
    for (unsigned i = 0; i < JOBS; i++) {
        if (!jobs[i].used)
            continue;
        printf("[%u] %s, core %u, domain %" PRIx32 "\n", i + 1, jobs[i].line, jobs[i].core,
               jobs[i].id);
        count++;
    }
    if (count == 0)
        printf("none\n");
}

void jobs_kill(const struct words *words)
{
    struct job *job = find(words->word[1]);
    if (job == NULL)
        return;
    errval_t err = spawn_kill(job->domain);
    if (err_is_fail(err))
        printf("%s: not killed: %s\n", job->line, err_getstring(err));
    else
        wait_for(job);
}

void jobs_wait(const struct words *words)
{
    struct job *job = find(words->word[1]);
    if (job != NULL)
        wait_for(job);
}

void jobs_look(void)
{
    for (unsigned i = 0; i < JOBS; i++) {
        uint8_t status = 0;
        if (!jobs[i].used)
            continue;
        errval_t err = spawn_wait(jobs[i].domain, &status, true);
        if (err_no(err) == LIB_ERR_NO_EVENT)
            continue;
        jobs[i].used = false;
        if (err_is_fail(err))
            printf("[%u] %s is lost: %s\n", i + 1, jobs[i].line, err_getstring(err));
        else
            printf("[%u] %s ended with status %u\n", i + 1, jobs[i].line, status);
    }
}

unsigned jobs_on(unsigned core)
{
    unsigned count = 0;
    for (unsigned i = 0; i < JOBS; i++)
        count += jobs[i].used && jobs[i].core == core;
    return count;
}
