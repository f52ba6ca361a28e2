/* SPDX-License-Identifier: MIT
 *
 * Mapping database against a naive model: random operations, invariants checked after each one.
 *
 * Operations come in sequences, each from a seed of its own and starting with an empty
 * database.  A sequence runs in a child process, so that a crash, a sanitizer report or an
 * endless loop is a failure like any other.  A failing sequence is cut after the failing
 * operation and then shrunk by delta debugging until no single operation can be left out, and
 * printed as C-like calls.  This works because an operation holds all its arguments and is
 * defined for every state: removing a slot that is not inserted must be refused, which is checked
 * too.
 *
 * There are two databases, as on each core; lock and unlock move capabilities from one to the
 * other. Ranges are power-of-two blocks aligned to their size, because these nest, as retype
 * guarantees in the kernel; the ranges asked for are arbitrary.
 *
 * Environment: MDB_OPERATIONS (number of operations, default 200000), MDB_SEED (default 1).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shrink.h"
#include "test_mdb_model.h"

#define SEQUENCE_OPERATIONS 4000
/* CPU time after which a sequence counts as hanging; it needs less than 0.1 s. */
#define FIRST_CPU_S 30
#define SHRINK_CPU_S 1
#define UNIT_BYTES 1024ull /* the smallest object, a dispatcher */
#define SPACE_UNITS 128u

enum kind {
    INSERT,
    REMOVE,
    REPLACE,
    LOCK, /* or unlock: into the other database */
    NEIGHBOURS,
    GREATER_LESS,
    COPIES,
    FOR_ADDRESS,
    FROM,
    RANGE,
    IN_USE,
    RELATIONS,
    KIND_COUNT
};

struct operation {
    enum kind kind;
    uint8_t database; /* that the operation is about, if the slot does not say it */
    int slot, other;
    struct capability cap; /* or, for queries by range, root in cap.type */
    uint64_t base, bytes;
    enum mdb_range precision;
};

/* --- one operation ---------------------------------------------------------------------------- */

