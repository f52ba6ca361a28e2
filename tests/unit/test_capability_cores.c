/* SPDX-License-Identifier: MIT
 *
 * Capabilities of several cores against a naive model: what programs on three cores do with RAM,
 * frames and page tables by whim, with the real CPU drivers and monitors
 * (tests/capabilities/cores.h).
 *
 * To the model there are no cores but for where a slot lies: one flat list of slots.  A retype of
 * RAM succeeds if nobody anywhere has anything of the range but what the source is made of; a
 * revoke takes from everybody what is equal or made of it; RAM may be used wherever one has it.
 * After each operation all slots of all cores are compared, and the rules for all cores' databases
 * are checked, as the machine does it (capability_rules.c).  Some operations cross: one begins on
 * another core while the first waits for its monitor.  Then all must be as if one had come after
 * the other, in either order, and one that is refused has done nothing.  So owners, copies, moves, pieces and
 * witnesses are there to make this true, and nothing here knows of them.
 *
 * A core may die, at any moment of an operation.  Then what is under way ends, and when the others
 * have dropped what they had of it all memory comes back.
 *
 * Operations come in sequences, each from a seed and in a process of its own; a failing one is
 * shrunk until no single operation can be left out.  CAPABILITY_OPERATIONS, CAPABILITY_SEED.
 */
/* link: tests/capabilities/cores.c */
#include <barrelfish_kpi/capabilities.h>
#include <criterion/criterion.h>
#include <errors/errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../capabilities/cores.h"
#include "capability_model.h"
#include "shrink.h"

#define SEQUENCE 400
#define SHORT_SEQUENCE 60 /* to a death */
#define GUARD_S 4
/* ---- operations ---- */

struct outcome {
    size_t at;
    unsigned count[KINDS], refused, claims, moves, crossings;
    char message[240];
};
static struct outcome *outcome;

static bool __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(outcome->message, sizeof(outcome->message), format, args);
    va_end(args);
    return false;
}

static bool expect_ok(const char *what, uint64_t err)
{
    return err_is_ok(err) || wrong("%s: error %lu, the model says that it succeeds", what,
                                   (unsigned long)err_no(err));
}

/* What there is now: rights, and generations of what was made. */
static void learn(unsigned core, unsigned slot)
{
    if (!seen_in_slot(core, slot, &model[core][slot]))
        model[core][slot] = (struct seen){ 0 };
}

static bool do_copy(const struct operation *op)
{
    if (!expect_ok("copy", program_copy(op->core, op->slot, op->to_slot)))
        return false;
    model[op->core][op->to_slot] = model[op->core][op->slot];
    crossed[op->core][op->to_slot] = crossed[op->core][op->slot];
    return true;
}

static bool do_delete(const struct operation *op)
{
    if (op->core == 0 && op->slot == 0)
        return true; /* all would end */
    model[op->core][op->slot] = (struct seen){ 0 };
    return expect_ok("delete", program_delete(op->core, op->slot));
}

/* What is to be made, with its offset in `base`; false: nothing can be. */
static bool choose_part(const struct operation *op, struct seen *part)
{
    const struct seen *source = &model[op->core][op->slot];
    if (is_table(source) || source->generation > 250)
        return false;
    const uint64_t pages = source->bytes / PAGE, first = op->first % pages;
    *part = (struct seen){ .base = first * PAGE,
                           .bytes = (1 + op->pages % (pages - first)) * PAGE,
                           .type = source->type };
    if (source->type == ObjType_RAM) {
        static const uint8_t types[] = { ObjType_RAM, ObjType_Frame, ObjType_Frame,
                                         ObjType_VNode_x86_64_ptable };
        part->type = types[op->type % 4];
    }
    if (is_table(part))
        part->bytes = PAGE;
    return true;
}

