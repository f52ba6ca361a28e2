/* SPDX-License-Identifier: MIT
 *
 * Relations between capabilities, from the table of types.
 */
#include <barrelfish/cap_predicates.h>

static const bool has_memory[] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) (memory) == 1,
#include <barrelfish_kpi/caps.def>
};

static const struct {
    uint8_t from, to;
} retypes[] = {
#define CAP_RETYPE(from, to) { ObjType_##from, ObjType_##to },
#include <barrelfish_kpi/caps.def>
};

#define RETYPES (sizeof(retypes) / sizeof(retypes[0]))
#define CONTENT_WORDS 3 /* of struct capability */

genpaddr_t get_address(const struct capability *cap)
{
    return has_memory[cap->type] ? cap->u.mem.base : 0;
}

gensize_t get_size(const struct capability *cap)
{
    return has_memory[cap->type] ? cap->u.mem.bytes : 0;
}

/* The type that `type` is made from, or itself. */
static uint8_t source_of(uint8_t type)
{
    for (size_t i = 0; i < RETYPES; i++)
        if (retypes[i].to == type && retypes[i].from != type)
            return retypes[i].from;
    return type;
}

uint8_t get_type_root(enum objtype type)
{
    uint8_t at = (uint8_t)type;

    while (source_of(at) != at)
        at = source_of(at);
    return at;
}

static bool can_be_made(uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < RETYPES; i++)
        if (retypes[i].to == to && (retypes[i].from == from ||
                                    (retypes[i].from != to && can_be_made(from, retypes[i].from))))
            return true;
    return false;
}

static int8_t order(uint64_t left, uint64_t right)
{
    return (int8_t)((left > right) - (left < right));
}

int8_t compare_caps(const struct capability *left, const struct capability *right, bool tiebreak)
{
    int8_t result =
        order(get_type_root((enum objtype)left->type), get_type_root((enum objtype)right->type));

    result = result != 0 ? result : order(get_address(left), get_address(right));
    result = result != 0 ? result : order(get_size(right), get_size(left));
    result = result != 0 ? result : order(left->type, right->type);
    result = result != 0 ? result : order(left->generation, right->generation);
    for (size_t i = 0; result == 0 && !has_memory[left->type] && i < CONTENT_WORDS; i++)
        result = order(left->u.word[i], right->u.word[i]);
    return result != 0 || !tiebreak ? result : order((uintptr_t)left, (uintptr_t)right);
}

bool is_ancestor(const struct capability *child, const struct capability *parent)
{
    uint64_t base = get_address(child), from = get_address(parent);

    if (!can_be_made(parent->type, child->type))
        return false;
    if (!has_memory[child->type] || !has_memory[parent->type])
        return true;
    /* of one type, a copy is no descendant */
    if (child->type == parent->type && get_size(child) == get_size(parent) &&
        child->generation <= parent->generation)
        return false;
    return base >= from && base + get_size(child) <= from + get_size(parent);
}

bool is_copy(const struct capability *left, const struct capability *right)
{
    return left->type == right->type && compare_caps(left, right, false) == 0;
}
