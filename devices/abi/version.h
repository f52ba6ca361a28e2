/* SPDX-License-Identifier: MIT
 *
 * The version of the whole: programs, guest images and packages are built and released together.
 * mk/install.mk reads the number from this file.
 */
#ifndef ABI_VERSION_H
#define ABI_VERSION_H

#define PROJECT_VERSION "0.1"

#endif