static bool do_retype(const struct operation *op)
{
    const struct seen source = model[op->core][op->slot];
    struct seen part;
    if (!choose_part(op, &part))
        return true;
    const uint64_t offset = part.base, bytes = part.bytes;
    const unsigned type = part.type;
    const bool in_use = model_in_use(op, source.base + offset, bytes);
    const bool may_fail = model_may_refuse(op);
    uint64_t err = program_retype(op->core, op->slot, op->to_slot, offset, type, bytes);
    /* a core that has only kept something for others says that it is in use until it has asked
     * them */
    for (unsigned i = 0; err_is_fail(err) && !in_use && !may_fail && i < CORES * CORES; i++) {
        program_release_unused(i % CORES);
        err = program_retype(op->core, op->slot, op->to_slot, offset, type, bytes);
    }
    if (in_use && err_is_ok(err))
        return wrong("retype succeeds, and somebody uses the memory");
    if (err_is_fail(err)) {
        outcome->refused++;
        return (in_use || may_fail) && err_no(err) == SYS_ERR_REVOKE_FIRST
                   ? true
                   : wrong("retype: error %lu, %s", (unsigned long)err_no(err),
                           in_use ? "and not SYS_ERR_REVOKE_FIRST" : "but nobody uses the memory");
    }
    outcome->claims += source.owner != op->core && source.type == ObjType_RAM;
    crossed[op->core][op->to_slot] = crossed[op->core][op->slot] || source.owner != op->core;
    learn(op->core, op->to_slot);
    const struct seen *made = &model[op->core][op->to_slot];
    return (made->type == type && made->base == source.base + offset && made->bytes == bytes &&
            is_made_of(made, &source)) ||
           wrong("retype makes something else");
}

static bool do_revoke(struct operation *op)
{
    if (is_equal(&model[op->core][op->slot], &model[0][0]))
        op->core = op->slot = 0; /* by a copy of it the RAM of all would go */
    const uint64_t err = program_revoke(op->core, op->slot);
    if (!(model[op->core][op->slot].rights & CAPRIGHTS_REVOKE))
        return err_no(err) == SYS_ERR_CAP_RIGHTS || wrong("revoke without the right");
    if (!expect_ok("revoke", err))
        return false;
    model_revoke(model, op);
    return true;
}

/* Parts that two cores have made of one frame may lie across each other, but not on one core. */
static bool lies_across(const struct seen *cap, unsigned core)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct seen *other = &model[core][slot];
        if (is_full(other) && overlaps(other, cap->base, cap->bytes) && !is_equal(cap, other) &&
            !is_made_of(cap, other) && !is_made_of(other, cap))
            return true;
    }
    return false;
}

static bool do_send(const struct operation *op, bool given)
{
    const struct seen before = model[op->core][op->slot];
    const uint64_t err = program_send(op->core, op->slot, given, op->to_core, op->to_slot);
    /* its owner has parts that lie across this one, or keeps them for others */
    const bool by_owner = before.owner != op->core;
    const bool refused = before.type == ObjType_Frame && err_no(err) == SYS_ERR_REVOKE_FIRST &&
                         (by_owner || lies_across(&before, op->to_core));
    if (!refused && !expect_ok("send", err))
        return false;
    if (given)
        model[op->core][op->slot] = (struct seen){ 0 };
    if (refused)
        return true;
    crossed[op->to_core][op->to_slot] = true;
    learn(op->to_core, op->to_slot);
    outcome->moves += model[op->to_core][op->to_slot].owner != before.owner;
    return is_equal(&model[op->to_core][op->to_slot], &before) ||
           wrong("what arrives is something else");
}

static bool aloud; /* says what is done */

static void print(const struct operation *op)
{
    static const char *const names[KINDS] = { "copy", "delete", "retype", "revoke",
                                              "lend", "give",   "release" };
    const struct seen *cap = &model[op->core][op->slot];
    printf("    %s(core %u, slot %u: type %u, 0x%lx+0x%lx of core %u; to core %u, slot %u; "
           "page %u, pages %u, type %u)\n",
           names[op->kind], op->core, op->slot, cap->type, cap->base, cap->bytes, cap->owner,
           op->to_core, op->to_slot, op->first, op->pages, op->type);
    fflush(stdout); /* it may be the last one */
}

/* The next full slot of any core, and the next empty one of the core it goes to.  So all operations
 * do something, and any part of a sequence is a sequence.  False: there is no room. */
