/* SPDX-License-Identifier: MIT
 *
 * CSpace layout: see <barrelfish/caddr.h> and <barrelfish_kpi/init.h>.
 */
#ifndef BARRELFISH_CSPACE_H
#define BARRELFISH_CSPACE_H

#include <barrelfish/caddr.h>

#endif