/* What a child tells its parent. */
struct outcome {
    size_t at; /* index of the operation that runs */
    char message[200];
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

static bool expect(const char *what, int got, int wanted)
{
    return got == wanted || wrong("%s: got %d, the model says %d", what, got, wanted);
}

static bool do_insert(const struct operation *op)
{
    struct cte *cte = &slots[op->slot];
    enum mdb_status wanted = MDB_OK;
    uint8_t owner = (uint8_t)(op->slot + 1);
    if (present[op->slot]) {
        wanted = MDB_INSERTED_ALREADY;
    } else {
        cte->cap = op->cap;
        cte->node.owner = owner;
        cte->node.bits = (uint8_t)(op->other & ~MDB_BIT_LOCKED);
        cte->node.bits |= op->database == REMOTE ? MDB_BIT_LOCKED : 0;
        present[op->slot] = true;
        lies_in[op->slot] = op->database;
        present_count[op->database]++;
    }
    return expect("mdb_insert", (int)mdb_insert(&databases[op->database], cte), (int)wanted) &&
           expect("owner", cte->node.owner, owner);
}

static bool do_remove(const struct operation *op)
{
    struct cte *cte = &slots[op->slot];
    /* from the wrong database first: nothing changes there */
    const uint8_t right = lies_in[op->slot];
    if (!expect("mdb_remove elsewhere", (int)mdb_remove(&databases[1 - right], cte),
                MDB_NOT_INSERTED))
        return false;
    enum mdb_status wanted = present[op->slot] ? MDB_OK : MDB_NOT_INSERTED;
    present_count[right] -= present[op->slot] ? 1 : 0;
    present[op->slot] = false;
    return expect("mdb_remove", (int)mdb_remove(&databases[right], cte), (int)wanted) &&
           expect("mdb_is_inserted", mdb_is_inserted(cte), 0);
}

/* As cap_lock() and cap_unlock() do it. */
static bool do_lock(const struct operation *op)
{
    struct cte *cte = &slots[op->slot];
    if (!present[op->slot])
        return true;
    const uint8_t from = lies_in[op->slot];
    const uint8_t owner = cte->node.owner, bits = cte->node.bits;
    if (!expect("locked", (bits & MDB_BIT_LOCKED) != 0, from == REMOTE) ||
        !expect("mdb_remove", (int)mdb_remove(&databases[from], cte), MDB_OK))
        return false;
    cte->node.bits ^= MDB_BIT_LOCKED;
    lies_in[op->slot] = 1 - from;
    present_count[from]--;
    present_count[1 - from]++;
    return expect("mdb_insert", (int)mdb_insert(&databases[1 - from], cte), MDB_OK) &&
           expect("owner", cte->node.owner, owner) &&
           expect("bits", cte->node.bits, bits ^ MDB_BIT_LOCKED);
}

static bool do_replace(const struct operation *op)
{
    struct cte *from = &slots[op->slot], *to = &slots[op->other];
    enum mdb_status wanted = MDB_OK;
    if (!present[op->slot]) {
        wanted = MDB_NOT_INSERTED;
    } else if (present[op->other]) {
        wanted = MDB_INSERTED_ALREADY;
    } else {
        to->cap = from->cap;
        to->cap.rights = 0;
        present[op->slot] = false;
        present[op->other] = true;
        lies_in[op->other] = lies_in[op->slot];
    }
    struct mdb *database = &databases[lies_in[op->slot]];
    uint8_t owner = from->node.owner, bits = from->node.bits;
    if (!expect("mdb_replace", (int)mdb_replace(database, from, to), (int)wanted))
        return false;
    if (wanted != MDB_OK)
        return true;
    to->node.owner = (uint8_t)(op->other + 1); /* as do_insert would have left it */
    return expect("bits", to->node.bits, bits) && expect("owner", owner, op->slot + 1);
}

static bool do_neighbours(const struct operation *op)
{
    const struct cte *cte = &slots[op->slot];
    bool in = present[op->slot];
    asked = lies_in[op->slot];
    return expect("mdb_predecessor", slot_of(mdb_predecessor(&databases[asked], cte)),
                  in ? model_predecessor(op->slot) : -1) &&
           expect("mdb_successor", slot_of(mdb_successor(&databases[asked], cte)),
                  in ? model_successor(op->slot) : -1);
}

static bool do_greater_less(const struct operation *op)
{
    const struct capability *cap = &op->cap;
    return expect("mdb_find_greater", slot_of(mdb_find_greater(&databases[asked], cap, false)),
                  model_greater(cap, false)) &&
           expect("mdb_find_greater or equal",
                  slot_of(mdb_find_greater(&databases[asked], cap, true)),
                  model_greater(cap, true)) &&
           expect("mdb_find_less", slot_of(mdb_find_less(&databases[asked], cap, false)),
                  model_less(cap, false)) &&
           expect("mdb_find_less or equal", slot_of(mdb_find_less(&databases[asked], cap, true)),
                  model_less(cap, true)) &&
           expect("mdb_find_equal", slot_of(mdb_find_equal(&databases[asked], cap)),
                  model_equal(cap));
}

static bool do_copies(const struct operation *op)
{
    if (!present[op->slot])
        return true;
    const struct cte *cte = &slots[op->slot];
    asked = lies_in[op->slot];
    const struct cte *copy = mdb_find_copy(&databases[asked], cte);
    if (!expect("mdb_find_copy finds one", copy != NULL, model_has_copies(op->slot)))
        return false;
    return copy == NULL ||
           (copy != cte && present[slot_of(copy)] && cap_is_copy(&copy->cap, &cte->cap)) ||
           wrong("mdb_find_copy: slot %d is not another copy", slot_of(copy));
}

static bool do_for_address(const struct operation *op)
{
    return expect("mdb_find_cap_for_address",
                  slot_of(mdb_find_cap_for_address(&databases[asked], op->cap.type, op->base)),
                  model_for_address(op->cap.type, op->base));
}

static bool do_from(const struct operation *op)
{
    return expect("mdb_find_from",
                  slot_of(mdb_find_from(&databases[asked], op->cap.type, op->base)),
                  model_from(op->cap.type, op->base));
}

/* Retype asks both databases; what lies in one must not be seen in the other, nor missed in both.
 * */
static bool do_in_use(const struct operation *op)
{
    int slot;
    bool used = false;
    for (asked = OWN; asked < DATABASES; asked++) {
        const enum mdb_range wanted = model_range(op->cap.type, op->base, op->bytes, &slot);
        const enum mdb_range got = mdb_find_range(&databases[asked], op->cap.type, op->base,
                                                  op->bytes, MDB_RANGE_PARTIAL, NULL);
        if (!expect(asked == OWN ? "range here" : "range elsewhere", (int)got, (int)wanted))
            return false;
        used = used || got != MDB_RANGE_NOT_FOUND;
    }
    bool touched = false;
    for (int i = 0; i < MODEL_SLOTS; i++) {
        touched = touched || (present[i] && model_classify(&slots[i].cap, op->cap.type, op->base,
                                                           op->bytes) != MDB_RANGE_NOT_FOUND);
    }
    return expect("in use anywhere", used, touched);
}

static bool do_range(const struct operation *op)
{
    struct cte *found = &slots[0];
    int slot;
    enum mdb_range wanted = model_range(op->cap.type, op->base, op->bytes, &slot);
    enum mdb_range got =
        mdb_find_range(&databases[asked], op->cap.type, op->base, op->bytes, op->precision, &found);
    if (wanted <= op->precision || wanted == MDB_RANGE_NOT_FOUND) {
        if (!expect("mdb_find_range", (int)got, (int)wanted))
            return false;
    } else if (got < op->precision || got > wanted) {
        return wrong("mdb_find_range: got %d, the model says %d, precision %d", (int)got,
                     (int)wanted, (int)op->precision);
    }
    if (got == MDB_RANGE_NOT_FOUND)
        return expect("slot found", slot_of(found), -1);
    if (got == wanted && got != MDB_RANGE_PARTIAL && !expect("slot found", slot_of(found), slot))
        return false;
    return found != NULL && present[slot_of(found)] &&
           expect("what the slot found is",
                  (int)model_classify(&found->cap, op->cap.type, op->base, op->bytes), (int)got);
}

static bool do_relations(const struct operation *op)
{
    const struct capability *cap = &op->cap;
    const struct cte *ancestor = mdb_find_ancestor(&databases[asked], cap);
    if (!expect("mdb_find_ancestor", slot_of(ancestor), model_ancestor(cap)))
        return false;
    int wanted = model_descendant(cap, -1);
    const struct cte *at = mdb_first_descendant(&databases[asked], cap);
    while (wanted >= 0 && slot_of(at) == wanted) {
        at = mdb_next_descendant(&databases[asked], cap, at);
        wanted = model_descendant(cap, wanted);
    }
    return expect("descendant", slot_of(at), wanted);
}

static bool (*const actions[KIND_COUNT])(const struct operation *) = {
    [INSERT] = do_insert,
    [REMOVE] = do_remove,
    [REPLACE] = do_replace,
    [LOCK] = do_lock,
    [NEIGHBOURS] = do_neighbours,
    [GREATER_LESS] = do_greater_less,
    [COPIES] = do_copies,
    [FOR_ADDRESS] = do_for_address,
    [FROM] = do_from,
    [IN_USE] = do_in_use,
    [RANGE] = do_range,
    [RELATIONS] = do_relations,
};

static bool check_databases(void)
{
    struct mdb_violation violation;
    size_t count;
    for (unsigned i = 0; i < DATABASES; i++) {
        if (!mdb_check_invariants(&databases[i], &count, &violation))
            return wrong("slot %d: %s", slot_of(violation.cte), violation.rule);
        if (!expect("number of nodes", (int)count, (int)present_count[i]))
            return false;
    }
    return true;
}

/* The whole order, slot by slot, and nesting of what the test itself has entered. */
static bool check_walk_of(const struct mdb *database)
{
    struct mdb_violation violation;
    const struct cte *before = NULL;
    size_t steps = 0;
    asked = (uint8_t)(database - databases);
    for (const struct cte *at = mdb_first(database); at != NULL;
         before = at, at = mdb_successor(database, at)) {
        if (!is_in(slot_of(at)) ||
            (before != NULL && model_compare_slots(slot_of(before), slot_of(at)) >= 0))
            return wrong("slot %d is out of place", slot_of(at));
        steps++;
    }
    return expect("steps from first to last", (int)steps, (int)present_count[asked]) &&
           (mdb_check_nesting(database, &violation) ||
            wrong("slot %d: %s", slot_of(violation.cte), violation.rule));
}

static bool check_walk(void)
{
    return check_walk_of(&databases[OWN]) && check_walk_of(&databases[REMOTE]);
}

static bool act(const struct operation *op)
{
    asked = op->database;
    return actions[op->kind](op);
}

static bool run_operations(const struct operation *ops, size_t count)
{
    model_reset();
    for (size_t i = 0; i < count; i++) {
        outcome->at = i;
        if (!act(&ops[i]) || !check_databases())
            return false;
        if (i % 64 == 63 && !check_walk())
            return false;
    }
    return check_walk();
}

/* --- random operations ------------------------------------------------------------------------ */

static uint64_t random_state;

/* xorshift64* (Vigna 2016) */
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}

