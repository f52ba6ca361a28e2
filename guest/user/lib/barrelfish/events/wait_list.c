/* SPDX-License-Identifier: MIT
 *
 * Wait lists (wait_list.h): each waiter's channel lies on its own stack.
 *
 * Must not touch an entry after its channel is triggered: its thread may have returned.
 */
#include <barrelfish/wait_list.h>

#include <assert.h>

struct wait_list_entry {
    struct waitset_chanstate chan;
    errval_t err;
    struct wait_list_entry *next;
};

errval_t wait_list_join(struct wait_list *list, struct waitset *ws, bool (*is_there)(void),
                        errval_t (*begin)(void))
{
    struct wait_list_entry entry = { .err = SYS_ERR_OK };

    waitset_chanstate_init(&entry.chan, CHANTYPE_OTHER);
    dispatcher_handle_t handle = disp_disable();
    if (is_there()) {
        disp_enable(handle);
        return SYS_ERR_OK;
    }
    bool first = list->first == NULL;
    errval_t err = waitset_chan_register_disabled(ws, &entry.chan, NOP_CLOSURE, handle);
    assert(err_is_ok(err));
    entry.next = list->first;
    list->first = &entry;
    disp_enable(handle);
    if (first) {
        err = begin();
        if (err_is_fail(err))
            wait_list_tell(list, err);
    }
    err = wait_for_channel(ws, &entry.chan, NULL);
    return err_is_fail(err) ? err : entry.err;
}

void wait_list_tell(struct wait_list *list, errval_t err)
{
    dispatcher_handle_t handle = disp_disable();

    while (list->first != NULL) {
        struct wait_list_entry *entry = list->first;

        list->first = entry->next;
        entry->err = err;
        errval_t triggered = waitset_chan_trigger_disabled(&entry->chan, handle);
        assert(err_is_ok(triggered));
        (void)triggered;
    }
    disp_enable(handle);
}
