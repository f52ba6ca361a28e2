/* SPDX-License-Identifier: MIT
 *
 * What a program does instead of main when it was spawned with SPAWN_FLAG_AGENT (docs/spanning.md).
 * Only programs that may span cores have it linked.
 */
#ifndef BARRELFISH_DOMAIN_AGENT_H
#define BARRELFISH_DOMAIN_AGENT_H

/* argv: the program's name, and the interface reference of its home dispatcher. */
void domain_agent_main(int argc, char *argv[]) __attribute__((noreturn));

#endif
