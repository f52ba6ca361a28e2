/* The order in which activities run; cancelling; nested groups; deep and many. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <stdio.h>
#include <string.h>
#include <thc/thc.h>
#include <thc/thcsync.h>

static char trail[256];

static void note(char c)
{
    size_t length = strlen(trail);
    assert(length + 1 < sizeof(trail));
    trail[length] = c;
}

static void expect(const char *what, const char *wanted)
{
    if (strcmp(trail, wanted) != 0)
        USER_PANIC("%s: %s, and not %s", what, trail, wanted);
    memset(trail, 0, sizeof(trail));
}

static void helper(int n)
{
    for (int i = 0; i < n; i++)
        THCYield();
}

static void order(void)
{
    note('a');
    DO_FINISH({
        ASYNC({
            note('b');
            THCYield();
            note('e');
        });
        note('c');
        ASYNC({ note('d'); });
    });
    note('f');
    expect("order", "abcdef");
}

/* Locals of the function around, and of the block. */
static int sum(int n)
{
    int result = 0;
    DO_FINISH({
        for (int i = 1; i <= n; i++)
            ASYNC({
                int mine = i;
                helper(mine % 5);
                result += mine;
            });
    });
    return result;
}

static int tree(int depth)
{
    int left = 0, right = 0;
    if (depth == 0)
        return 1;
    DO_FINISH({
        ASYNC({ left = tree(depth - 1); });
        ASYNC({
            THCYield();
            right = tree(depth - 1);
        });
    });
    return left + right;
}

static void nested(void)
{
    DO_FINISH({
        ASYNC({
            DO_FINISH({
                ASYNC({
                    helper(3);
                    note('1');
                });
            });
            note('2');
        });
        DO_FINISH({
            ASYNC({
                helper(9);
                note('3');
            });
        });
        note('4');
    });
    note('5');
    expect("nested", "12345");
}

static void cancelling(void)
{
    thc_sem_t never;
    thc_sem_init(&never, 0);
    errval_t first = SYS_ERR_OK, second = SYS_ERR_OK, inner = SYS_ERR_OK, kept = THC_CANCELED;
    DO_FINISH_(outer, {
        ASYNC({ first = thc_sem_p_x(&never); });
        ASYNC({ DO_FINISH({ ASYNC({ inner = thc_sem_p_x(&never); }); }); });
        ASYNC({
            THCYield();
            DO_FINISH_NX({
                thc_sem_t free_one;
                thc_sem_init(&free_one, 1);
                kept = thc_sem_p_x(&free_one);
                if (THCIsCancelled())
                    USER_PANIC("the inner group is deaf");
            });
        });
        CANCEL(outer);
        second = thc_sem_p_x(&never);
        if (!THCIsCancelled())
            USER_PANIC("cancelled");
    });
    if (err_no(first) != THC_CANCELED || err_no(second) != THC_CANCELED ||
        err_no(inner) != THC_CANCELED || err_is_fail(kept))
        USER_PANIC("cancelling");
    if (THCIsCancelled())
        USER_PANIC("outside it is not");
}

/* Events of the thread's waitset come while all wait. */
static awe_t *sleeper;

static void wake(void *arg)
{
    THCSchedule(sleeper);
}

static void events(void)
{
    struct deferred_event later;
    DO_FINISH({
        ASYNC({
            deferred_event_init(&later);
            errval_t err =
                deferred_event_register(&later, get_default_waitset(), 200, MKCLOSURE(wake, NULL));
            if (err_is_fail(err))
                USER_PANIC_ERR(err, "later");
            THCSuspend(&sleeper);
            note('w');
        });
        note('m');
    });
    expect("events", "mw");
}

/* What is to happen when a wait is cancelled, and when it is not. */
static void count(void *arg)
{
    ++*(int *)arg;
}

static void items(void)
{
    cancel_item_t used, unused;
    int times = 0;
    DO_FINISH_(group, {
        ASYNC({
            THCAddCancelItem(&unused, count, &times);
            if (!THCRemoveCancelItem(&unused) || THCCancelItemRan(&unused))
                USER_PANIC("unused");
            THCAddCancelItem(&used, count, &times);
            THCSuspendThen(&sleeper, wake, NULL); /* a yield, in other words */
            if (THCRemoveCancelItem(&used) || !THCCancelItemRan(&used))
                USER_PANIC("used");
        });
        CANCEL(group);
    });
    if (times != 1)
        USER_PANIC("items: %d", times);
}

static void turns(void)
{
    awe_t *other;
    DO_FINISH({
        ASYNC({
            THCSuspend(&other);
            note('o');
        });
        ASYNC({
            THCYield();
            note('q');
        });
        THCYieldTo(other);
        note('p');
    });
    expect("turns", "oqp");
}

int main(int argc, char *argv[])
{
    order();
    if (sum(100) != 5050)
        USER_PANIC("sum");
    if (tree(7) != 128)
        USER_PANIC("tree");
    nested();
    cancelling();
    events();
    items();
    turns();
    THCDumpStats(0);
    printf("as_lang: passed\n");
    return 0;
}