static struct capability random_capability(void)
{
    static const uint8_t types[] = {
        ObjType_PhysAddr,    ObjType_RAM,      ObjType_RAM,           ObjType_L2CNode,
        ObjType_Dispatcher,  ObjType_Frame,    ObjType_Frame,         ObjType_Frame,
        ObjType_EndPointLMP, ObjType_DevFrame, ObjType_Frame_Mapping, ObjType_ID,
        ObjType_IO,          ObjType_Kernel,
    };
    uint64_t block = UNIT_BYTES << random_below(6);
    uint64_t blocks = SPACE_UNITS * UNIT_BYTES / block;
    struct capability cap = { .type = types[random_below(sizeof(types))],
                              .rights = (uint8_t)random_below(32) };
    switch (cap.type) {
    case ObjType_EndPointLMP:
        cap.u.endpoint.listener = random_below(SPACE_UNITS) * UNIT_BYTES;
        cap.u.endpoint.epoffset = 64 * random_below(4);
        break;
    case ObjType_Frame_Mapping:
        cap.u.mapping.bytes = 8ull << random_below(3);
        cap.u.mapping.first = 4096 * random_below(8) + cap.u.mapping.bytes * random_below(16);
        break;
    case ObjType_Kernel:
        break;
    case ObjType_ID:
    case ObjType_IO:
        cap.u.word[0] = random_below(3);
        cap.u.word[1] = random_below(3);
        break;
    default:
        cap.u.mem.base = random_below((uint32_t)blocks) * block;
        cap.u.mem.bytes = block;
        if (cap.type == ObjType_PhysAddr || cap.type == ObjType_RAM || cap.type == ObjType_Frame ||
            cap.type == ObjType_DevFrame) /* children of full size, and theirs */
            cap.generation = (uint8_t)random_below(3);
        break;
    }
    return cap;
}

