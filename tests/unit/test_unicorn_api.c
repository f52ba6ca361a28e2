/* SPDX-License-Identifier: MIT
 *
 * The declarations of vmm/engine/unicorn/unicorn_api.h against the library's own header, where
 * tools/fetch-unicorn has put it; compiled, there is nothing left to run.
 */
#include <criterion/criterion.h>

#include "engine/unicorn/unicorn_api.h"

#if __has_include("build/unicorn/usr/include/unicorn/unicorn.h")
#include "build/unicorn/usr/include/unicorn/unicorn.h"
#define HEADER 1

#define SAME(ours, theirs) _Static_assert((uint64_t)(ours) == (uint64_t)(theirs), #theirs)
SAME(UNICORN_ARCH_X86, UC_ARCH_X86);
SAME(UNICORN_MODE_64, UC_MODE_64);
SAME(UNICORN_PROT_READ, UC_PROT_READ);
SAME(UNICORN_PROT_EXEC, UC_PROT_EXEC);
SAME(UNICORN_PROT_ALL, UC_PROT_ALL);
SAME(UNICORN_OK, UC_ERR_OK);
SAME(UNICORN_READ_UNMAPPED, UC_ERR_READ_UNMAPPED);
SAME(UNICORN_WRITE_UNMAPPED, UC_ERR_WRITE_UNMAPPED);
SAME(UNICORN_FETCH_UNMAPPED, UC_ERR_FETCH_UNMAPPED);
SAME(UNICORN_INSN_INVALID, UC_ERR_INSN_INVALID);
SAME(UNICORN_HOOK_INTR, UC_HOOK_INTR);
SAME(UNICORN_HOOK_INSN, UC_HOOK_INSN);
SAME(UNICORN_HOOK_BLOCK, UC_HOOK_BLOCK);
SAME(UNICORN_HOOK_WRITE_PROT, UC_HOOK_MEM_WRITE_PROT);
SAME(UNICORN_HOOK_INSN_INVALID, UC_HOOK_INSN_INVALID);
SAME(UNICORN_HOOK_TRANSLATION, UC_HOOK_EDGE_GENERATED);
SAME(UNICORN_INSN_IN, UC_X86_INS_IN);
SAME(UNICORN_INSN_OUT, UC_X86_INS_OUT);
SAME(UNICORN_INSN_SYSCALL, UC_X86_INS_SYSCALL);
SAME(UNICORN_RAX, UC_X86_REG_RAX);
SAME(UNICORN_RBX, UC_X86_REG_RBX);
SAME(UNICORN_RCX, UC_X86_REG_RCX);
SAME(UNICORN_RDX, UC_X86_REG_RDX);
SAME(UNICORN_RIP, UC_X86_REG_RIP);
SAME(UNICORN_RFLAGS, UC_X86_REG_RFLAGS);
SAME(UNICORN_CR2, UC_X86_REG_CR2);
SAME(UNICORN_DR0, UC_X86_REG_DR0);
SAME(UNICORN_MSR, UC_X86_REG_MSR);
SAME(UNICORN_MXCSR, UC_X86_REG_MXCSR);
SAME(UNICORN_FPCW, UC_X86_REG_FPCW);
SAME(UNICORN_FPTAG, UC_X86_REG_FPTAG);
SAME(UNICORN_FPSW, UC_X86_REG_FPSW);
SAME(UNICORN_FIP, UC_X86_REG_FIP);
SAME(UNICORN_FCS, UC_X86_REG_FCS);
SAME(UNICORN_FDP, UC_X86_REG_FDP);
SAME(UNICORN_FDS, UC_X86_REG_FDS);
SAME(UNICORN_FOP, UC_X86_REG_FOP);
SAME(UNICORN_FP0, UC_X86_REG_FP0);
SAME(UNICORN_XMM0, UC_X86_REG_XMM0);
SAME(UNICORN_CPU_HASWELL, UC_CPU_X86_HASWELL);
SAME((uint32_t)UNICORN_CTL_USE_EXITS, (uint32_t)UC_CTL_WRITE(UC_CTL_UC_USE_EXITS, 1));
SAME((uint32_t)UNICORN_CTL_CPU_MODEL, (uint32_t)UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1));
SAME((uint32_t)UNICORN_CTL_REMOVE_CACHE, (uint32_t)UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2));
SAME((uint32_t)UNICORN_CTL_FLUSH_CODE, (uint32_t)UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
SAME((uint32_t)UNICORN_CTL_FLUSH_TLB, (uint32_t)UC_CTL_WRITE(UC_CTL_TLB_FLUSH, 0));
SAME((uint32_t)UNICORN_CTL_CODE_BYTES, (uint32_t)UC_CTL_WRITE(UC_CTL_TCG_BUFFER_SIZE, 1));
_Static_assert(sizeof(struct unicorn_msr) == sizeof(uc_x86_msr), "uc_x86_msr");
_Static_assert(offsetof(struct unicorn_msr, value) == offsetof(uc_x86_msr, value), "uc_x86_msr");
_Static_assert(sizeof(struct unicorn_block) == sizeof(uc_tb), "uc_tb");
_Static_assert(offsetof(struct unicorn_block, instructions) == offsetof(uc_tb, icount), "uc_tb");
_Static_assert(offsetof(struct unicorn_block, bytes) == offsetof(uc_tb, size), "uc_tb");

/* Prototypes: assignable both ways but for the names of the handles. */
typedef uc_err emu_start_type(uc_engine *, uint64_t, uint64_t, uint64_t, size_t);
_Static_assert(__builtin_types_compatible_p(__typeof__(uc_emu_start), emu_start_type),
               "uc_emu_start");
typedef uc_err mem_map_ptr_type(uc_engine *, uint64_t, size_t, uint32_t, void *);
_Static_assert(__builtin_types_compatible_p(__typeof__(uc_mem_map_ptr), mem_map_ptr_type),
               "uc_mem_map_ptr");
typedef size_t context_size_type(uc_engine *);
_Static_assert(__builtin_types_compatible_p(__typeof__(uc_context_size), context_size_type),
               "uc_context_size");
#else
#define HEADER 0
#endif

Test(unicorn_api, the_library_found_is_new_enough)
{
    char reason[256] = "", mend[256] = "";
    const struct unicorn_api *api = unicorn_load(reason, sizeof(reason), mend, sizeof(mend));
    if (!api) {
        cr_expect(reason[0] && mend[0], "no library, and no word about it");
        cr_skip_test("no Unicorn: %s", reason);
    }
    cr_expect(api->major == 2 && api->minor >= 1);
    cr_expect(api->path[0] != '\0');
    cr_expect(unicorn_load(reason, sizeof(reason), mend, sizeof(mend)) == api, "loaded twice");
    printf("compared with the library's header: %s\n", HEADER ? "yes" : "no, it is not there");
}
