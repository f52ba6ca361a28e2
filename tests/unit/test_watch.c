/* SPDX-License-Identifier: MIT
 *
 * The watch: a signal or the guard reaches the engine that runs, once, with the right
 * reason, and never an engine that is gone.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "run/watch.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static enum stop_reason reason;
static unsigned requests;
static int engine; /* its address stands for an engine */

static void fake_request_stop(struct engine *which, enum stop_reason why)
{
    cr_assert_eq((void *)which, (void *)&engine);
    pthread_mutex_lock(&lock);
    reason = why;
    requests++;
    pthread_cond_signal(&asked);
    pthread_mutex_unlock(&lock);
}

static const struct engine_ops fake_ops = { .name = "fake", .request_stop = fake_request_stop };

static enum stop_reason wait_for_request(void)
{
    pthread_mutex_lock(&lock);
    while (requests == 0)
        pthread_cond_wait(&asked, &lock);
    enum stop_reason got = reason;
    pthread_mutex_unlock(&lock);
    return got;
}

Test(watch, a_signal_stops_the_engine, .timeout = 60)
{
    struct watch *watch = watch_start();
    cr_assert_not_null(watch);
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 0);
    cr_expect_eq(watch_signal(watch), 0);
    kill(getpid(), SIGTERM);
    cr_expect_eq(wait_for_request(), STOP_INTERRUPTED);
    cr_expect_eq(watch_signal(watch), SIGTERM);
    cr_expect_not(watch_limit_reached(watch));
    watch_stop(watch);
}

Test(watch, a_signal_before_the_engine_stops_it_when_it_comes, .timeout = 60)
{
    struct watch *watch = watch_start();
    kill(getpid(), SIGINT);
    while (watch_signal(watch) == 0)
        usleep(1000); /* until the watch has seen it */
    cr_expect_eq(requests, 0, "there is no engine yet");
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 0);
    cr_expect_eq(wait_for_request(), STOP_INTERRUPTED);
    watch_stop(watch);
}

Test(watch, the_limit_is_a_deadline, .timeout = 60)
{
    struct watch *watch = watch_start();
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 1000000);
    cr_expect_eq(wait_for_request(), STOP_DEADLINE);
    cr_expect(watch_limit_reached(watch));
    cr_expect_eq(watch_signal(watch), 0);
    watch_engine(watch, NULL, NULL, 0);
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 0);
    cr_expect_not(watch_limit_reached(watch), "the next engine starts afresh");
    watch_stop(watch);
    cr_expect_eq(requests, 1);
}

/* Real time passes, ten times the limit; this process does nothing in it, as if it were stopped. */
Test(watch, time_in_which_the_process_did_not_run_does_not_count, .timeout = 60)
{
    struct watch *watch = watch_start();
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 200000000);
    for (unsigned i = 0; i < 4; i++)
        usleep(500000);
    cr_expect_not(watch_limit_reached(watch));
    cr_expect_eq(requests, 0);
    while (!watch_limit_reached(watch)) {
        /* now it runs */
    }
    cr_expect_eq(wait_for_request(), STOP_DEADLINE);
    watch_stop(watch);
}

Test(watch, an_engine_that_is_gone_is_left_alone, .timeout = 60)
{
    struct watch *watch = watch_start();
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 0);
    watch_engine(watch, NULL, NULL, 0);
    kill(getpid(), SIGHUP);
    while (watch_signal(watch) == 0)
        usleep(1000);
    watch_stop(watch);
    cr_expect_eq(requests, 0);
}

Test(watch, what_the_caller_has_ignored_stays_ignored, .timeout = 60)
{
    signal(SIGHUP, SIG_IGN); /* as nohup does */
    struct watch *watch = watch_start();
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 0);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGTERM);
    cr_expect_eq(wait_for_request(), STOP_INTERRUPTED);
    cr_expect_eq(watch_signal(watch), SIGTERM);
    watch_stop(watch);
}

Test(watch, signals_work_as_before_when_it_has_stopped, .timeout = 60, .signal = SIGTERM)
{
    watch_stop(watch_start());
    kill(getpid(), SIGTERM);
    pause();
}

Test(watch, the_same_signal_once_more_says_nothing_new, .timeout = 60)
{
    struct watch *watch = watch_start();
    kill(getpid(), SIGTERM);
    while (watch_signal(watch) == 0)
        usleep(1000);
    kill(getpid(), SIGTERM);
    watch_engine(watch, &fake_ops, (struct engine *)&engine, 1);
    while (!watch_limit_reached(watch)) /* it looks at signals before it looks at the time */
        usleep(1000);
    watch_stop(watch);
}

Test(watch, a_second_ctrl_c_ends_the_program, .timeout = 60, .exit_code = 130)
{
    struct watch *watch = watch_start();
    kill(getpid(), SIGINT);
    while (watch_signal(watch) == 0)
        usleep(1000);
    kill(getpid(), SIGINT);
    for (;;)
        pause();
}
