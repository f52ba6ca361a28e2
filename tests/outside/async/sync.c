/* A buffer between activities: with a lock and conditions, and with semaphores. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <thc/thc.h>
#include <thc/thcsync.h>

#define PLACES 4
#define ITEMS 500
#define WORKERS 5

static int buffer[PLACES], filled;
static thc_lock_t lock;
static thc_condvar_t changed;

static void put(int item)
{
    thc_lock_acquire(&lock);
    while (filled == PLACES)
        thc_condvar_wait(&changed, &lock);
    buffer[filled++] = item;
    thc_condvar_broadcast(&changed);
    thc_lock_release(&lock);
}

static int get(void)
{
    thc_lock_acquire(&lock);
    while (filled == 0)
        thc_condvar_wait(&changed, &lock);
    int item = buffer[--filled];
    THCYield(); /* with the lock */
    thc_condvar_broadcast(&changed);
    thc_lock_release(&lock);
    return item;
}

static void conditions(void)
{
    long sum = 0;
    thc_lock_init(&lock);
    thc_condvar_init(&changed);
    DO_FINISH({
        for (int w = 0; w < WORKERS; w++)
            ASYNC({
                for (int i = 0; i < ITEMS; i++)
                    sum += get();
            });
        for (int w = 0; w < WORKERS; w++)
            ASYNC({
                for (int i = 1; i <= ITEMS; i++)
                    put(i);
            });
    });
    if (sum != (long)WORKERS * ITEMS * (ITEMS + 1) / 2 || filled != 0)
        USER_PANIC("conditions: %ld", sum);
}

static void semaphores(void)
{
    thc_sem_t places, items;
    int in = 0, out = 0;
    thc_sem_init(&places, PLACES);
    thc_sem_init(&items, 0);
    DO_FINISH({
        ASYNC({
            for (int i = 0; i < ITEMS; i++) {
                thc_sem_p(&places);
                in++;
                thc_sem_v(&items);
            }
        });
        ASYNC({
            for (int i = 0; i < ITEMS; i++) {
                thc_sem_p(&items);
                out++;
                if (in - out > PLACES)
                    USER_PANIC("too many");
                thc_sem_v(&places);
            }
        });
    });
    if (in != ITEMS || out != ITEMS)
        USER_PANIC("semaphores");
}

/* A wait that is cancelled leaves the lock held and nothing lost. */
static void cancelled(void)
{
    errval_t err = SYS_ERR_OK;
    thc_lock_init(&lock);
    thc_condvar_init(&changed);
    DO_FINISH_(all, {
        ASYNC({
            thc_lock_acquire(&lock);
            err = thc_condvar_wait_x(&changed, &lock);
            thc_lock_release(&lock);
        });
        CANCEL(all);
    });
    if (err_no(err) != THC_CANCELED)
        USER_PANIC("cancelled");
    thc_lock_acquire(&lock);
    thc_condvar_signal(&changed);
    thc_lock_release(&lock);
}

int main(int argc, char *argv[])
{
    conditions();
    semaphores();
    cancelled();
    printf("as_sync: passed\n");
    return 0;
}
