/* SPDX-License-Identifier: MIT
 *
 * From standard input to the console's input.
 *
 * Only programs that read have the client of serial in them: the linker replaces newlib's function
 * that fills a stream by the one here (--wrap), and takes this file if anything calls either that
 * or read().
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <serial/serial.h>
#include <stdio.h>
#include <unistd.h>

#define TRANSFER_MAX 0x40000000

/* newlib's, and the linker's name for it; its headers do not declare it. */
int __real___srefill_r(struct _reent *reent, FILE *stream);
int __wrap___srefill_r(struct _reent *reent, FILE *stream);

static int read_console(char *buffer, int length)
{
    size_t got;
    errval_t err = serial_read(buffer, (size_t)length, &got);
    if (err_is_ok(err))
        return (int)got;
    if (err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME)
        return 0;
    DEBUG_ERR(err, "reading the console");
    errno = EIO;
    return -1;
}

int __wrap___srefill_r(struct _reent *reent, FILE *stream)
{
    system_read_console = read_console;
    return __real___srefill_r(reent, stream);
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buffer, size_t bytes)
{
    system_read_console = read_console;
    return _read(fd, buffer, (int)(bytes < TRANSFER_MAX ? bytes : TRANSFER_MAX));
}
