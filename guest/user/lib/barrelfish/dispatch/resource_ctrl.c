/* SPDX-License-Identifier: MIT
 *
 * Resource control that reserves nothing: see the header.
 */
#include <barrelfish/resource_ctrl.h>

#include <barrelfish/debug.h>

static rsrcid_t manifests;

errval_t rsrc_manifest(const char *manifest, rsrcid_t *ret)
{
    if (manifest == NULL || ret == NULL)
        return ERR_INVALID_ARGS;
    if (manifests == 0)
        debug_printf("resource control: no time is reserved, the scheduler is round robin");
    *ret = ++manifests;
    return SYS_ERR_OK;
}

errval_t rsrc_join(rsrcid_t id)
{
    return id == 0 || id > manifests ? (errval_t)ERR_INVALID_ARGS : (errval_t)SYS_ERR_OK;
}

errval_t rsrc_phase(rsrcid_t id, uint32_t phase)
{
    (void)phase;
    return rsrc_join(id);
}
