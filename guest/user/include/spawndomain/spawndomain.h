/* SPDX-License-Identifier: MIT
 *
 * Making a domain: CSpace, address space, dispatcher, arguments (overview 1.2-1.4, facts 3.2; the
 * picture the new domain finds is barrelfish_kpi/init.h).
 *
 * All memory of a new domain comes from one block of RAM that the caller gives; what is left of it
 * becomes the domain's start RAM (SUPERCN slot 0).  So a domain ends by revoking one capability.
 * Code and constants are mapped from the program file itself, which all domains of all cores share.
 *
 * The caller needs a copy of MODULECN at its well-known place and the boot information.  Nothing
 * here blocks except for the library's own allocations of slots and address space.
 */
#ifndef SPAWNDOMAIN_SPAWNDOMAIN_H
#define SPAWNDOMAIN_SPAWNDOMAIN_H

#include <barrelfish/barrelfish.h>
#include <spawndomain/cmdline.h>
#include <spawndomain/elf_image.h>
#include <spawndomain/spawn_flags.h>

#include <abi/boot.h>

#define SPAWN_MAX_MODULES 128
#define SPAWN_START_RAM_BYTES (512ul << 10) /* at least this much start RAM for ordinary domains */

/* A program of the boot menu. */
struct spawn_module {
    const char *line; /* menu line, in the boot information */
    unsigned slot;    /* in MODULECN */
    gensize_t file_bytes;
    gensize_t frame_bytes; /* of the Frame capability */
    bool is_kernel;        /* the CPU driver */
    bool ready;            /* the rest is valid */
    struct elf_image image;
    /* file contents of segment i, for those that are not shared; else NULL */
    const uint8_t *contents[ELF_IMAGE_MAX_SEGMENTS];
};

struct spawn_modules {
    unsigned count;
    struct spawn_module *module;
};

/* Lists the modules of the boot information.  LIB_ERR_MALLOC_FAIL; SPAWN_ERR_FIND_MODULE: more than
 * SPAWN_MAX_MODULES. */
errval_t spawn_modules_init(struct spawn_modules *modules, const struct abi_boot *boot);

/* The first program with this path, or, if `path` has no '/', with this file name.  NULL: none. */
struct spawn_module *spawn_find_module(struct spawn_modules *modules, const char *path);

/* The CPU driver's image. */
struct spawn_module *spawn_find_kernel(struct spawn_modules *modules);

/* Reads the file's headers and maps what must be copied, once.  Segments must lie in vmin..vmax.
 * SPAWN_ERR_ELF_INVALID (and one line on the console that says why), SPAWN_ERR_MAP_MODULE. */
errval_t spawn_module_open(struct spawn_module *module, uint64_t vmin, uint64_t vmax);

/* Maps the whole file, read-only and for good.  SPAWN_ERR_MAP_MODULE. */
errval_t spawn_module_map(struct spawn_module *module, const uint8_t **ret);

struct spawn_request {
    struct spawn_module *module;
    const char *args;              /* command line; its first word is argv[0].  NULL: argv */
    struct spawn_words argv, envp; /* envp may be empty */
    bool argcn;                    /* with an empty CNode for arguments, ARGCN */
    struct capref ram;             /* RAM capability of the caller ... */
    gensize_t ram_offset;          /* ... and the page-aligned part of it to use */
    gensize_t ram_bytes;           /* at least spawn_needed_bytes() */
    struct capref init_ep;         /* copied to TASKCN_SLOT_INITEP; NULL_CAP: none */
    domainid_t domain;
    uint32_t flags;              /* SPAWN_FLAG_* */
    const struct abi_boot *boot; /* given to the domain, with the modules; NULL: not */
};

/* A domain between spawn_create and spawn_run. */
struct spawn_domain {
    char name[16];
    domainid_t id;
    struct capref rootcn;         /* its root CNode, in a slot of the spawner */
    struct capref taskcn, pagecn; /* L1 slots of the spawner, while it builds */
    gensize_t start_ram_bytes;
};

/* Bytes of RAM for the domain with that much start RAM; a multiple of the page size.  The module
 * must be open (spawn_create opens it, but asks for its memory before). */
gensize_t spawn_needed_bytes(const struct spawn_module *module, bool with_boot,
                             gensize_t start_ram_bytes);

/* Opens a program with the address limits of domains. */
errval_t spawn_open_program(struct spawn_module *module);

/* The same, and maps the contents of all segments, to make a copy of the whole image. */
errval_t spawn_open_whole_program(struct spawn_module *module);

/* Builds the domain; it does not run yet.  On an error nothing is left but descendants of
 * request->ram, which the caller revokes.  SPAWN_ERR_*. */
errval_t spawn_create(const struct spawn_request *request, struct spawn_domain *ret);

/* Before it runs: a copy of `src` in a slot of one of its CNodes, or of a CNode in an L1 slot; or
 * RAM made of a part of `src` in a slot of its SUPERCN. */
/* What the spawner has of its core's devices, interrupts, counters and of the right to start
 * domains, in the same slots of its task CNode.  For domains of the system. */
errval_t spawn_put_devices(struct spawn_domain *d);

errval_t spawn_put_cap(struct spawn_domain *d, cslot_t l1_slot, cslot_t slot, struct capref src);
errval_t spawn_put_cnode(struct spawn_domain *d, cslot_t l1_slot, struct capref src);
errval_t spawn_put_ram(struct spawn_domain *d, cslot_t slot, struct capref src, gensize_t offset,
                       gensize_t bytes);

/* Before it runs: a copy of its dispatcher in `slot`, an empty slot of the caller, who can so stop
 * it later (invoke_dispatcher_stop). */
errval_t spawn_copy_dispatcher(const struct spawn_domain *d, struct capref slot);

/* Lets it run.  d is not needed any more.  SPAWN_ERR_RUN. */
errval_t spawn_run(struct spawn_domain *d);

/* Gives up a domain that does not run. */
void spawn_abandon(struct spawn_domain *d);

#endif