static uint8_t random_root(void)
{
    static const uint8_t roots[] = { ObjType_PhysAddr, ObjType_PhysAddr, ObjType_PhysAddr,
                                     ObjType_PhysAddr, ObjType_ID,       ObjType_Frame_Mapping };
    return roots[random_below(sizeof(roots))];
}

static void random_operations(struct operation *ops, size_t count, uint64_t seed)
{
    struct capability recent[16];
    random_state = (seed + 1) * 0x9E3779B97F4A7C15ull;
    for (size_t i = 0; i < 16; i++)
        recent[i] = random_capability();
    for (size_t i = 0; i < count; i++) {
        /* The database grows and shrinks in turn: in one half inserts prevail, in the other
         * removes. */
        bool growing = i / 500 % 2 == 0;
        unsigned die = random_below(100);
        struct operation *op = &ops[i];
        memset(op, 0, sizeof(*op));
        op->slot = (int)random_below(MODEL_SLOTS);
        op->database = random_below(4) == 0 ? REMOTE : OWN;
        op->other = (int)random_below(MODEL_SLOTS);
        /* Often a capability that was used lately: copies, and queries that find something. */
        struct capability *again = &recent[random_below(16)];
        op->cap = random_below(3) == 0 ? *again : (*again = random_capability());
        if (die < (growing ? 45u : 25u))
            op->kind = INSERT;
        else if (die < 60)
            op->kind = REMOVE;
        else if (die < 66)
            op->kind = REPLACE;
        else if (die < 70)
            op->kind = LOCK;
        else
            op->kind = (enum kind)(NEIGHBOURS + random_below(KIND_COUNT - NEIGHBOURS));
        if (op->kind == RANGE || op->kind == FOR_ADDRESS || op->kind == FROM ||
            op->kind == IN_USE) {
            op->cap.type = random_root();
            op->base = random_below(SPACE_UNITS + 8) * UNIT_BYTES;
            op->bytes = (1 + random_below(random_below(2) ? 4 : SPACE_UNITS)) * UNIT_BYTES;
            if (op->cap.type != ObjType_PhysAddr || random_below(4) == 0) { /* not on a boundary */
                op->base /= 4;
                op->bytes = 1 + op->bytes / 16;
            }
            op->precision = (enum mdb_range)(1 + random_below(3));
        }
    }
}

