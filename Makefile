# SPDX-License-Identifier: MIT
#
# The one Makefile.  Everything is built into build/; the rules live in mk/:
#
#   config.mk   directories, compilers, flags and the stamps that rebuild when flags change
#   host.mk     the programs of the host: build/bin/vmm and build/bin/idl
#   newlib.mk   the guest's C library, built once from Debian's newlib-source
#   guest.mk    CPU driver, interfaces, user library, domains, applications
#   app.mk      the SDK, and programs outside this tree: `make app DIR=`
#   tests.mk    Criterion programs (ASan + UBSan) and `make check`, `make soak`
#   lint.mk     clang-format, clang-tidy, cppcheck, shellcheck
#   install.mk  `make install PREFIX=`
#   bench.mk    `make bench`: instructions and round trips of messages
#   nested.mk   `make check-nested`: everything again inside an emulated host with hardware KVM
#   witness.mk  `make check-witness`: all scenarios on QEMU's microvm and q35
#
# Source lists are wildcards: a new file needs no edit here.  `build/setup.mk` is an included file
# with a rule, so GNU Make brings it up to date (tools/setup: the Debian packages) before anything
# else is even considered, and only once.

.DEFAULT_GOAL := all

# Goals that need nothing installed and nothing generated.
passive_goals := help clean site
goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out $(passive_goals),$(goals)),)
active := 1
endif

include mk/config.mk
# Not by a make within make: one look is enough.
ifeq ($(active)$(MAKELEVEL),10)
ignored := $(shell tools/keep-times $(B)/times)
endif
ifdef active
include $(B)/setup.mk
endif
include mk/host.mk
include mk/newlib.mk
include mk/guest.mk
include mk/app.mk
include mk/tests.mk
include mk/lint.mk
include mk/install.mk
include $(wildcard mk/nested.mk)
include $(wildcard mk/bench.mk)
include mk/witness.mk

.PHONY: all sim clean help
all: host guest sdk

sim: all
	$(Q)$(B)/bin/vmm run $(SIMFLAGS) $(SCENARIO)

clean:
	$(Q)rm -rf $(B)

help:
	@sed 's/^#//' mk/help.txt

# The packages: written by tools/setup when everything needed is there.  Make brings included files up to
# date even if it is only asked what it would do (-n, -q, -t), and hides that from the recipe; then
# nothing may be installed.
letters := $(filter-out -%,$(firstword $(MAKEFLAGS)))
only_asked := $(findstring n,$(letters))$(findstring q,$(letters))$(findstring t,$(letters))
$(B)/setup.mk: tools/setup tools/packages
	$(Q)$(if $(only_asked),VMM_NO_SETUP=1) tools/setup $@
