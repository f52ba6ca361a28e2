/* SPDX-License-Identifier: MIT
 *
 * Page tables of one dispatcher as their owner sees them: which tables there are, and what is
 * mapped in them.
 *
 * Tables are made when something is mapped and given back when nothing is mapped in them any more;
 * one that has become empty is kept for the next mapping.  A capability can be mapped once, into
 * one page table, so what lies across several tables is mapped in pieces, of which all but the
 * first are mappings of copies.
 *
 * Nothing here asks for memory: the nodes are put aside first.
 */
#ifndef PAGE_TABLES_H
#define PAGE_TABLES_H

#include <barrelfish/vspace.h>

struct table {
    struct capref cap;
    struct capref mapping;
    struct table *parent, *sibling, *child;
    uint16_t entry; /* in its parent */
    uint16_t used;  /* tables and pieces in it */
    uint8_t level;  /* 3: PML4, 0: its entries are pages of 4 KiB */
};

struct piece {
    struct capref mapping;
    struct capref frame_copy; /* NULL_CAP: the frame capability itself */
    struct piece *next;
    struct table *table;
    genvaddr_t base;
    size_t bytes;
};

/* Pages of a region whose flags are not those of the region. */
struct other_flags {
    struct other_flags *next; /* by base; none overlap */
    genvaddr_t base;
    size_t bytes;
    vregion_flags_t flags;
};

/* What a program has mapped at one address: a part of a frame. */
struct region {
    genvaddr_t base;
    size_t bytes, offset; /* offset in the frame */
    vregion_flags_t flags;
    struct capref frame;
    bool owns_frame;      /* it goes with the region */
    coreid_t mapper;      /* the core whose dispatcher has mapped it, for all */
    struct shown *shown;  /* what the program sees of it; NULL: it has not asked */
    struct region *next;  /* by base */
    struct piece *pieces; /* in any order */
    struct other_flags *other;
};

union node {
    struct table table;
    struct piece piece;
    struct region region;
    struct other_flags other;
    union node *next_free;
};

struct page_tables {
    union node *free_nodes;
    unsigned free_node_count;
    struct table root;   /* the PML4; its capability is the spawner's */
    struct table *spare; /* nothing is mapped in it; or NULL */
};

void page_node_free(struct page_tables *t, void *memory);
/* Zeroed; there is one. */
void *page_node_alloc(struct page_tables *t);

/* The largest pages by which [offset, offset + bytes) of the frame can be mapped at an address. */
size_t page_bytes_for(struct capref frame, size_t bytes, size_t offset, genvaddr_t address,
                      vregion_flags_t flags);

/* And by which pages it is mapped. */
size_t page_bytes_of(const struct region *region);

/* So many nodes, and so much RAM, may be needed to map a region. */
unsigned page_nodes_for(size_t bytes, size_t page_bytes);
size_t page_ram_for(size_t bytes, size_t page_bytes);

/* Maps a region whose frame, place and flags are set; nothing is mapped if it fails. */
errval_t page_tables_map(struct page_tables *t, struct region *region, size_t page_bytes);
void page_tables_unmap(struct page_tables *t, struct region *region);

/* Other flags for [base, base + bytes) of a region.  SYS_ERR_VM_MAP_SIZE: it cuts a large page, and
 * nothing was changed. */
#define PAGE_NODES_TO_PROTECT 2 /* at most */
errval_t page_tables_protect(struct page_tables *t, struct region *region, genvaddr_t base,
                             size_t bytes, vregion_flags_t flags);

/* Those of the page at an address in the region. */
vregion_flags_t page_flags_at(const struct region *region, genvaddr_t address);

#endif