/* --- printing --------------------------------------------------------------------------------- */

static const char *const type_names[ObjType_Num] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) [ObjType_##name] = #name,
#include <barrelfish_kpi/caps.def>
};

static void print_capability(const struct capability *cap)
{
    printf("%s %u {0x%llx, 0x%llx, 0x%llx}", type_names[cap->type], cap->generation,
           (unsigned long long)cap->u.word[0], (unsigned long long)cap->u.word[1],
           (unsigned long long)cap->u.word[2]);
}

static void print_operation(const struct operation *op)
{
    static const char *const names[KIND_COUNT] = {
        [INSERT] = "insert",
        [REMOVE] = "remove",
        [REPLACE] = "replace",
        [NEIGHBOURS] = "neighbours",
        [LOCK] = "lock",
        [FROM] = "find_from",
        [IN_USE] = "in_use",
        [COPIES] = "find_copy",
        [GREATER_LESS] = "find_greater_and_less",
        [RANGE] = "find_range",
        [FOR_ADDRESS] = "find_cap_for_address",
        [RELATIONS] = "relations",
    };
    printf("    %s%s(", op->database == REMOTE ? "remote " : "", names[op->kind]);
    switch (op->kind) {
    case INSERT:
        printf("%d, ", op->slot);
        print_capability(&op->cap);
        break;
    case GREATER_LESS:
    case RELATIONS:
        print_capability(&op->cap);
        break;
    case REPLACE:
        printf("%d, %d", op->slot, op->other);
        break;
    case FOR_ADDRESS:
    case FROM:
        printf("%s, 0x%llx", type_names[op->cap.type], (unsigned long long)op->base);
        break;
    case RANGE:
    case IN_USE:
        printf("%s, 0x%llx, 0x%llx, %d", type_names[op->cap.type], (unsigned long long)op->base,
               (unsigned long long)op->bytes, (int)op->precision);
        break;
    default:
        printf("%d", op->slot);
        break;
    }
    printf(");\n");
}

/* --- shrinking -------------------------------------------------------------------------------- */

/* Runs the operations in a child that may use `guard_s` of CPU time.  Its diagnostics are shown
 * only if `loud`. */
static bool fails_in_child(const struct operation *ops, size_t count, unsigned guard_s, bool loud)
{
    memset(outcome, 0, sizeof(*outcome));
    fflush(NULL);
    pid_t child = fork();
    cr_assert(ge(int, child, 0), "fork");
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (!loud && null >= 0)
            dup2(null, STDERR_FILENO);
        setrlimit(RLIMIT_CPU, &(struct rlimit){ .rlim_cur = guard_s, .rlim_max = guard_s });
        _exit(run_operations(ops, count) ? 0 : 1);
    }
    int status = 0;
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    if (outcome->message[0] == '\0' && status != 0)
        wrong("crash, sanitizer report or hang (wait status 0x%x)", (unsigned)status);
    return status != 0;
}

static bool fails_quietly(const void *ops, size_t count)
{
    return fails_in_child(ops, count, SHRINK_CPU_S, false);
}

