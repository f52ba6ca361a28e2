/* SPDX-License-Identifier: MIT
 *
 * Samples, their median, and the lines tests/bench/run reads.
 */
#include "idcbench.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void results_add(struct results *results, uint64_t value)
{
    assert(results->count < SAMPLES_MAX);
    results->sample[results->count++] = value;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

uint64_t results_median(struct results *results)
{
    assert(results->count > 0);
    qsort(results->sample, results->count, sizeof(results->sample[0]), compare);
    return results->sample[results->count / 2];
}

uint64_t results_print(struct results *results, const char *name, uint64_t overhead)
{
    uint64_t median = results_median(results) - overhead;

    printf("bench %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", name, median,
           results->sample[0] - overhead, results->sample[results->count - 1] - overhead);
    return median;
}
