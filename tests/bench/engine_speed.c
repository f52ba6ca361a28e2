/* SPDX-License-Identifier: MIT
 *
 * engine_speed WORK TURNS [ENGINE]: does the work of work.inc on one core of an engine, and prints
 * the CPU seconds of the run, basic blocks, and virtual seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/cpu_guest.h"

SNIPPET(work, "    mov 0xffffffff801003a0, %rdi\n"
              "    movabs $0xffff800000000000, %rsi\n"
              "    add 0xffffffff801003a8, %rsi\n"
              "    cmpl $0, 0xffffffff801003b0\n"
              "    jne 1f\n"
              "    call compute\n" LEAVE0 "1:  call message\n" LEAVE0
              ".include \"tests/bench/work.inc\"\n");

static uint32_t kind; /* 0 compute, 1 message */
static uint64_t turns;

static void prepare(struct machine *machine, uint8_t *data)
{
    /* 64 KiB in the middle of memory, seen through the physical map */
    uint64_t memory = 24 << 20;
    (void)machine;
    memcpy(data + 0x3a0, &turns, 8);
    memcpy(data + 0x3a8, &memory, 8);
    memcpy(data + 0x3b0, &kind, 4);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: engine_speed compute|message TURNS [ENGINE]\n");
        return 2;
    }
    turns = strtoull(argv[2], NULL, 0);
    kind = strcmp(argv[1], "message") == 0;
    struct cpu_case test = {
        .name = argv[1],
        .begin = work_begin,
        .end = work_end,
        .ring0 = true,
        .prepare = prepare,
    };
    struct cpu_result *result = calloc(1, sizeof(*result));
    if (!result)
        return 1;
    clock_t begin = clock();
    const char *wrong = cpu_run(argc > 3 ? argv[3] : "unicorn", &test, NULL, result);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (wrong || result->why.reason != STOP_EXIT) {
        fprintf(stderr, "engine_speed: %s %s\n", wrong ? wrong : "", result->why.detail);
        return 1;
    }
    printf("%.3f s CPU, %llu blocks, %.6f s virtual\n", seconds,
           (unsigned long long)result->stats.blocks, (double)result->why.time_ns / 1e9);
    free(result);
    return 0;
}
