/* SPDX-License-Identifier: MIT
 *
 * Exceptions: declared with the threads they happen to.
 */
#ifndef BARRELFISH_EXCEPT_H
#define BARRELFISH_EXCEPT_H

#include <barrelfish/threads.h>

#endif
