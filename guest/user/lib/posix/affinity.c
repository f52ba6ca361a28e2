/* SPDX-License-Identifier: MIT
 *
 * Where threads may run (<pthread_np.h>).
 */
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <pthread_np.h>

int pthread_setaffinity_np(pthread_t thread, size_t bytes, const cpuset_t *set)
{
    (void)thread;
    if (bytes != sizeof(*set))
        return EINVAL;
    return CPU_ISSET(disp_get_core_id(), set) ? 0 : ENOTSUP;
}

int pthread_getaffinity_np(pthread_t thread, size_t bytes, cpuset_t *set)
{
    (void)thread;
    if (bytes != sizeof(*set))
        return EINVAL;
    CPU_ZERO(set);
    CPU_SET(disp_get_core_id(), set);
    return 0;
}
