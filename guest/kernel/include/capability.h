/* SPDX-License-Identifier: MIT
 *
 * Capabilities in kernel memory: table entries (CTEs) and what the type table says of them.
 *
 * A CTE is one 64-byte slot of a CNode, or one embedded in a DCB.  It holds a capability and its
 * place in the mapping database.  An empty slot has type Null and is in no tree.
 */
#ifndef KERNEL_CAPABILITY_H
#define KERNEL_CAPABILITY_H

#include <abi/layout.h>
#include <barrelfish_kpi/capabilities.h>

/* Where physical memory is seen by this code: on the host, tests put it where they like. */
#ifdef HOST_TEST
__attribute__((weak)) uint64_t host_physmap;
#define KERNEL_PHYSMAP host_physmap
#else
#define KERNEL_PHYSMAP ABI_PHYSMAP_BASE
#endif

struct cte;

/* Links of the mapping database (mdb/); written by it alone, but for the last three. */
struct mdbnode {
    struct cte *left, *right;
    uint64_t end;     /* largest end address in this subtree */
    uint8_t end_root; /* type root to which `end` belongs */
    uint8_t level;    /* AA level; 0: not in the tree */
    uint8_t owner;    /* core that owns the capability */
    uint8_t bits;     /* MDB_BIT_* */
    uint32_t step;    /* in_delete: how far it has got (delete.c), else 0 */
};

#define MDB_BIT_FOREIGN 1    /* an object of several parts of another core: a name only */
#define MDB_BIT_WITNESS 2    /* the monitor's, of what came with ownership: no revoke takes it */
#define MDB_BIT_LOCKED 8     /* kept by the monitor for another core: in kernel_remote_mdb */
#define MDB_BIT_IN_DELETE 16 /* its object is being taken apart (delete.c); not found by lookup */
#define MDB_BIT_IN_DCB 32    /* the capability that a DCB keeps of its frame or address space */

struct cte {
    struct capability cap;
    struct mdbnode node;
};
_Static_assert(sizeof(struct cte) == OBJSIZE_CTE, "CTE size");

/* Is its object being taken apart?  Then it is the last capability of it, and not mapped. */
static inline bool cte_is_record(const struct cte *cte)
{
    return cte->node.bits & MDB_BIT_IN_DELETE;
}

/* Third word of a mappable capability: the CTE of its mapping, 0 if not mapped.  In a mapping it
 * is the CTE of what is mapped. */
#define CAP_MAPPING_WORD 2

/* The same word of a witness: what it was claimed of (cap_claim_name), or 0. */
#define CAP_CLAIM_WORD 2

struct cap_type_info {
    uint8_t memory;      /* names a memory range */
    uint8_t range;       /* of memory or of something else */
    uint8_t mappable;    /* has a mapping type, number + 1 */
    uint8_t always_copy; /* any two are copies */
    uint32_t object_bytes;
};

/* Indexed by enum objtype. */
static const struct cap_type_info cap_types[ObjType_Num] = {
#define CAP_TYPE(name, mem, bytes, map, copy)   \
    [ObjType_##name] = { .memory = (mem) == 1,  \
                         .range = (mem) != 0,   \
                         .mappable = (map),     \
                         .always_copy = (copy), \
                         .object_bytes = (bytes) },
#include <barrelfish_kpi/caps.def>
};

/* Type roots: types of one root form one derivation tree by address.  All memory types and
 * EndPointLMP share the root PhysAddr.  A table of its own: each step of each walk reads it. */
