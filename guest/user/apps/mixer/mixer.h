/* SPDX-License-Identifier: MIT
 *
 * What the parts of mixer share.
 */
#ifndef MIXER_H
#define MIXER_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/mixer_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            printf("MIXER FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            fflush(stdout);                                                   \
            exit(3);                                                          \
        }                                                                     \
    } while (0)

/* hurried.c: a server whose bindings several threads serve, and a client that closes each binding
 * while messages and a call are on their way.  What main() returns. */
int be_server(unsigned threads);
int be_hurried(unsigned rounds);

/* again.c: one mix of programs after another. */
int be_again(const char *mixes, unsigned rounds, unsigned seed);

#endif
