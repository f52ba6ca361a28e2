/* SPDX-License-Identifier: MIT
 *
 * What capabilities do, by type, as caps.def says.
 */
#include "objects.h"

const struct cap_ops plain_ops; /* a name, and no more */

const struct cap_ops *const cap_ops[ObjType_Num] = {
#define CAP_OPS(name, ops) [ObjType_##name] = &ops,
#include <barrelfish_kpi/caps.def>
};

/* Each type has a line: none of the entries is NULL. */
#define CAP_OPS(name, ops) +1
_Static_assert(ObjType_Num ==
#include <barrelfish_kpi/caps.def>
               , "caps.def: a type has no CAP_OPS, or two");