static bool aim(struct operation *op)
{
    unsigned at = op->core * SLOTS + op->slot;
    while (!is_full(&model[at / SLOTS][at % SLOTS]))
        at = (at + 1) % (CORES * SLOTS);
    op->core = (uint8_t)(at / SLOTS);
    op->slot = (uint8_t)(at % SLOTS);
    if (op->kind != LEND && op->kind != GIVE)
        op->to_core = op->core;
    else if (op->to_core == op->core)
        op->to_core = (uint8_t)(op->core + 1) % CORES;
    if (op->kind == GIVE && op->core == 0 && op->slot == 0)
        op->kind = LEND; /* else all would end */
    for (unsigned i = 0; i < SLOTS; i++, op->to_slot = (uint8_t)(op->to_slot + 1) % SLOTS)
        if (!is_full(&model[op->to_core][op->to_slot]))
            return true;
    return op->kind == DELETE || op->kind == REVOKE_IT;
}

static bool act(const struct operation *given)
{
    struct operation op = *given;
    cores_random = op.order;
    outcome->count[op.kind]++;
    if (op.kind == RELEASE) {
        program_release_unused(op.core);
        return true;
    }
    if (!aim(&op))
        return true;
    if (aloud)
        print(&op);
    switch (op.kind) {
    case COPY:
        return do_copy(&op);
    case DELETE:
        return do_delete(&op);
    case RETYPE_IT:
        return do_retype(&op);
    case REVOKE_IT:
        return do_revoke(&op);
    default:
        return do_send(&op, op.kind == GIVE);
    }
}

/* ---- two at once ---- */

static struct crossing {
    struct operation op;
    struct seen part; /* of a retype */
    uint64_t err;
    bool done;
} pair[2];

static unsigned asks_on(const struct operation *op)
{
    return op->kind == LEND || op->kind == GIVE ? op->to_core : op->core;
}

/* Only what asks a monitor can be crossed; and no program ends what its own other request shows, or
 * asks twice at once. */
static bool may_cross(const struct operation *a, const struct operation *b)
{
    const bool first = a->kind >= RETYPE_IT && a->kind <= GIVE, second = b->kind <= GIVE;
    return first && second && asks_on(a) != asks_on(b) &&
           (a->core != b->core || a->slot != b->slot) &&
           (a->to_core != b->to_core || a->to_slot != b->to_slot) &&
           !(b->kind == DELETE && b->core == 0 && b->slot == 0);
}

static void perform(struct crossing *c)
{
    const struct operation *op = &c->op;
    c->done = true;
    switch (op->kind) {
    case COPY:
        c->err = program_copy(op->core, op->slot, op->to_slot);
        break;
    case DELETE:
        c->err = program_delete(op->core, op->slot);
        break;
    case RETYPE_IT:
        c->err = program_retype(op->core, op->slot, op->to_slot, c->part.base, c->part.type,
                                c->part.bytes);
        break;
    case REVOKE_IT:
        c->err = program_revoke(op->core, op->slot);
        break;
    default:
        c->err = program_send(op->core, op->slot, op->kind == GIVE, op->to_core, op->to_slot);
    }
}

static void perform_second(void)
{
    perform(&pair[1]);
}

/* Whether it can have been so, and what is there then.  What was given away is gone in any case. */
static bool apply(struct seen slots[CORES][SLOTS], const struct crossing *c)
{
    const struct operation *op = &c->op;
    struct seen *source = &slots[op->core][op->slot], *to = &slots[op->to_core][op->to_slot];
    if (err_is_fail(c->err)) {
        if (op->kind == GIVE)
            *source = (struct seen){ 0 };
        return true;
    }
    if (!is_full(source))
        return op->kind == DELETE;
    switch (op->kind) {
    case REVOKE_IT:
        model_revoke(slots, op);
        return true;
    case RETYPE_IT: {
        struct seen there;
        *to = c->part;
        to->base += source->base;
        if (to->type == source->type)
            to->generation = (uint8_t)(source->generation + 1);
        if (seen_in_slot(op->to_core, op->to_slot, &there))
            to->generation = there.generation;
        return true;
    }
    case DELETE:
        break;
    default:
        *to = *source;
    }
    if (op->kind == DELETE || op->kind == GIVE)
        *source = (struct seen){ 0 };
    return true;
}

