/* SPDX-License-Identifier: MIT
 *
 * One monitor among several in a process, as far as capabilities go: what kept.c, capops.c and
 * parcel.c ask of the rest of the monitor, and of the library.
 */
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/monitor/mouths/peers.h"
#include "../../guest/user/monitor/mouths/reply.h"
#include "../../guest/user/monitor/parts/kept.h"
#include "../../guest/user/monitor/parts/parts.h"
#include "cores.h"

static struct abi_boot boot;
const struct abi_boot *boot_info = &boot;
coreid_t my_core;
uint32_t my_incarnation;
struct account_book accounts;

extern const struct kernel_copy *const kernels[CORES];

/* ---- slots and capabilities ---- */

static bool used[ALL_SLOTS];

static struct capref slot_ref(unsigned slot)
{
    return (struct capref){ .cnode = CNODE_L2(ROOTCN_SLOT_SLOT_ALLOC0), .slot = slot };
}

errval_t slot_alloc(struct capref *ret)
{
    unsigned slot = DOMAIN_SLOTS;
    while (slot < ALL_SLOTS && used[slot])
        slot++;
    if (slot == ALL_SLOTS)
        abort();
    used[slot] = true;
    *ret = slot_ref(slot);
    return SYS_ERR_OK;
}

errval_t slot_free(struct capref ref)
{
    struct seen seen;
    if (!used[ref.slot] || kernels[my_core]->in_slot(ref.slot, &seen))
        abort();
    used[ref.slot] = false;
    return SYS_ERR_OK;
}

static char buffer[64] __attribute__((aligned(8)));

static char frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)frame;
}

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    (void)handle;
    return buffer;
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    struct sysret result;
    uint64_t value;
    (void)rdx;
    result.error = kernels[my_core]->call(rsi >> 32, rsi >> 16 & 0xff, words, buffer, &value);
    result.value = value;
    return result;
}

errval_t cap_destroy(struct capref ref)
{
    errval_t err = cap_delete(ref);
    return err_is_ok(err) ? slot_free(ref) : err;
}

/* What has been revoked is gone already. */
void drop_cap(struct capref cap)
{
    if (capref_is_null(cap) || cap.slot < DOMAIN_SLOTS)
        return;
    errval_t err = cap_delete(cap);
    if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND)
        abort();
    slot_free(cap);
}

errval_t copy_cap(struct capref cap, struct capref *ret)
{
    errval_t err = slot_alloc(ret);
    if (err_is_ok(err))
        err = cap_copy(*ret, cap);
    if (err_is_fail(err))
        slot_free(*ret);
    return err;
}

errval_t remote_cap(const struct capability *cap, coreid_t owner, struct capref *ret)
{
    errval_t err = slot_alloc(ret);
    if (err_is_ok(err))
        err = invoke_kernel_create_cap(cap_kernel, cap, *ret, owner);
    if (err_is_ok(err))
        return err;
    slot_free(*ret);
    *ret = NULL_CAP;
    return err;
}

enum cap_travel cap_travel(const struct capability *cap)
{
    static const uint8_t how[ObjType_Num] = {
#define CAP_TRAVEL(name, how) [ObjType_##name] = TRAVEL_##how,
#include <barrelfish_kpi/caps.def>
    };
    return (enum cap_travel)how[cap->type];
}

bool names_memory(const struct capability *cap)
{
    return cap->u.mem.bytes != 0;
}

static bool all_live(void)
{
    unsigned core = 0;
    while (core < CORES && core_lives(core))
        core++;
    return core == CORES;
}

/* What the monitor only says on the console must not happen here, but for what it cannot delete
 * since a core that has died owned something in it. */
void debug_err(const char *file, const char *func, int line, errval_t err, const char *msg, ...)
{
    fprintf(stderr, "core %u: %s:%d %s: error %lu: %s\n", my_core, file, line, func,
            (unsigned long)err_no(err), msg);
    if (err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR || all_live())
        abort();
}

/* ---- accounts: all are rich ---- */

