/* What a parent gives: arguments with blanks, an environment, capabilities; and what is known of
 * domains that run and that have ended. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/spawn_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD 0x5ca1ab1e
#define ARG_SLOT 9

static struct capref slot_of(struct capref cnode, cslot_t slot)
{
    struct capref cap = { .cnode = build_cnoderef(cnode, CNODE_TYPE_OTHER), .slot = slot };

    return cap;
}

static volatile uint32_t *map(struct capref frame)
{
    void *address;
    errval_t err = vspace_map_one_frame(&address, BASE_PAGE_SIZE, frame, NULL, NULL);

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mapping");
    return address;
}

static int child(int argc, char *argv[])
{
    struct capability session;
    errval_t err = cap_direct_identify(TASK_CAP(TASKCN_SLOT_SESSIONID), &session);

    assert(argc == 4 && strcmp(argv[2], "two words") == 0 && strcmp(argv[3], "") == 0);
    assert(strcmp(getenv("COLOUR"), "blue green") == 0 && getenv("HOME") == NULL);
    assert(err_is_ok(err) && session.type == ObjType_ID);
    assert(err_no(cap_direct_identify(TASK_CAP(TASKCN_SLOT_FDSPAGE), &session)) ==
           SYS_ERR_CAP_NOT_FOUND);
    volatile uint32_t *shared = map(slot_of(cap_argcn, ARG_SLOT));
    assert(shared[0] == WORD);
    shared[1 + disp_get_core_id()] = WORD + 1;
    return 40 + disp_get_core_id();
}

/* Arguments of a domain, as everybody sees them. */
static bool listed(const char *argument, bool ended)
{
    domainid_t *list;
    size_t count;
    struct spawn_ps_entry entry;
    bool found = false;
    errval_t err = spawn_get_domain_list(&list, &count);

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "listing");
    for (size_t i = 0; i < count; i++) {
        if (err_is_fail(spawn_get_status(list[i], &entry)))
            continue; /* it has ended since */
        found = found || (entry.argv[2] != NULL && strcmp(entry.argv[2], argument) == 0 &&
                          entry.ended == ended);
        free(entry.argbuf);
    }
    free(list);
    return found;
}

int main(int argc, char *argv[])
{
    char *xargv[] = { "ex_inherit", "child", "two words", "", NULL };
    char *yargv[] = { "ex_inherit", "sleeper", "for ever", NULL };
    char *envp[] = { "COLOUR=blue green", NULL };
    char *last[] = { NULL };
    struct capref frame, session, inheritcn, argcn, domain, twin;
    struct cnoderef cnode;
    domainid_t id;
    uint8_t status;
    errval_t err;

    if (argc == 4)
        return child(argc, argv);
    if (argc == 3)
        messages_handler_loop();
    assert(strcmp(getenv("HOME"), "/") == 0 && strcmp(getenv("PATH"), "/x86_64/sbin") == 0);
    err = frame_alloc(&frame, BASE_PAGE_SIZE, NULL);
    assert(err_is_ok(err));
    volatile uint32_t *shared = map(frame);
    shared[0] = WORD;
    err = idcap_alloc(&session);
    assert(err_is_ok(err));
    err = alloc_inheritcn_with_caps(&inheritcn, NULL_CAP, session, NULL_CAP);
    assert(err_is_ok(err));
    err = cnode_create(&argcn, &cnode, 16, NULL);
    assert(err_is_ok(err));
    err = cap_copy(slot_of(argcn, ARG_SLOT), frame);
    assert(err_is_ok(err));
    for (coreid_t core = 0; core < 2; core++) {
        err = spawn_program_with_caps(core, "ex_inherit", xargv, envp, inheritcn, argcn,
                                      SPAWN_FLAGS_DEFAULT, &domain);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "spawning with capabilities on core %u", core);
        err = spawn_wait(domain, &status, false);
        assert(err_is_ok(err) && status == 40 + core && shared[1 + core] == WORD + 1);
        assert(!listed("two words", true));
        cap_destroy(domain);
    }

    /* Who holds a copy of the name may wait. */
    err = spawn_program(1, "ex_inherit", yargv, last, SPAWN_FLAGS_DEFAULT, &domain);
    assert(err_is_ok(err));
    err = slot_alloc(&twin);
    assert(err_is_ok(err));
    err = cap_copy(twin, domain);
    assert(err_is_ok(err));
    cap_destroy(domain);
    err = spawn_get_domain_id(twin, &id);
    assert(err_is_ok(err) && listed("for ever", false));
    err = spawn_kill(twin);
    assert(err_is_ok(err));
    while (!listed("for ever", true))
        thread_yield();
    err = spawn_wait(twin, &status, true);
    assert(err_is_ok(err) && status == 137 && !listed("for ever", true));
    assert(err_no(spawn_wait(session, NULL, true)) == SPAWN_ERR_DOMAIN_NOTFOUND);
    assert(err_no(spawn_wait(frame, NULL, true)) == SPAWN_ERR_DOMAIN_NOTFOUND);
    printf("ex_inherit: passed\n");
    return 0;
}