static const uint8_t cap_type_roots[ObjType_Num] = {
#define CAP_TYPE(name, mem, bytes, map, copy) \
    [ObjType_##name] =                        \
        (mem) == 1 || ObjType_##name == ObjType_EndPointLMP ? ObjType_PhysAddr : ObjType_##name,
#include <barrelfish_kpi/caps.def>
};

/* What stands between two capabilities of one range: types are numbered ancestors first, and of one
 * type the child of full size comes after its parent.  One load, in each step of each walk. */
static inline uint16_t cap_kind(const struct capability *cap)
{
    return (uint16_t)(cap->generation | cap->type << 8);
}
_Static_assert(offsetof(struct capability, generation) == 0 &&
                   offsetof(struct capability, type) == 1,
               "cap_kind");

static inline uint8_t cap_type_root(uint8_t type)
{
    return cap_type_roots[type];
}

/* The rights that mean something for a type; all others a capability has by nature, and nobody can
 * take them away. */
static inline unsigned cap_known_rights(uint8_t type)
{
    unsigned rights = CAPRIGHTS_GRANT | CAPRIGHTS_IDENTIFY | CAPRIGHTS_REVOKE;
    switch (type) {
    case ObjType_PhysAddr:
    case ObjType_RAM:
    case ObjType_Frame:
    case ObjType_DevFrame:
    case ObjType_EndPointUMP:
        rights |= CAPRIGHTS_READ | CAPRIGHTS_WRITE | CAPRIGHTS_EXECUTE;
        break;
    case ObjType_L1CNode:
    case ObjType_L2CNode:
        rights |= CAPRIGHTS_WRITE;
        break;
    default:
        break;
    }
    return rights;
}

static inline bool cap_is_vnode(uint8_t type)
{
    return type == ObjType_VNode_x86_64_pml4 || type == ObjType_VNode_x86_64_pdpt ||
           type == ObjType_VNode_x86_64_pdir || type == ObjType_VNode_x86_64_ptable;
}

static inline bool cap_is_mapping(uint8_t type)
{
    return type > ObjType_Null && cap_types[type - 1].mappable;
}

/* Place of the capability in the order: the first address of what it names, or the first word of
 * its name. Endpoints lie at their dispatcher, mappings at the page table entries they fill, so
 * that these find them. It is the same word for all types: each step of each walk through the
 * database compares it. */
static inline uint64_t cap_base(const struct capability *cap)
{
    return cap->u.word[0];
}
_Static_assert(offsetof(struct capability, u.mem.base) == offsetof(struct capability, u.word) &&
                   offsetof(struct capability, u.endpoint.listener) ==
                       offsetof(struct capability, u.word) &&
                   offsetof(struct capability, u.mapping.first) ==
                       offsetof(struct capability, u.word),
               "cap_base");

/* How much of it: 0 where it names no range. */
static inline uint64_t cap_bytes(const struct capability *cap)
{
    if (cap_types[cap->type].range)
        return cap->u.mem.bytes;
    if (cap->type == ObjType_EndPointLMP)
        return OBJSIZE_DISPATCHER;
    if (cap_is_mapping(cap->type))
        return cap->u.mapping.bytes;
    return 0;
}

/* The page table entries that a mapping fills. */
static inline uint64_t *mapping_entry(const struct capability *mapping)
{
    return (uint64_t *)(mapping->u.mapping.first + KERNEL_PHYSMAP);
}

static inline uint64_t mapping_entries(const struct capability *mapping)
{
    return mapping->u.mapping.bytes / sizeof(uint64_t);
}

/* Orders two capabilities of the same kind, base and size by the fields that tell objects apart:
 * 0 if they name the same object. */
static inline int cap_compare_equality(const struct capability *a, const struct capability *b)
{
    uint64_t x = 0, y = 0;
    switch (a->type) {
    case ObjType_EndPointLMP:
        x = a->u.endpoint.epoffset, y = b->u.endpoint.epoffset;
        break;
    case ObjType_IO:
    case ObjType_Notify_IPI:
    case ObjType_ID:
    case ObjType_Domain:
    case ObjType_FCNode:
    case ObjType_IRQDest:
    case ObjType_DeviceID:
        x = a->u.word[1], y = b->u.word[1];
        break;
    default:
        break;
    }
    return x < y ? -1 : x > y;
}

static inline bool cap_is_copy(const struct capability *a, const struct capability *b)
{
    if (cap_kind(a) != cap_kind(b))
        return false;
    if (cap_types[a->type].always_copy)
        return true;
    return cap_base(a) == cap_base(b) && cap_bytes(a) == cap_bytes(b) &&
           cap_compare_equality(a, b) == 0;
}

/* May an object of type `from` be retyped to `to`? */
bool cap_is_retypeable(uint8_t from, uint8_t to);

/* Was `child` derived from `parent`?  Range, type and generation decide; a sub-range of the same
 * type counts, an equal range of the same type only in a later generation: else it is a copy. */
static inline bool cap_is_ancestor(const struct capability *child, const struct capability *parent)
{
    if (cap_type_root(child->type) != cap_type_root(parent->type) || !cap_types[parent->type].range)
        return false;
    uint64_t cb = cap_base(child), ce = cb + cap_bytes(child);
    uint64_t pb = cap_base(parent), pe = pb + cap_bytes(parent);
    if (cb < pb || ce > pe)
        return false;
    if (cb == pb && ce == pe && cap_kind(child) <= cap_kind(parent))
        return false;
    return true;
}

#endif
