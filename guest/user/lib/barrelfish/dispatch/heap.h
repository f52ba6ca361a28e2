/* SPDX-License-Identifier: MIT
 *
 * The heap's own interface, beside malloc's: for the layers that give it memory, or whom it would
 * call again to get some.
 */
#ifndef HEAP_H
#define HEAP_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

/* Start-up: `map` maps `bytes`, a power of two, at the address, or changes nothing and says why
 * not.  Until then the heap is what the image brings along. */
void heap_set_source(errval_t (*map)(lvaddr_t address, size_t bytes));

/* Grows the heap, if need be, so that so much can be allocated without growing it. */
bool heap_grow_for(size_t bytes);

/* Heap memory, for free(), from what is mapped already; NULL if there is none.  For those whom the
 * growing of the heap would call again. */
void *heap_alloc_mapped(size_t bytes);

#endif