static bool is_so(struct seen slots[CORES][SLOTS])
{
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            struct seen there;
            const bool full = seen_in_slot(core, slot, &there);
            if (full != is_full(&slots[core][slot]) ||
                (full && !is_equal(&there, &slots[core][slot])))
                return false;
        }
    return true;
}

/* As if `first` had come before the other. */
static bool explains(unsigned first)
{
    struct seen slots[CORES][SLOTS];
    memcpy(slots, model, sizeof(slots));
    return apply(slots, &pair[first]) && apply(slots, &pair[1 - first]) && is_so(slots);
}

static bool is_refusal(uint64_t err)
{
    switch (err_no(err)) {
    case SYS_ERR_OK:
    case SYS_ERR_REVOKE_FIRST:
    case SYS_ERR_CAP_NOT_FOUND:
    case SYS_ERR_SOURCE_CAP_LOOKUP:
    case SYS_ERR_CAP_LOCKED:
    case SYS_ERR_CAP_RIGHTS:
    case MON_ERR_REMOTE_CAP_RETRY:
        return true;
    default:
        return false;
    }
}

/* False: they do not cross, and nothing was done. */
static bool act_at_once(const struct operation *ops, bool *fine)
{
    for (unsigned i = 0; i < 2; i++) {
        pair[i] = (struct crossing){ .op = ops[i] };
        struct operation *op = &pair[i].op;
        if (op->kind == RELEASE || !aim(op) ||
            (op->kind == RETYPE_IT && !choose_part(op, &pair[i].part)))
            return false;
        if (op->kind == REVOKE_IT && is_equal(&model[op->core][op->slot], &model[0][0]))
            return false;
    }
    if (!may_cross(&pair[0].op, &pair[1].op))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        outcome->count[pair[i].op.kind]++;
        if (aloud)
            print(&pair[i].op);
    }
    cores_random = ops->order;
    cores_meanwhile = perform_second;
    perform(&pair[0]);
    cores_meanwhile = NULL;
    outcome->crossings += pair[1].done;
    if (!pair[1].done)
        perform(&pair[1]);
    for (unsigned i = 0; i < 2; i++)
        outcome->refused += err_is_fail(pair[i].err);
    *fine = (is_refusal(pair[0].err) && is_refusal(pair[1].err) && (explains(0) || explains(1))) ||
            wrong("two that cross, with errors %lu and %lu, do not follow each other",
                  (unsigned long)err_no(pair[0].err), (unsigned long)err_no(pair[1].err));
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            learn(core, slot);
            crossed[core][slot] = true;
        }
    return true;
}

static bool agrees(void)
{
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            struct seen there;
            const struct seen *cap = &model[core][slot];
            const bool full = seen_in_slot(core, slot, &there);
            if (full != is_full(cap) || (full && !is_equal(&there, cap)))
                return wrong("core %u, slot %u: type %u 0x%lx+0x%lx, the model has type %u "
                             "0x%lx+0x%lx",
                             core, slot, full ? there.type : 0u, there.base, there.bytes, cap->type,
                             cap->base, cap->bytes);
            if (full) /* they are the cores' affair */
                model[core][slot].owner = there.owner;
        }
    const char *rule = cores_broken_rule();
    return rule == NULL || wrong("%s", rule);
}

static bool run(const struct operation *ops, size_t count)
{
    cores_start();
    memset(model, 0, sizeof(model));
    cr_assert(err_is_ok(program_retype(0, ALL_SLOTS, 0, 0, ObjType_RAM, RAM_BYTES)));
    learn(0, 0);
    for (outcome->at = 0; outcome->at < count; outcome->at++) {
        const struct operation *op = &ops[outcome->at];
        bool fine = true;
        if (op->crosses && outcome->at + 1 < count && act_at_once(op, &fine))
            outcome->at++;
        else
            fine = act(op);
        if (!fine || !agrees())
            return false;
    }
    return true;
}

/* ---- a core's death ---- */

static unsigned dying;

static void die(void)
{
    core_dies(dying);
}

/* All programs that live end. */
static void delete_all(void)
{
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = core == 0; slot < SLOTS; slot++) {
            struct seen there;
            if (core_lives(core) && seen_in_slot(core, slot, &there))
                program_delete(core, slot);
        }
    programs_end();
}

