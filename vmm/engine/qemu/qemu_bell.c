/* SPDX-License-Identifier: MIT
 *
 * A bell for each core of a PC: an eventfd which QEMU's device ivshmem-doorbell turns into an
 * interrupt.
 *
 * QEMU is a client of a server that hands these descriptors out (QEMU's
 * docs/specs/ivshmem-spec.txt, "Client-server protocol"): version, the client's number, the shared
 * memory, and then the vectors of each client, all as little-endian numbers of 64 bits, some with a
 * descriptor.  For one client nothing of this depends on what it says, and it says nothing: so all
 * of it lies in the socket before QEMU starts, and there is no server.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/qemu/qemu_private.h"

#define PROTOCOL_VERSION 0
#define CLIENT 0
#define SHARED_MEMORY -1
#define SHARED_BYTES 4096 /* the device cannot do without */

static int send_number(int to, int64_t number, int fd)
{
    const uint64_t wire = htole64((uint64_t)number);
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { (void *)&wire, sizeof(wire) };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                                           .cmsg_level = SOL_SOCKET,
                                           .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    ssize_t sent = sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == sizeof(wire) ? 0 : sent < 0 ? -errno : -EIO;
}

static int send_memory(int to)
{
    int fd = memfd_create("bell", MFD_CLOEXEC);
    int error = fd < 0 || ftruncate(fd, SHARED_BYTES) < 0 ? -errno : 0;
    if (!error)
        error = send_number(to, SHARED_MEMORY, fd);
    if (fd >= 0)
        close(fd);
    return error;
}

int qemu_bell_make(struct qemu_bell *bell, unsigned cores)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    bell->server = ends[0];
    bell->client = ends[1];
    int error = send_number(bell->server, PROTOCOL_VERSION, -1);
    if (!error)
        error = send_number(bell->server, CLIENT, -1);
    if (!error)
        error = send_memory(bell->server);
    for (unsigned core = 0; core < cores && !error; core++) {
        bell->event[core] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (bell->event[core] < 0)
            error = -errno;
        else
            bell->cores = core + 1;
        if (!error)
            error = send_number(bell->server, CLIENT, bell->event[core]);
    }
    return error;
}

void qemu_bell_ring(const struct qemu_bell *bell, unsigned core)
{
    const uint64_t one = 1;
    if (core < bell->cores && write(bell->event[core], &one, sizeof(one)) < 0) {
        /* EAGAIN: it has rung 2^64 - 2 times, and rings still */
    }
}

void qemu_bell_free(struct qemu_bell *bell)
{
    for (unsigned core = 0; core < bell->cores; core++)
        close(bell->event[core]);
    if (bell->server >= 0)
        close(bell->server);
    if (bell->client >= 0)
        close(bell->client);
    *bell = (struct qemu_bell){ .server = -1, .client = -1 };
}