errval_t account_charge(struct account *account, unsigned kind, uint32_t units,
                        struct account_slip *slip)
{
    (void)account, (void)kind, (void)units;
    *slip = (struct account_slip){ 0 };
    return SYS_ERR_OK;
}

errval_t accounts_charge(domainid_t domain, unsigned kind, uint32_t units,
                         struct account_slip *slip)
{
    (void)domain;
    return account_charge(NULL, kind, units, slip);
}

void account_refund(struct account_slip *slip)
{
    (void)slip;
}

bool account_holds(const struct account_book *book, domainid_t domain, unsigned kind)
{
    (void)book, (void)domain, (void)kind;
    return false;
}

domainid_t monitor_of(coreid_t core)
{
    return core + 1u;
}

systime_t get_system_time(void)
{
    return 0;
}

/* ---- events ---- */

static struct event_closure events[4];
static unsigned event_count;

struct waitset *get_default_waitset(void)
{
    return NULL;
}

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    (void)chan, (void)type;
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    (void)ws, (void)chan;
    if (event_count == 4)
        abort();
    events[event_count++] = closure;
    return SYS_ERR_OK;
}

static bool run_event(void)
{
    if (event_count == 0)
        return false;
    const struct event_closure event = events[0];
    memmove(events, events + 1, --event_count * sizeof(events[0]));
    event.handler(event.arg);
    return true;
}

/* ---- messages ---- */

bool peer_is_connected(unsigned core)
{
    return core < CORES && core_lives(core);
}

bool core_is_dead(coreid_t core)
{
    return !core_lives(core);
}

static void send(coreid_t to, struct message m, const struct capability *cap)
{
    _Static_assert(sizeof(m.cap) == sizeof(*cap), "a capability as it travels");
    if (cap != NULL)
        memcpy(m.cap, cap, sizeof(*cap));
    cores_send(my_core, to, &m);
}

void peer_send_fetch_cap_request(coreid_t core, uint64_t ticket)
{
    send(core, (struct message){ .kind = FETCH_REQUEST, .ticket = ticket }, NULL);
}

void peer_send_release_cap_request(coreid_t core, uint64_t ticket)
{
    send(core, (struct message){ .kind = RELEASE_REQUEST, .ticket = ticket }, NULL);
}

void peer_send_release_cap_reply(coreid_t core, uint64_t ticket, bool unused)
{
    send(core, (struct message){ .kind = RELEASE_REPLY, .ticket = ticket, .yes = unused }, NULL);
}

void peer_send_fetch_cap_reply(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *cap, coreid_t owner, bool moved)
{
    send(core,
         (struct message){
             .kind = FETCH_REPLY, .ticket = ticket, .err = err, .core = owner, .yes = moved },
         cap);
}

void peer_send_request_copy(coreid_t owner, coreid_t to, uint64_t ticket,
                            const struct capability *cap)
{
    send(owner, (struct message){ .kind = REQUEST_COPY, .ticket = ticket, .core = to }, cap);
}

void peer_send_request_retype(coreid_t owner, uint64_t ticket, const struct capability *source,
                              genpaddr_t base, gensize_t bytes)
{
    send(owner,
         (struct message){ .kind = REQUEST_RETYPE, .ticket = ticket, .base = base, .bytes = bytes },
         source);
}

void peer_send_retype_response(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *piece)
{
    send(core, (struct message){ .kind = RETYPE_RESPONSE, .ticket = ticket, .err = err }, piece);
}

void peer_send_revoke_mark(coreid_t core, uint64_t ticket, const struct capability *range)
{
    send(core, (struct message){ .kind = REVOKE_MARK, .ticket = ticket }, range);
}

void peer_send_revoke_done(coreid_t core, uint64_t ticket, enum revoke_outcome outcome)
{
    send(core,
         (struct message){ .kind = REVOKE_DONE, .ticket = ticket, .outcome = (uint8_t)outcome },
         NULL);
}