static void release_all(void)
{
    for (unsigned i = 0; i < CORES * CORES; i++)
        if (core_lives(i % CORES))
            program_release_unused(i % CORES);
}

static bool all_comes_back(void)
{
    uint64_t err = program_revoke(0, 0);
    if (err_is_fail(err) && err_no(err) != MON_ERR_NO_MONITOR_FOR_CORE)
        return wrong("revoke after a death: error %lu", (unsigned long)err_no(err));
    const char *rule = cores_broken_rule();
    if (rule != NULL)
        return wrong("after a death: %s", rule);
    delete_all();
    bool given_up = false;
    for (unsigned i = 0; i < CORES && !given_up; i++) { /* as the monitors look again and again */
        release_all();
        given_up = core_is_given_up(dying);
    }
    if (!given_up)
        return wrong("somebody has something of a dead core for ever");
    if (!expect_ok("revoke when all is given up", program_revoke(0, 0)))
        return false;
    release_all();
    return expect_ok("retype of what has come back",
                     program_retype(0, 0, 1, 0, ObjType_Frame, RAM_BYTES));
}

/* In the last operation. */
static bool run_to_a_death(const struct operation *ops, size_t count)
{
    if (count == 0)
        return true;
    if (!run(ops, count - 1))
        return false;
    pair[0] = (struct crossing){ .op = ops[count - 1] };
    struct operation *op = &pair[0].op;
    dying = 1 + op->order % (CORES - 1);
    bool does = op->kind != RELEASE && aim(op);
    if (does && op->kind == RETYPE_IT)
        does = choose_part(op, &pair[0].part);
    if (does && (op->kind == DELETE || op->kind == REVOKE_IT)) /* else all would end */
        does = !is_equal(&model[op->core][op->slot], &model[0][0]);
    if (does) {
        if (aloud) {
            print(op);
            printf("    core %u dies\n", dying);
        }
        cores_random = op->order;
        cores_meanwhile = die;
        perform(&pair[0]);
        outcome->crossings += cores_meanwhile == NULL;
    }
    cores_meanwhile = NULL;
    if (core_lives(dying))
        die();
    return all_comes_back();
}

/* ---- sequences ---- */

static bool (*run_all)(const struct operation *ops, size_t count) = run;

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void random_operations(struct operation *ops, size_t count, uint64_t seed)
{
    static const uint8_t kinds[] = { COPY,      COPY,      DELETE,    DELETE,    DELETE,
                                     RETYPE_IT, RETYPE_IT, RETYPE_IT, RETYPE_IT, RETYPE_IT,
                                     LEND,      LEND,      LEND,      LEND,      GIVE,
                                     GIVE,      GIVE,      RELEASE,   REVOKE_IT };
    for (struct operation *op = ops; op < ops + count; op++) {
        const uint64_t r = mix(&seed), more = mix(&seed);
        *op = (struct operation){ .kind = kinds[r % sizeof(kinds)],
                                  .core = (uint8_t)(r >> 8 & 0xff) % CORES,
                                  .slot = (uint8_t)(r >> 16 & 0xff) % SLOTS,
                                  .to_core = (uint8_t)(r >> 24 & 0xff) % CORES,
                                  .to_slot = (uint8_t)(r >> 32 & 0xff) % SLOTS,
                                  .first = (uint8_t)(r >> 40),
                                  .pages = (uint8_t)(more & 3),
                                  .type = (uint8_t)(more >> 8),
                                  .crosses = (more >> 24 & 1) != 0,
                                  .order = more };
        if (op->kind == REVOKE_IT && op->core == 0 && op->slot == 0 && more >> 20 & 3)
            op->slot = 1;        /* all begins anew too often */
        else if (more >> 20 & 1) /* few, so that there is something there */
            op->slot %= 8;
    }
}