static void report(struct operation *ops, size_t count, uint64_t seed)
{
    size_t failing = outcome->at + 1;
    count = shrink(ops, failing < count ? failing : count, sizeof(*ops), fails_quietly);
    bool still = fails_in_child(ops, count, SHRINK_CPU_S, true);
    printf("MDB_SEED %llu fails, in %zu operations:\n", (unsigned long long)seed, count);
    for (size_t i = 0; i < count; i++)
        print_operation(&ops[i]);
    printf("  %s\n", still ? outcome->message : "it does not fail every time");
    fflush(stdout);
    cr_fail("%s", outcome->message);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void share_outcome(void)
{
    outcome =
        mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(ne(ptr, outcome, MAP_FAILED));
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

TestSuite(mdb_property, .init = share_outcome);

Test(mdb_property, random_operations_agree_with_the_model, .timeout = 3600)
{
    uint64_t operations = from_environment("MDB_OPERATIONS", 200000);
    uint64_t seed = from_environment("MDB_SEED", 1);
    static struct operation ops[SEQUENCE_OPERATIONS];
    uint64_t done = 0;
    for (; done < operations; done += SEQUENCE_OPERATIONS, seed++) {
        random_operations(ops, SEQUENCE_OPERATIONS, seed);
        if (fails_in_child(ops, SEQUENCE_OPERATIONS, FIRST_CPU_S, false)) {
            report(ops, SEQUENCE_OPERATIONS, seed);
            return;
        }
    }
}

/* A fault of the tree for the shrinker to find: slot 7 is removed, later slot 9 inserted. */
static bool contains_removal_then_insertion(const void *operations, size_t count)
{
    const struct operation *ops = operations;
    bool removed = false;
    for (size_t i = 0; i < count; i++) {
        removed = removed || (ops[i].kind == REMOVE && ops[i].slot == 7);
        if (removed && ops[i].kind == INSERT && ops[i].slot == 9)
            return true;
    }
    return false;
}

Test(mdb_property, shrinking_leaves_only_what_the_failure_needs, .timeout = 60)
{
    static struct operation ops[SEQUENCE_OPERATIONS];
    random_operations(ops, SEQUENCE_OPERATIONS, 3);
    cr_assert(contains_removal_then_insertion(ops, SEQUENCE_OPERATIONS));
    size_t left = shrink(ops, SEQUENCE_OPERATIONS, sizeof(*ops), contains_removal_then_insertion);
    cr_assert(eq(sz, left, 2));
    cr_assert(eq(int, (int)ops[0].kind, REMOVE));
    cr_assert(eq(int, ops[0].slot, 7));
    cr_assert(eq(int, (int)ops[1].kind, INSERT));
    cr_assert(eq(int, ops[1].slot, 9));
}

/* Random operations prove nothing about answers they never provoke. */
Test(mdb_property, random_operations_reach_every_kind_of_answer, .timeout = 60)
{
    static struct operation ops[SEQUENCE_OPERATIONS];
    unsigned answers[MDB_RANGE_PARTIAL + 1] = { 0 };
    unsigned copies = 0, ancestors = 0, descendants = 0, locked = 0;
    size_t most = 0;
    random_operations(ops, SEQUENCE_OPERATIONS, 3);
    model_reset();
    for (size_t i = 0; i < SEQUENCE_OPERATIONS; i++) {
        const struct operation *op = &ops[i];
        int slot;
        cr_assert(act(op), "%s", outcome->message);
        asked = op->database;
        most = present_count[OWN] > most ? present_count[OWN] : most;
        locked = present_count[REMOTE] > locked ? (unsigned)present_count[REMOTE] : locked;
        if (op->kind == RANGE) {
            answers[model_range(op->cap.type, op->base, op->bytes, &slot)]++;
        } else if (op->kind == COPIES) {
            asked = lies_in[op->slot];
            copies += present[op->slot] && model_has_copies(op->slot);
        } else if (op->kind == RELATIONS) {
            ancestors += model_ancestor(&op->cap) >= 0;
            descendants += model_descendant(&op->cap, -1) >= 0;
        }
    }
    for (int answer = MDB_RANGE_NOT_FOUND; answer <= MDB_RANGE_PARTIAL; answer++)
        cr_assert(ge(uint, answers[answer], 10), "answer %d", answer);
    cr_assert(ge(uint, copies, 10));
    cr_assert(ge(uint, ancestors, 10));
    cr_assert(ge(uint, descendants, 10));
    cr_assert(ge(sz, most, 60));
    cr_assert(ge(uint, locked, 20));
}
