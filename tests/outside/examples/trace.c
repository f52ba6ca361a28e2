#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <stdlib.h>
#include <trace/trace.h>
#include <trace_definitions/trace_defs.h>

#ifndef CONFIG_TRACE
#error "without a trace"
#endif

static bool prepared, flushed;

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

int main(void)
{
    char buf[4096];
    int number = 0;

    errval_t err = trace_prepare(MKCLOSURE(set_true, &prepared));
    while (err_is_ok(err) && !prepared)
        err = event_dispatch(get_default_waitset());
    assert(err_is_ok(err));
    err = trace_event(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_EV1, 1);
    assert(err_is_fail(err)); /* off */
    trace_reset_all();
    err = trace_control(TRACE_EVENT(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_START, 0),
                        TRACE_EVENT(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_STOP, 0), 0);
    assert(err_is_ok(err));
    trace_event(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_EV1, 1); /* before the start */
    trace_event(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_START, 0);
    for (uint32_t i = 0; i < 5; i++)
        TRACE(XMPL, EV2, i);
    trace_set_autoflush(false);
    trace_set_all_subsys_enabled(true);
    trace_set_subsys_enabled(TRACE_SUBSYS_BENCH, false);
    trace_event(TRACE_SUBSYS_BENCH, TRACE_EVENT_BENCH_PCBENCH, 3); /* not this one */
    trace_event(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_STOP, 0);
    trace_event(TRACE_SUBSYS_XMPL, TRACE_EVENT_XMPL_EV1, 2); /* behind the end */
    size_t bytes = trace_dump(buf, sizeof(buf), &number);
    assert(number == 7 && bytes == strlen(buf));
    err = trace_flush(MKCLOSURE(set_true, &flushed));
    while (err_is_ok(err) && !flushed)
        err = event_dispatch(get_default_waitset());
    trace_dump(buf, sizeof(buf), &number);
    assert(number == 0 && err_is_ok(err));
    printf("ex_trace: passed\n");
    return 0;
}
