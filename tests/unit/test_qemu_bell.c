/* SPDX-License-Identifier: MIT
 *
 * Bells for a PC's cores: what QEMU's device finds in its socket, read as the protocol has it, and
 * that ringing reaches the descriptor that it was given.
 */
#include <criterion/criterion.h>

#include <endian.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/qemu/qemu_private.h"

/* The next number; `*fd`: the descriptor beside it, or -1. */
static int64_t receive(int from, int *fd)
{
    uint64_t wire = 0;
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec part = { &wire, sizeof(wire) };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    cr_assert_eq(recvmsg(from, &message, MSG_DONTWAIT), (ssize_t)sizeof(wire));
    const struct cmsghdr *with = CMSG_FIRSTHDR(&message);
    *fd = -1;
    if (with)
        memcpy(fd, CMSG_DATA(with), sizeof(*fd));
    return (int64_t)le64toh(wire);
}

static bool rings(int fd)
{
    struct pollfd look = { .fd = fd, .events = POLLIN };
    uint64_t times;
    return poll(&look, 1, 0) == 1 && read(fd, &times, sizeof(times)) == sizeof(times) && times == 1;
}

static void check(unsigned cores)
{
    struct qemu_bell bell = { .client = -1, .server = -1 };
    int fd, event[ABI_MAX_CORES];
    struct stat memory;
    cr_assert_eq(qemu_bell_make(&bell, cores), 0);
    cr_expect_eq(receive(bell.client, &fd), 0, "version");
    cr_expect_eq(fd, -1);
    cr_expect_eq(receive(bell.client, &fd), 0, "the client's number");
    cr_expect_eq(fd, -1);
    cr_expect_eq(receive(bell.client, &fd), -1, "shared memory");
    cr_assert_eq(fstat(fd, &memory), 0);
    cr_expect_eq(memory.st_size & (memory.st_size - 1), 0, "a region of PCI is a power of two");
    cr_expect_gt(memory.st_size, 0);
    close(fd);
    for (unsigned core = 0; core < cores; core++) {
        cr_expect_eq(receive(bell.client, &event[core]), 0, "a vector of this client");
        cr_assert_geq(event[core], 0);
    }
    qemu_bell_ring(&bell, cores - 1);
    qemu_bell_ring(&bell, cores); /* there is no such core */
    for (unsigned core = 0; core < cores; core++) {
        cr_expect_eq(rings(event[core]), core == cores - 1);
        close(event[core]);
    }
    qemu_bell_free(&bell);
    qemu_bell_ring(&bell, 0);
    cr_expect_eq(bell.client, -1);
}

Test(qemu_bell, the_device_finds_a_vector_for_each_core)
{
    check(1);
    check(2);
    check(ABI_MAX_CORES);
}

Test(qemu_bell, without_bells_nothing_rings)
{
    struct qemu_bell bell = { .client = -1, .server = -1 };
    qemu_bell_ring(&bell, 0);
    qemu_bell_free(&bell);
}
