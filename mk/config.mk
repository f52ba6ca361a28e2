# SPDX-License-Identifier: MIT
#
# Directories, tools and flags.  Every set of flags is written to a stamp in build/flags/ while this
# file is read, and only when it differs from what is there: an object depends on the stamp of its
# flags, so that a changed flag or compiler rebuilds what it concerns, and nothing else ever does.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

B := build

# All CPUs, unless the caller chose (also: -j1) or this is a sub-make.
ifeq ($(filter -j% --jobs% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

ifeq ($(origin CC),default)
CC := gcc
endif
CC ?= gcc
# Guests are x86-64 programs, and the engines execute them on hosts that are: said in one sentence, before a
# header of KVM for x86 is missed in the middle of the build.
machine_of_compiler := $(if $(active),$(shell $(CC) -dumpmachine 2>/dev/null))
ifneq ($(machine_of_compiler),)
ifeq ($(filter x86_64-%,$(machine_of_compiler)),)
$(error this project needs an x86-64 host with a compiler for it, and $(CC) makes code for $(machine_of_compiler))
endif
endif
AR := ar
LD := ld
WERROR ?= -Werror
PREFIX ?= /usr/local
SCENARIO ?= scenarios/two-core-idc.yaml
SIMFLAGS ?=
SOAK ?= 20

# find_sources DIR...: all C and assembler sources below; folders that do not exist count as empty, and a
# folder may be a symbolic link.
find_sources = $(sort $(if $(wildcard $(1)),$(shell find -H $(wildcard $(1)) -name '.*' -prune -o -name '*.[cS]' -print)))
# objects TREE,SOURCES
objects = $(patsubst %,$(B)/$(1)/%.o,$(basename $(2)))

warnings := -Wall -Wextra $(WERROR) -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
            -Wwrite-strings
# The same bytes from every folder: what the compiler writes of a path begins where the tree begins.
prefix_map := '-ffile-prefix-map=$(CURDIR)=.'
common_flags := -std=gnu17 -g $(prefix_map) $(warnings) -fno-common
depend_flags = -MMD -MP -MF $(@:.o=.d)

# --- host programs -------------------------------------------------------------------------------
host_includes := -I. -Ivmm -Idevices -I$(B)/proto
# The macro is empty as in `#define _GNU_SOURCE`, so that a file may say it again.
# A guest that gets at the program's memory shall find little to use.
hardening := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
hardened_link := -pie -Wl,-z,relro,-z,now,-z,noexecstack
host_flags := $(common_flags) -O2 -pthread -D_GNU_SOURCE= $(hardening) $(host_includes)
host_libs := -lprotobuf-c -lyaml -ljansson -ldw -lelf -lxxhash -ltre -lseccomp -lmpfr -lgmp -pthread -ldl -lm
# vmm/engine/unicorn/unicorn_helpers.c takes the place of functions of a library that is loaded at run time.
host_libs += -Wl,--export-dynamic-symbol='helper_*_x86_64'

# --- the same code for tests ---------------------------------------------------------------------
san_includes := $(host_includes) -Iidl
san_flags := $(common_flags) -O1 -pthread -D_GNU_SOURCE= $(san_includes) \
             -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# Guest code that can run on the host.
san_guest_flags := $(san_flags) -DHOST_TEST -DKERNEL_DEBUG -Iguest/kernel -Iguest/kernel/include -Iguest/abi -Iguest/user/include
test_flags := $(san_guest_flags)
test_libs := -lcriterion $(host_libs)

# --- guest ---------------------------------------------------------------------------------------
gcc_include := $(shell $(CC) -print-file-name=include)
guest_flags := $(common_flags) -O2 -fno-pic -fno-pie -mno-red-zone -fno-stack-protector \
               -fcf-protection=none -fno-asynchronous-unwind-tables -nostdinc -isystem $(gcc_include)
# KERNEL_DEBUG=1: the CPU driver checks on hot paths too, and counts the rounds of its loops.
KERNEL_DEBUG ?=
kernel_flags := $(guest_flags) -ffreestanding -mgeneral-regs-only -mcmodel=kernel \
                $(if $(KERNEL_DEBUG),-DKERNEL_DEBUG) \
                -Iguest/kernel/include -Iguest/kernel -Iguest/abi -Idevices
loader_flags := $(guest_flags) -ffreestanding -mgeneral-regs-only -Iguest/loader -Idevices
user_flags := $(guest_flags) -D__DYNAMIC_REENT__ -ffunction-sections -fdata-sections \
              -ftls-model=local-exec -isystem $(B)/newlib/include \
              -I$(B)/guest/include -Iguest/abi -Iguest/user/include -Iguest/user/include/posix \
              $(addprefix -I,$(sort $(wildcard guest/user/lib/*/include))) -Idevices

# (posix/ holds what belongs to a C library: host code, which has one, must not see it.)

# --- stamps --------------------------------------------------------------------------------------
compiler := $(shell $(CC) -dumpfullversion -dumpmachine 2>/dev/null)
# stamp NAME,TEXT: build/flags/NAME holds "= TEXT"; touched only when TEXT is new.  The folder is no part of it:
# a build/ that was moved stays good.
define write_stamp
ifneq ($$(strip $$(file <$(B)/flags/$(1))),$$(strip = $(2)))
$$(if $$(shell mkdir -p $(B)/flags && touch $(B)/flags/$(1) && echo yes),,$$(error \
    cannot write to $(B)/: build in a copy of this tree that is yours (git clone), or as its owner))
$$(file >$(B)/flags/$(1),$$(strip = $(2)))
endif
endef
stamp = $(if $(active),$(eval $(call write_stamp,$(1),$(subst $(prefix_map),,$(2)))))

$(call stamp,host,$(CC) $(compiler) $(host_flags))
$(call stamp,san,$(CC) $(compiler) $(san_flags))
$(call stamp,san_guest,$(CC) $(compiler) $(san_guest_flags))
# What the guest is linked with; part of the stamps of the lists of objects.
kernel_link_flags := -nostdlib -static -no-pie --fatal-warnings -z max-page-size=4096 -z noexecstack \
                     --build-id=none -T guest/kernel/kernel.ld
loader_link_flags := -nostdlib -static -no-pie --fatal-warnings -z max-page-size=4096 \
                     -z noexecstack -z norelro --build-id=none -T guest/loader/loader.ld
user_link_flags := -static -no-pie -nostdlib -Wl,-T,guest/user/user.ld -Wl,-z,max-page-size=4096 \
                   -Wl,-z,separate-code -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--fatal-warnings \
                   -Wl,--gc-sections \
                   -Wl,--wrap=_malloc_r,--wrap=_calloc_r,--wrap=_realloc_r,--wrap=_memalign_r,--wrap=__srefill_r
# The monitor and init are nobody's clients; every other domain has the clients of its monitor and
# its memory server, which the library starts if they are there.
client_link_flags := -Wl,-u,monitor_client_init,-u,mem_client_allocate,-u,flounder_parcel_deposit
alone_domains := monitor init
$(call stamp,kernel,$(CC) $(compiler) $(kernel_flags))
$(call stamp,loader,$(CC) $(compiler) $(loader_flags))
$(call stamp,user,$(CC) $(compiler) $(user_flags))
