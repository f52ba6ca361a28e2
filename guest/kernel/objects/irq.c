/* SPDX-License-Identifier: MIT
 *
 * Interrupts as capabilities (facts §3.1, §3.3): from a line of a device to its driver's endpoint.
 *
 *   device ── raises ──> line ── route ──> vector of a core ── connect ──> endpoint of the driver
 *                IRQSrc: a range of lines      IRQDest: {core, vector}      EndPointLMP
 *
 * Who holds an IRQSrc says where its lines go; who holds an IRQDest says who is told.  So a manager
 * of drivers hands out parts of its IRQSrc (a retype) and vectors of its IRQTable, and a driver can
 * reach neither other devices nor other drivers.  Lines and vectors arrive as notifications of this
 * core, with numbers behind those of dispatchers; a line that is routed to another core goes there
 * as the notification of that core's vector.
 *
 * A driver gets a message of one word, the vector.  If its buffer is full the message is dropped:
 * then there are others of the same kind, and a driver looks at its device until it has nothing
 * more to say.
 */
#include "delete.h"
#include "objects.h"
#include "plat.h"

struct route {
    coreid_t core;
    uint8_t vector;
    bool set;
};

/* Of this core. */
static struct route routes[IRQ_LINES];
/* By vector: whom it tells; empty: nobody. */
static _Alignas(OBJSIZE_CTE) struct cte endpoints[IRQ_LINES];
static uint64_t allocated; /* vectors */
_Static_assert(IRQ_LINES <= 64, "one word of vectors");

static void deliver(uint64_t vector)
{
    if (endpoints[vector].cap.type != ObjType_Null)
        (void)lmp_deliver(&endpoints[vector], &vector, 1, NULL, ABI_LMP_BY_KERNEL);
}

/* Notification `number` behind those of dispatchers: a vector, then the lines. */
static void take(uint32_t number)
{
    if (number < IRQ_LINES) {
        deliver(number);
        return;
    }
    const struct route *route = &routes[number - IRQ_LINES];
    if (route->set && route->core == my_core_id)
        deliver(route->vector);
    else if (route->set)
        plat_notify(route->core, NOTIFY_IRQ_FIRST + route->vector);
}

void irq_init(void)
{
    notify_irq = take;
}

static errval_t find_endpoint(const struct invocation *inv, struct cte **endpoint)
{
    errval_t err = cspace_lookup(inv->root, (capaddr_t)inv->args->irq.cptr,
                                 (unsigned)inv->args->irq.level, endpoint);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_IRQ_LOOKUP_EP);
    return (*endpoint)->cap.type == ObjType_EndPointLMP ? cap_may_copy(*endpoint)
                                                        : SYS_ERR_IRQ_NOT_ENDPOINT;
}

static void connect(uint64_t vector, struct cte *endpoint)
{
    if (endpoints[vector].cap.type != ObjType_Null)
        cap_delete_now(&endpoints[vector]);
    cap_copy_to(&endpoints[vector], endpoint);
}

/* ---- IRQTable: the vectors of this core ---- */

static errval_t find_free(uint64_t *vector)
{
    if (allocated == UINT64_MAX)
        return SYS_ERR_IRQ_NO_FREE_VECTOR;
    *vector = (uint64_t)__builtin_ctzll(~allocated);
    return SYS_ERR_OK;
}

static struct sysret table_alloc(void)
{
    uint64_t vector;
    errval_t err = find_free(&vector);
    if (err_is_fail(err))
        return SYSRET(err);
    allocated |= 1ull << vector;
    return SYSRET_VALUE(vector);
}

