/* SPDX-License-Identifier: MIT
 *
 * The writer: whatever the reader does, who writes is not held up, and nothing is lost while
 * somebody still reads.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/writer.h"

TestSuite(writer, .timeout = 60);

static int pipe_fd[2];
static struct writer *writer;
static FILE *stream;

static void make(int flags)
{
    cr_assert_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(pipe_fd[1], F_SETFL, flags), 0);
    writer = writer_create(pipe_fd[1]);
    cr_assert_not_null(writer);
    stream = writer_stream(writer, false);
    cr_assert_not_null(stream);
}

static void say_lines(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fprintf(stream, "line %09u\n", i); /* 15 bytes */
    fflush(stream);
}

static void finish(void)
{
    fclose(stream);
    writer_destroy(writer);
}

static unsigned pause_us; /* of the reader, before each byte of its first few */

/* Reads to the end and counts what is as it should be. */
static void *read_lines(void *context)
{
    unsigned *good = context;
    FILE *in = fdopen(pipe_fd[0], "r");
    char line[64], expected[64];
    if (pause_us)
        setvbuf(in, NULL, _IONBF, 0); /* byte by byte */
    for (unsigned i = 0; fgets(line, sizeof(line), in); i++) {
        snprintf(expected, sizeof(expected), "line %09u\n", i);
        *good += strcmp(line, expected) == 0;
        if (i < 10)
            usleep(pause_us);
    }
    fclose(in);
    return NULL;
}

static unsigned read_all(int flags, unsigned lines)
{
    pthread_t reader;
    unsigned good = 0;
    make(flags);
    say_lines(lines); /* more than the pipe takes, before anybody reads */
    cr_assert_eq(pthread_create(&reader, NULL, read_lines, &good), 0);
    cr_expect_eq(writer_drain(writer, false, NULL, NULL, NULL), 0);
    cr_expect_eq(writer_pending(writer), 0);
    finish();
    close(pipe_fd[1]);
    pthread_join(reader, NULL);
    return good;
}

Test(writer, everything_arrives_in_order)
{
    cr_expect_eq(read_all(0, 100000), 100000);
}

Test(writer, a_pipe_that_does_not_block_loses_nothing)
{
    cr_expect_eq(read_all(O_NONBLOCK, 100000), 100000);
}

Test(writer, a_slow_reader_is_waited_for)
{
    /* ten lines take it longer than the patience, and leave no room for another write */
    pause_us = WRITER_PATIENCE_MS * 1000 / 4;
    cr_expect_eq(read_all(0, 10000), 10000);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

Test(writer, who_does_not_read_holds_nothing_up)
{
    uint64_t lost = 0;
    make(0);
    say_lines(100000); /* does not return if it blocks */
    uint64_t pending = writer_pending(writer);
    cr_expect_gt(pending, 1000000u);
    cr_expect_eq(writer_drain(writer, false, NULL, NULL, &lost), -ETIMEDOUT);
    cr_expect_eq(writer_drain(writer, true, always, NULL, &lost), -ETIMEDOUT);
    cr_expect_eq(lost, writer_pending(writer));
    char buffer[1024];
    fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
    uint64_t taken = 0;
    finish(); /* from here on nobody writes */
    for (ssize_t n; (n = read(pipe_fd[0], buffer, sizeof(buffer))) > 0;)
        taken += (uint64_t)n;
    cr_expect_eq(taken + lost, 1500000u, "%llu and %llu", (unsigned long long)taken,
                 (unsigned long long)lost);
}

Test(writer, a_reader_who_left_is_an_error_and_no_signal)
{
    make(0);
    close(pipe_fd[0]);
    say_lines(1);
    while (writer_pending(writer) > 0)
        usleep(1000);
    uint64_t lost = 0;
    cr_expect_eq(writer_drain(writer, false, NULL, NULL, &lost), -EPIPE);
    say_lines(1);
    cr_expect_eq(writer_drain(writer, false, NULL, NULL, &lost), -EPIPE);
    cr_expect_eq(lost, 30);
    finish();
}

Test(writer, a_full_disk_is_told)
{
    pipe_fd[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(pipe_fd[1], 0);
    writer = writer_create(pipe_fd[1]);
    stream = writer_stream(writer, false);
    say_lines(10);
    uint64_t lost = 0;
    int error = writer_drain(writer, false, NULL, NULL, &lost);
    cr_expect_eq(error, -ENOSPC, "%d", error);
    cr_expect_eq(lost, 150);
    finish();
}

Test(writer, messages_go_out_before_the_program_could_die)
{
    make(O_NONBLOCK);
    FILE *eager = writer_stream(writer, true);
    char buffer[64] = "";
    fprintf(eager, "an assertion failed");
    cr_expect_eq(read(pipe_fd[0], buffer, sizeof(buffer) - 1), 19, "it is there at once");
    cr_expect_str_eq(buffer, "an assertion failed");
    fclose(eager);
    finish();
}

Test(writer, the_queue_has_an_end)
{
    static char block[1 << 20];
    make(0);
    memset(block, 'x', sizeof(block));
    for (uint64_t bytes = 0; bytes < WRITER_QUEUE_BYTES + (4u << 20); bytes += sizeof(block))
        fwrite(block, sizeof(block), 1, stream);
    fflush(stream);
    cr_expect_leq(writer_pending(writer), WRITER_QUEUE_BYTES);
    uint64_t lost = 0;
    cr_expect_eq(writer_drain(writer, true, always, NULL, &lost), -ETIMEDOUT);
    cr_expect_gt(lost, WRITER_QUEUE_BYTES);
    finish();
}