/* In a process of its own: the copies cannot be made anew. */
static bool fails(const struct operation *ops, size_t count, bool loud)
{
    fflush(NULL);
    outcome->message[0] = '\0';
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        const int null = open("/dev/null", O_WRONLY);
        if (!loud && null >= 0)
            dup2(null, STDERR_FILENO);
        setrlimit(RLIMIT_CPU, &(struct rlimit){ .rlim_cur = GUARD_S, .rlim_max = GUARD_S });
        aloud = loud;
        const bool fine = run_all(ops, count);
        fflush(stdout);
        _exit(fine ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (status != 0 && outcome->message[0] == '\0')
        wrong("crash, sanitizer report or hang (wait status 0x%x)", (unsigned)status);
    return status != 0;
}

static bool fails_quietly(const void *ops, size_t count)
{
    return fails(ops, count, false);
}

static size_t shrink_failing(struct operation *ops)
{
    const size_t failing = outcome->at + 1;
    return shrink(ops, failing < SEQUENCE ? failing : SEQUENCE, sizeof(*ops), fails_quietly);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

static void share_outcome(void)
{
    outcome =
        mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(outcome, MAP_FAILED);
}

TestSuite(capability_cores, .init = share_outcome);

Test(capability_cores, programs_on_three_cores_see_one_list_of_capabilities, .timeout = 7200)
{
    static struct operation ops[SEQUENCE];
    const uint64_t operations = number("CAPABILITY_OPERATIONS", 20000);
    uint64_t seed = number("CAPABILITY_SEED", 1);
    for (uint64_t done = 0; done < operations; done += SEQUENCE, seed++) {
        random_operations(ops, SEQUENCE, seed);
        if (!fails(ops, SEQUENCE, false))
            continue;
        const size_t left = shrink_failing(ops);
        printf("CAPABILITY_SEED %lu fails, in %zu operations:\n", seed, left);
        const bool still = fails(ops, left, true);
        printf("  %s\n", still ? outcome->message : "it does not fail every time");
        fflush(stdout);
        cr_assert(false, "%s", outcome->message);
        return;
    }
    cr_log_info("%u refused, %u claims, %u moves, %u cross", outcome->refused, outcome->claims,
                outcome->moves, outcome->crossings);
    /* random operations prove nothing about what they never do */
    for (unsigned kind = 0; kind < KINDS; kind++)
        cr_assert_gt(outcome->count[kind], operations / 100, "kind %u: %u", kind,
                     outcome->count[kind]);
    cr_assert_gt(outcome->refused, operations / 400, "%u refused", outcome->refused);
    cr_assert_gt(outcome->claims, operations / 400, "%u claims", outcome->claims);
    cr_assert_gt(outcome->moves, operations / 1000, "%u moves", outcome->moves);
    cr_assert_gt(outcome->crossings, operations / 100, "%u cross", outcome->crossings);
}

Test(capability_cores, all_memory_comes_back_after_a_death, .timeout = 7200)
{
    static struct operation ops[SHORT_SEQUENCE];
    const uint64_t deaths = number("CAPABILITY_DEATHS", 200);
    run_all = run_to_a_death;
    for (uint64_t seed = 1; seed <= deaths; seed++) {
        random_operations(ops, SHORT_SEQUENCE, seed);
        if (!fails(ops, SHORT_SEQUENCE, false))
            continue;
        const size_t left = shrink(ops, SHORT_SEQUENCE, sizeof(*ops), fails_quietly);
        printf("seed %lu fails, in %zu operations:\n", seed, left);
        fails(ops, left, true);
        cr_assert(false, "%s", outcome->message);
        return;
    }
    cr_assert_gt(outcome->crossings, deaths / 8, "%u in the middle of something",
                 outcome->crossings);
}

/* Cores that say that they do not use what they have. */
Test(capability_cores, a_planted_fault_is_found_and_shrunk, .timeout = 600)
{
    static struct operation ops[SEQUENCE];
    cores_lie = true;
    uint64_t seed = 1;
    for (;; seed++) {
        cr_assert_lt(seed, 20, "nothing is found");
        random_operations(ops, SEQUENCE, seed);
        if (fails(ops, SEQUENCE, false))
            break;
    }
    const size_t left = shrink_failing(ops);
    cr_assert_leq(left, 6, "%zu operations are left", left);
    cr_assert(fails(ops, left, false));
    cores_lie = false;
    cr_assert_not(fails(ops, left, false), "it is the planted fault that is found");
}