static struct sysret table_alloc_dest(const struct invocation *inv)
{
    const __typeof__(inv->args->alloc_dest) *a = &inv->args->alloc_dest;
    struct cte *dest;
    uint64_t vector;
    errval_t err = cspace_empty_slot(inv->root, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                     a->dest_slot, &dest);
    if (err_is_ok(err))
        err = find_free(&vector);
    if (err_is_fail(err))
        return SYSRET(err);
    struct capability cap = { .type = ObjType_IRQDest, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.irqdest.coreid = my_core_id;
    cap.u.irqdest.vector = vector;
    allocated |= 1ull << vector;
    cap_insert_new(dest, &cap, my_core_id);
    return SYSRET_VALUE(vector);
}

static errval_t check_vector(uint64_t vector)
{
    return vector < IRQ_LINES && (allocated >> vector & 1) ? SYS_ERR_OK
                                                           : SYS_ERR_IRQ_INVALID_VECTOR;
}

static struct sysret table_set(const struct invocation *inv)
{
    struct cte *endpoint;
    errval_t err = check_vector(inv->args->irq.number);
    if (err_is_ok(err))
        err = find_endpoint(inv, &endpoint);
    if (err_is_ok(err))
        connect(inv->args->irq.number, endpoint);
    return SYSRET(err);
}

static struct sysret table_delete(const struct invocation *inv)
{
    const uint64_t vector = inv->args->irq.number;
    errval_t err = check_vector(vector);
    if (err_is_fail(err))
        return SYSRET(err);
    if (endpoints[vector].cap.type != ObjType_Null)
        cap_delete_now(&endpoints[vector]);
    allocated &= ~(1ull << vector);
    return SYSRET(err);
}

static struct sysret table_invoke(struct cte *cte, const struct invocation *inv)
{
    (void)cte;
    switch (inv->command) {
    case IRQTableCmd_Alloc:
        return table_alloc();
    case IRQTableCmd_AllocDestCap:
        return table_alloc_dest(inv);
    case IRQTableCmd_Set:
        return table_set(inv);
    case IRQTableCmd_Delete:
        return table_delete(inv);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

/* ---- IRQDest ---- */

static struct sysret dest_connect(const struct capability *dest, const struct invocation *inv)
{
    struct cte *endpoint;
    if (dest->u.irqdest.coreid != my_core_id)
        return SYSRET(SYS_ERR_IRQ_WRONG_CORE);
    errval_t err = check_vector(dest->u.irqdest.vector);
    if (err_is_ok(err))
        err = find_endpoint(inv, &endpoint);
    if (err_is_ok(err))
        connect(dest->u.irqdest.vector, endpoint);
    return SYSRET(err);
}

static struct sysret dest_invoke(struct cte *cte, const struct invocation *inv)
{
    switch (inv->command) {
    case IRQDestCmd_Connect:
        return dest_connect(&cte->cap, inv);
    case IRQDestCmd_GetVector:
        return SYSRET_VALUE(cte->cap.u.irqdest.vector);
    case IRQDestCmd_GetCpu:
        return SYSRET_VALUE(cte->cap.u.irqdest.coreid);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

static errval_t check_dest(struct capability *cap)
{
    return cap->u.irqdest.coreid < boot_info->topology.core_count &&
                   cap->u.irqdest.vector < IRQ_LINES
               ? SYS_ERR_OK
               : SYS_ERR_INVARGS_SYSCALL;
}

/* ---- IRQSrc: lines of this core ---- */

static errval_t check_line(const struct capability *src, uint64_t line)
{
    return line >= src->u.irqsrc.vec_start && line - src->u.irqsrc.vec_start < src->u.irqsrc.count
               ? SYS_ERR_OK
               : SYS_ERR_IRQ_INVALID_LINE;
}

static struct sysret source_route(const struct capability *src, const struct invocation *inv)
{
    const __typeof__(inv->args->irq) *a = &inv->args->irq;
    struct cte *dest;
    errval_t err = check_line(src, a->number);
    if (err_is_fail(err))
        return SYSRET(err);
    if (a->cptr == 0) {
        routes[a->number] = (struct route){ .set = false };
        return SYSRET(err);
    }
    err = cspace_lookup(inv->root, (capaddr_t)a->cptr, (unsigned)a->level, &dest);
    if (err_is_fail(err))
        return SYSRET(err_push(err, SYS_ERR_IRQ_LOOKUP_DEST));
    if (dest->cap.type != ObjType_IRQDest)
        return SYSRET(SYS_ERR_IRQ_NOT_IRQ_TYPE);
    if (!notify_reaches((coreid_t)dest->cap.u.irqdest.coreid))
        return SYSRET(SYS_ERR_IRQ_WRONG_CORE); /* interrupts are not passed on */
    routes[a->number] = (struct route){ .core = (coreid_t)dest->cap.u.irqdest.coreid,
                                        .vector = (uint8_t)dest->cap.u.irqdest.vector,
                                        .set = true };
    return SYSRET(err);
}

static struct sysret source_raise(const struct capability *src, const struct invocation *inv)
{
    errval_t err = check_line(src, inv->args->irq.number);
    if (err_is_ok(err))
        plat_notify(my_core_id, NOTIFY_IRQ_FIRST + IRQ_LINES + (uint32_t)inv->args->irq.number);
    return SYSRET(err);
}

static struct sysret source_invoke(struct cte *cte, const struct invocation *inv)
{
    const struct capability *src = &cte->cap;
    switch (inv->command) {
    case IRQSrcCmd_GetVecStart:
        return SYSRET_VALUE(src->u.irqsrc.vec_start);
    case IRQSrcCmd_GetVecEnd:
        return SYSRET_VALUE(src->u.irqsrc.vec_start + src->u.irqsrc.count - 1);
    case IRQSrcCmd_Route:
        return source_route(src, inv);
    case IRQSrcCmd_Raise:
        return source_raise(src, inv);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

const struct cap_ops irqtable_ops = { .invoke = table_invoke };
const struct cap_ops irqdest_ops = { .invoke = dest_invoke, .check_wire = check_dest };
const struct cap_ops irqsrc_ops = { .invoke = source_invoke }; /* its lines end on this core */
