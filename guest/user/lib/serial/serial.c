/* SPDX-License-Identifier: MIT
 *
 * The client of serial: one binding for each dispatcher.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/wait_list.h>
#include <if/serial_defs.h>
#include <serial/serial.h>
#include <string.h>

#define READ_BYTES serial__read_response_data_MAX_ARGUMENT_SIZE

static struct wait_list waiting;
static struct serial_binding *binding;
static iref_t service;

/* serial has ended: the next read connects anew. */
static void broken(struct serial_binding *b, errval_t err)
{
    (void)err;
    if (binding == b)
        binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct serial_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        serial_rpc_client_init(b);
        b->error_handler = broken;
        binding = b;
    }
    wait_list_tell(&waiting, err);
}

static errval_t begin(void)
{
    return serial_bind(service, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
}

static bool is_bound(void)
{
    return binding != NULL;
}

static errval_t connect(void)
{
    if (is_bound())
        return SYS_ERR_OK;
    errval_t err = nameservice_lookup("serial", &service);
    if (err_is_fail(err))
        return err;
    return wait_list_join(&waiting, get_default_waitset(), is_bound, begin);
}

errval_t serial_read(char *buffer, size_t bytes, size_t *got)
{
    uint8_t data[READ_BYTES];
    size_t count = 0;
    errval_t answer = SYS_ERR_OK, err = connect();
    *got = 0;
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.read(
            binding, (uint32_t)(bytes < READ_BYTES ? bytes : READ_BYTES), data, &count, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        return err;
    memcpy(buffer, data, count);
    *got = count;
    return SYS_ERR_OK;
}

errval_t serial_take_front(void)
{
    errval_t answer = SYS_ERR_OK, err = connect();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.take_front(binding, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t serial_give_front(domainid_t domain)
{
    errval_t answer = SYS_ERR_OK, err = connect();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.give_front(binding, domain, &answer);
    return err_is_ok(err) ? answer : err;
}