/* As doors/monitors.c does it. */
static void deliver(unsigned sender, const struct message *m)
{
    const coreid_t from = (coreid_t)sender;
    struct capability cap;
    memcpy(&cap, m->cap, sizeof(cap));
    switch (m->kind) {
    case FETCH_REQUEST:
        parcel_fetch(from, m->ticket);
        break;
    case FETCH_REPLY:
        parcel_fetched(m->ticket, m->err, &cap, m->yes ? from : (coreid_t)m->core, m->yes);
        break;
    case RELEASE_REQUEST:
        kept_release_asked(from, m->ticket);
        break;
    case RELEASE_REPLY:
        kept_released(from, m->ticket, m->yes);
        break;
    case REQUEST_COPY:
        parcel_copy_requested(from, (coreid_t)m->core, m->ticket, &cap);
        break;
    case REQUEST_RETYPE:
        capop_claim_requested(from, m->ticket, &cap, m->base, m->bytes);
        break;
    case RETYPE_RESPONSE:
        capop_claim_answered(from, m->ticket, m->err, &cap);
        break;
    case REVOKE_MARK:
        capop_revoke_marked(from, m->ticket, &cap);
        break;
    default:
        kept_revoked(from, m->ticket, (enum revoke_outcome)m->outcome);
    }
}

/* ---- the one program of the core ---- */

static struct client program = { .state = CLIENT_CONNECTED, .domain = 1 };
static bool has_answer;
static errval_t answer;
static unsigned collect_to;

void reply_revoke(struct client *client, uint32_t token, errval_t err)
{
    (void)client, (void)token;
    has_answer = true;
    answer = err;
}

void reply_retype(struct client *client, uint32_t token, errval_t err)
{
    reply_revoke(client, token, err);
}

/* A message gives it to the domain. */
void reply_collect(struct client *client, uint32_t token, errval_t err, struct capref cap)
{
    if (err_is_ok(err))
        err = cap_copy(slot_ref(collect_to), cap);
    drop_cap(cap);
    reply_revoke(client, token, err);
}

static uint64_t deposit(unsigned slot, bool given, uint64_t *ticket)
{
    struct capref copy;
    errval_t err = copy_cap(slot_ref(slot), &copy);
    if (err_is_ok(err) && given)
        err = cap_delete(slot_ref(slot));
    return err_is_ok(err) ? parcel_deposit(&program, copy, ticket) : err;
}

static void ask(enum request request, unsigned slot, uint64_t offset, uint64_t bytes_or_ticket)
{
    has_answer = false;
    if (request == REVOKE)
        capop_revoke(&program, 1, cap_root, get_cap_addr(slot_ref(slot)), 2);
    else if (request == RETYPE)
        capop_retype(&program, 1, cap_root, get_cap_addr(slot_ref(slot)), 2, offset,
                     bytes_or_ticket);
    else {
        collect_to = slot;
        parcel_collect(&program, 1, bytes_or_ticket);
    }
}

static bool answered(uint64_t *err)
{
    *err = answer;
    return has_answer;
}

static unsigned slots_used(void)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < ALL_SLOTS; slot++)
        count += used[slot];
    return count;
}

static void program_ends(void)
{
    parcel_client_exited(&program);
    parcel_release_unused();
}

static void core_died(unsigned core)
{
    parcel_core_died((coreid_t)core);
}

static bool holds_of(unsigned core)
{
    return kept_holds_of((coreid_t)core);
}

static void core_given_up(unsigned core)
{
    kept_core_given_up((coreid_t)core);
}

static void start(unsigned core)
{
    my_core = (coreid_t)core;
    boot.seed = 1;
    boot.topology.core_count = CORES;
}

const struct monitor_copy capability_monitor = { .start = start,
                                                 .deliver = deliver,
                                                 .run_event = run_event,
                                                 .deposit = deposit,
                                                 .ask = ask,
                                                 .answered = answered,
                                                 .release_unused = kept_release_unused,
                                                 .slots_used = slots_used,
                                                 .program_ends = program_ends,
                                                 .core_died = core_died,
                                                 .holds_of = holds_of,
                                                 .core_given_up = core_given_up };
