/* SPDX-License-Identifier: MIT
 *
 * Where the file of this program lies, for what is looked for beside it.
 */
#ifndef VMM_ENGINE_PROGRAM_H
#define VMM_ENGINE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Its absolute path: /proc/self/exe, or where there is no /proc, the path it was started by.  False
 * if it cannot be found out or does not fit. */
bool program_path(char *path, size_t bytes);

/* The folder it is in. */
bool program_folder(char *path, size_t bytes);

#endif
