/* SPDX-License-Identifier: MIT
 *
 * The part of Unicorn's programming interface (2.1) that the deterministic engine uses.
 *
 * The library is loaded at run time, so that vmm builds and runs, with its other engines, where it
 * does not exist; hence these declarations instead of its header.  Numbers and prototypes are those
 * of <unicorn/unicorn.h>; tests/unit/test_unicorn_api.c holds them against that header where it is.
 */
#ifndef VMM_ENGINE_UNICORN_API_H
#define VMM_ENGINE_UNICORN_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct unicorn_cpu unicorn_cpu;         /* uc_engine */
typedef struct unicorn_context unicorn_context; /* uc_context */
typedef size_t unicorn_hook;                    /* uc_hook */

#define UNICORN_ARCH_X86 4
#define UNICORN_MODE_64 8
#define UNICORN_PROT_READ 1
#define UNICORN_PROT_EXEC 4
#define UNICORN_PROT_ALL 7

/* Errors that mean something to us; the rest only has a text. */
#define UNICORN_OK 0
#define UNICORN_READ_UNMAPPED 6
#define UNICORN_WRITE_UNMAPPED 7
#define UNICORN_FETCH_UNMAPPED 8
#define UNICORN_INSN_INVALID 10
#define UNICORN_ABORTED (-1) /* ours: unicorn_start() */

/* Hooks, with the prototypes of their callbacks; the last argument of all is the user's. */
#define UNICORN_HOOK_INTR (1 << 0)          /* (cpu, uint32_t vector, user) */
#define UNICORN_HOOK_INSN (1 << 1)          /* by instruction, see below */
#define UNICORN_HOOK_BLOCK (1 << 3)         /* (cpu, uint64_t address, uint32_t bytes, user) */
#define UNICORN_HOOK_WRITE_PROT (1 << 8)    /* bool (cpu, int type, address, int, int64_t, user) */
#define UNICORN_HOOK_MEM_READ (1 << 10)     /* (cpu, int type, address, int, int64_t, user) */
#define UNICORN_HOOK_MEM_WRITE (1 << 11)    /* the same, and before the store */
#define UNICORN_HOOK_INSN_INVALID (1 << 14) /* bool (cpu, user) */
#define UNICORN_HOOK_TRANSLATION (1 << 15)  /* (cpu, block, previous block, user) */

#define UNICORN_INSN_IN 218      /* uint32_t (cpu, uint32_t port, int bytes, user) */
#define UNICORN_INSN_OUT 500     /* (cpu, uint32_t port, int bytes, uint32_t value, user) */
#define UNICORN_INSN_SYSCALL 699 /* (cpu, user) */

/* Registers */
#define UNICORN_RAX 35
#define UNICORN_RBX 37
#define UNICORN_RCX 38
#define UNICORN_RDI 39
#define UNICORN_RDX 40
#define UNICORN_RIP 41
#define UNICORN_FPSW 31
#define UNICORN_RFLAGS 253
#define UNICORN_CR2 52
#define UNICORN_CR3 53
#define UNICORN_DR0 66
#define UNICORN_MSR 248 /* struct unicorn_msr */
#define UNICORN_MXCSR 249
#define UNICORN_FPCW 246
#define UNICORN_FPTAG 247
#define UNICORN_FIP 254 /* of the last FPU instruction: its address, ... */
#define UNICORN_FCS 255
#define UNICORN_FDP 256 /* ... of its operand, ... */
#define UNICORN_FDS 257
#define UNICORN_FOP 258  /* ... its code */
#define UNICORN_FP0 82   /* 10 bytes; consecutive up to FP7 */
#define UNICORN_XMM0 122 /* 16 bytes; consecutive up to XMM15 */

/* A translated block, as a hook sees it. */
struct unicorn_block {
    uint64_t rip;
    uint16_t instructions, bytes;
};

struct unicorn_msr {
    uint32_t number;
    uint64_t value;
};

#define UNICORN_CPU_HASWELL 19

/* uc_ctl requests: type | argument count << 26 | direction (1 = write) << 30 */
#define UNICORN_CTL_WRITE(type, count) ((int)((type) | (count) << 26 | 1u << 30))
#define UNICORN_CTL_USE_EXITS UNICORN_CTL_WRITE(4, 1)    /* int: `until` is not looked at */
#define UNICORN_CTL_CPU_MODEL UNICORN_CTL_WRITE(7, 1)    /* int */
#define UNICORN_CTL_REMOVE_CACHE UNICORN_CTL_WRITE(9, 2) /* uint64_t from, to: virtual */
#define UNICORN_CTL_FLUSH_CODE UNICORN_CTL_WRITE(10, 0)  /* forgets all translated code */
#define UNICORN_CTL_FLUSH_TLB UNICORN_CTL_WRITE(11, 0)   /* forgets all address translations */
#define UNICORN_CTL_CODE_BYTES UNICORN_CTL_WRITE(13, 1)  /* uint32_t: buffer of translated code */

