/* SPDX-License-Identifier: MIT
 *
 * Example: a matrix product over all cores (docs/examples.md).
 *
 *   matrix [SIZE]
 *
 * The domain spans all cores of the machine; a thread on each takes every n-th row.  All see
 * the same memory, so nothing is sent but the threads themselves, and the result is read when all
 * have been joined.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <bench/bench.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned size = 48, workers;
static double *a, *b, *product;

struct share {
    unsigned first; /* row; then every workers-th */
    unsigned rows;  /* done */
    struct thread *thread;
};

static int work(void *arg)
{
    struct share *share = arg;
    for (unsigned row = share->first; row < size; row += workers) {
        for (unsigned column = 0; column < size; column++) {
            double sum = 0;
            for (unsigned k = 0; k < size; k++)
                sum += a[row * size + k] * b[k * size + column];
            product[row * size + column] = sum;
        }
        share->rows++;
    }
    return (int)disp_get_core_id();
}

static void spanned(void *arg, errval_t err)
{
    struct thread_sem *there = arg;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "spanning");
    thread_sem_post(there);
}

static void span_all(unsigned cores)
{
    struct thread_sem there;
    thread_sem_init(&there, 0);
    for (unsigned core = 0; core < cores; core++) {
        if (core == disp_get_core_id())
            continue;
        errval_t err = domain_new_dispatcher((coreid_t)core, spanned, &there);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "spanning to core %u", core);
    }
    for (unsigned others = 1; others < cores; others++)
        thread_sem_wait(&there);
}

/* With a[i][j] = i + j and b[i][j] = i - j all sums are whole numbers, known in advance. */
static void fill(void)
{
    for (unsigned i = 0; i < size; i++)
        for (unsigned j = 0; j < size; j++) {
            a[i * size + j] = (double)i + j;
            b[i * size + j] = (double)i - j;
        }
}

static bool is_right(void)
{
    for (unsigned i = 0; i < size; i++)
        for (unsigned j = 0; j < size; j++) {
            double sum = 0;
            for (unsigned k = 0; k < size; k++)
                sum += ((double)i + k) * ((double)k - j);
            if (product[i * size + j] != sum)
                return false;
        }
    return true;
}

/* Cycles for the whole product on so many cores. */
static cycles_t run(unsigned cores)
{
    struct share *shares = calloc(cores, sizeof(*shares));
    unsigned rows = 0;
    if (shares == NULL)
        USER_PANIC("no memory for %u shares", cores);
    workers = cores;
    const cycles_t start = bench_tsc();
    for (unsigned core = 0; core < cores; core++) {
        shares[core].first = core;
        errval_t err =
            domain_thread_create_on((coreid_t)core, work, &shares[core], &shares[core].thread);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "a thread on core %u", core);
    }
    for (unsigned core = 0; core < cores; core++) {
        int where;
        errval_t err = domain_thread_join(shares[core].thread, &where);
        if (err_is_fail(err) || where != (int)core)
            USER_PANIC_ERR(err, "joining the thread of core %u", core);
        rows += shares[core].rows;
    }
    const cycles_t cycles = bench_tsc() - start;
    if (rows != size || !is_right())
        USER_PANIC("the product is wrong, of %u rows", rows);
    free(shares);
    return cycles;
}

int main(int argc, char *argv[])
{
    const struct abi_topology *machine;
    errval_t err = machine_topology_get(&machine);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "asking for the machine");
    if (argc > 1)
        size = (unsigned)strtoul(argv[1], NULL, 10);
    a = malloc(sizeof(*a) * size * size);
    b = malloc(sizeof(*b) * size * size);
    product = malloc(sizeof(*product) * size * size);
    if (size == 0 || a == NULL || b == NULL || product == NULL)
        USER_PANIC("no memory for matrices of %u", size);
    fill();
    span_all(machine->core_count);
    for (unsigned cores = 1; cores <= machine->core_count; cores *= 2)
        printf("bench: matrix.%u %" PRIuCYCLES " cycles\n", cores, run(cores));
    printf("matrix: the product of %u x %u is right\n", size, size);
    return 0;
}
