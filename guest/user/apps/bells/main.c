/* SPDX-License-Identifier: MIT
 *
 * bells: messages over another ring than UMP's (bellring/bellring.h).
 *
 *   bells server       says what arrives, and what of it is not as it was sent
 *   bells client N     sends the numbers 1 to N
 *
 * Each message has its number, the number's square, and the complement of both together, so the
 * receiver knows by itself what is wrong: a number that is missing, comes again, or is none.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/idc_export.h>
#include <barrelfish/nameservice_client.h>
#include <bellring/bellring.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char service_name[] = "bells_service";

/* The interface, for who watches channels: as the interface compiler would say it. */
enum { NUMBER = BELLRING_FIRST_TYPE, ANSWER };
/* clang-format off */
__asm__(".pushsection .idl.messages,\"\",@progbits\n"
        ".ascii \"interface bells\\n\"\n"
        ".ascii \"message 3 number 1\\n\"\n"
        ".ascii \"message 4 answer 1\\n\"\n"
        ".popsection\n");
/* clang-format on */

static struct bellring ring;
static uint64_t expected = 1, last;

static void fill(uint64_t word[BELLRING_WORDS], uint64_t number)
{
    word[0] = number;
    word[1] = number * number;
    word[2] = ~(number + number * number);
}

static bool is_intact(const uint64_t word[BELLRING_WORDS])
{
    uint64_t wanted[BELLRING_WORDS];

    fill(wanted, word[0]);
    return memcmp(wanted, word, sizeof(wanted)) == 0;
}

/* ---- server ---- */

static void take(uint64_t type, const uint64_t word[BELLRING_WORDS])
{
    if (type != NUMBER)
        printf("a hole: line of type %" PRIu64 "\n", type);
    else if (!is_intact(word))
        printf("damaged: %#" PRIx64 "\n", word[0]);
    else if (word[0] < expected)
        printf("number %" PRIu64 " again\n", word[0]);
    else if (word[0] > expected)
        printf("number %" PRIu64 ", but %" PRIu64 " was to come\n", word[0], expected);
    else
        printf("number %" PRIu64 "\n", word[0]);
    if (type == NUMBER && is_intact(word) && word[0] >= expected)
        expected = word[0] + 1;
}

static void answer(uint64_t number)
{
    uint64_t word[BELLRING_WORDS];

    fill(word, number);
    errval_t err = bellring_send(&ring, ANSWER, word);
    assert(err_is_ok(err)); /* there was room */
}

static void arrived(void *arg)
{
    uint64_t type, word[BELLRING_WORDS];

    (void)arg;
    while (bellring_has_room(&ring) && bellring_receive(&ring, &type, word)) {
        take(type, word);
        answer(word[0]);
    }
}

static errval_t connected(void *st, struct capref frame, size_t inlen, size_t outlen,
                          struct capref notify, struct ump_chan **ret)
{
    (void)st;
    if (ring.channel.frame_addr != NULL)
        return MON_ERR_IDC_BIND_REFUSED; /* one client is enough */
    errval_t err = ump_chan_accept(&ring.channel, frame, inlen, outlen, notify);
    if (err_is_ok(err))
        err = bellring_open(&ring, get_default_waitset(), MKCLOSURE(arrived, NULL));
    *ret = &ring.channel;
    return err;
}

static void start_server(void)
{
    static struct idc_export export = { .ump_connect_callback = connected,
                                        .export_callback = nameservice_offer,
                                        .export_cb_st = service_name,
                                        .interface = "bells",
                                        .layout = &bellring_layout };

    export.ws = get_default_waitset();
    errval_t err = idc_export_service(&export);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting %s", service_name);
}

/* ---- client ---- */

/* Half of a ring is enough: a line that comes twice then does not lie on one that was not read. */
#define WINDOW 7

static void send_numbers(void)
{
    uint64_t word[BELLRING_WORDS];

    for (; expected <= last && ring.head < ring.tail + WINDOW; expected++) {
        fill(word, expected);
        errval_t err = bellring_send(&ring, NUMBER, word);
        assert(err_is_ok(err));
    }
}

static void answered(void *arg)
{
    static uint64_t answers;
    uint64_t type, word[BELLRING_WORDS];

    (void)arg;
    while (bellring_receive(&ring, &type, word))
        answers += type == ANSWER && is_intact(word);
    if (answers < last) {
        send_numbers();
        return;
    }
    printf("all %" PRIu64 " answered\n", last);
    bellring_close(&ring);
}

static void bound(void *st, errval_t err, struct ump_chan *uc, struct capref notify)
{
    (void)st, (void)uc, (void)notify;
    if (err_is_ok(err))
        err = bellring_open(&ring, get_default_waitset(), MKCLOSURE(answered, NULL));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s", service_name);
    send_numbers();
}

static void start_client(void)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(service_name, &iref);

    if (err_is_ok(err))
        err = ump_chan_bind(&ring.channel, bound, NULL, NULL, iref, BELLRING_BYTES, BELLRING_BYTES,
                            IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s", service_name);
}

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "client") == 0) {
        last = strtoull(argv[2], NULL, 0);
        start_client();
    } else if (argc == 2 && strcmp(argv[1], "server") == 0) {
        start_server();
    } else {
        printf("usage: bells server | client N\n");
        return EXIT_FAILURE;
    }
    for (;;) {
        errval_t err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "dispatching events");
    }
}