/* Functions: name, result, arguments. */
#define UNICORN_FUNCTIONS(X)                                                                \
    X(version, unsigned, (unsigned *major, unsigned *minor))                                \
    X(open, int, (int arch, int mode, unicorn_cpu **out))                                   \
    X(close, int, (unicorn_cpu *))                                                          \
    X(strerror, const char *, (int error))                                                  \
    X(ctl, int, (unicorn_cpu *, int request, ...))                                          \
    X(reg_read, int, (unicorn_cpu *, int reg, void *value))                                 \
    X(reg_write, int, (unicorn_cpu *, int reg, const void *value))                          \
    X(mem_map_ptr, int,                                                                     \
      (unicorn_cpu *, uint64_t address, size_t bytes, uint32_t rights, void *host))         \
    X(mem_protect, int, (unicorn_cpu *, uint64_t address, size_t bytes, uint32_t rights))   \
    X(hook_add, int,                                                                        \
      (unicorn_cpu *, unicorn_hook *, int type, void *callback, void *user, uint64_t begin, \
       uint64_t end, ...))                                                                  \
    X(emu_start, int,                                                                       \
      (unicorn_cpu *, uint64_t rip, uint64_t until, uint64_t timeout_us, size_t count))     \
    X(emu_stop, int, (unicorn_cpu *))                                                       \
    X(context_alloc, int, (unicorn_cpu *, unicorn_context **))                              \
    X(context_free, int, (unicorn_context *))                                               \
    X(context_size, size_t, (unicorn_cpu *))                                                \
    X(context_save, int, (unicorn_cpu *, unicorn_context *))                                \
    X(context_restore, int, (unicorn_cpu *, unicorn_context *))

/* Functions inside the library, not of its interface: what translated code calls for an
 * instruction, by which unicorn_helpers.c gets from its own version to the library's.  `cpu` is the
 * processor's inner state, `return_address` the host address in the translated code.
 * raise_exception does not return. */
struct unicorn_state;
#define UNICORN_INTERNALS(X)                                                                     \
    X(raise_exception, "raise_exception_err_ra_x86_64", void,                                    \
      (struct unicorn_state * cpu, int vector, int error_code, uintptr_t return_address))        \
    X(inb, "helper_inb_x86_64", uint64_t, (struct unicorn_state * cpu, uint32_t port))           \
    X(inw, "helper_inw_x86_64", uint64_t, (struct unicorn_state * cpu, uint32_t port))           \
    X(inl, "helper_inl_x86_64", uint64_t, (struct unicorn_state * cpu, uint32_t port))           \
    X(outb, "helper_outb_x86_64", void, (struct unicorn_state * cpu, uint32_t port, uint32_t v)) \
    X(outw, "helper_outw_x86_64", void, (struct unicorn_state * cpu, uint32_t port, uint32_t v)) \
    X(outl, "helper_outl_x86_64", void, (struct unicorn_state * cpu, uint32_t port, uint32_t v))

struct unicorn_api {
    unsigned major, minor, patch;
    char path[512]; /* of the file that was loaded */
#define X(name, result, arguments) result(*name) arguments;
    UNICORN_FUNCTIONS(X)
#undef X
#define X(name, symbol, result, arguments) result(*name) arguments;
    UNICORN_INTERNALS(X)
#undef X
};

/* Loads the library: $VMM_UNICORN, else beside this program (../unicorn/ as built, ../lib/vmm/ as
 * installed), else the system's.  Returns the same table at every call, or NULL with one line in
 * reason[] and in mend[].  Not thread-safe at the first call. */
const struct unicorn_api *unicorn_load(char *reason, size_t reason_bytes, char *mend,
                                       size_t mend_bytes);

/* ---- unicorn_abort.c ---- */

/* From now on unicorn_start() can do what it says. */
void unicorn_catch_abort(void);

/* Executes from `rip` on.  Returns an error of the library, or UNICORN_ABORTED if it called
 * abort(): then the processor must not execute again. */
int unicorn_start(const struct unicorn_api *api, unicorn_cpu *cpu, uint64_t rip);

#endif
