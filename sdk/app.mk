# SPDX-License-Identifier: MIT
#
# Builds the programs of one folder, the current one; run by vmm-app and `make app DIR=`.
#
# Which programs: a Hakefile in its plain form (hakefile.awk reads it), else a file Programs (programs.awk),
# else one, named as the folder, of all its sources.  Interfaces: every NAME.if here or in if/.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash

OUT := build
WERROR :=
work := $(OUT)/.build
kinds := c cc cpp cxx S
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n'

# What the SDK was built from: another one builds everything again.
$(shell mkdir -p $(work); cmp -s "$(SDK)/lib/version" $(work)/sdk || cp "$(SDK)/lib/version" $(work)/sdk)

# --- which programs ------------------------------------------------------------------------------
description := $(firstword $(wildcard Hakefile Programs))
ifneq ($(description),)
reader := $(if $(filter Hakefile,$(description)),hakefile.awk,programs.awk)
$(work)/programs.mk: $(description) $(work)/sdk
	$(Q)awk -f "$(SDK)/$(reader)" $< > $@
ifeq ($(filter clean,$(MAKECMDGOALS)),)
include $(work)/programs.mk
endif
else
PROGRAMS := $(subst $() ,-,$(FOLDER))
sources_$(PROGRAMS) := $(sort $(foreach k,$(kinds),$(wildcard *.$k)))
ifeq ($(filter clean,$(MAKECMDGOALS)),)
$(if $(sources_$(PROGRAMS)),,$(error no Hakefile, no file Programs and no sources in $(CURDIR)))
endif
endif

.PHONY: all clean list
all: $(PROGRAMS:%=$(OUT)/%)
list:
	@printf '%s\n' $(PROGRAMS)
clean:
	$(Q)rm -rf $(work) $(PROGRAMS:%=$(OUT)/%)

# --- interfaces ----------------------------------------------------------------------------------
interface_files := $(wildcard *.if if/*.if)
type_files := $(foreach f,$(interface_files),$(if $(findstring types,$(notdir $f)),$f))
interface_files := $(filter-out $(type_files),$(interface_files))
interfaces := $(basename $(notdir $(interface_files)))
interface_objects := $(interfaces:%=$(work)/if/%.o)

define interface_rule
$(work)/if/$(basename $(notdir $(1))).o: $(1) $(type_files) $(work)/sdk
	$$(say) IDL $$<
	$$(Q)rm -rf $(work)/if/$(basename $(notdir $(1)))
	$$(Q)mkdir -p $(work)/if/$(basename $(notdir $(1))) $(work)/include/if
	$$(Q)"$$(SDK)/bin/idl" --lang=c --header-dir $(work)/include/if \
	    --source-dir $(work)/if/$(basename $(notdir $(1))) -I "$$(SDK)/idl/types.if" \
	    $(addprefix -I ,$(type_files)) $$<
	$$(Q)cd $(work)/if/$(basename $(notdir $(1))) && for source in *.c; do \
	    "$$(SDK)/bin/vmm-cc" -mgeneral-regs-only -std=gnu17 -I $(relative)/include -c -o $$$${source%.c}.o $$$$source || exit 1; \
	done && $$(LD) -r -o ../$$(@F) *.o
endef
LD := ld
relative := ../..
$(foreach f,$(interface_files),$(eval $(call interface_rule,$f)))

# --- programs ------------------------------------------------------------------------------------
# object PROGRAM,SOURCE
object = $(work)/$(1)/$(subst ../,up/,$(2)).o
includes := -I $(work)/include -I . -I include

define source_rule
$(call object,$(1),$(2)): $(2) $(work)/sdk $(work)/programs.flags | $(interface_objects)
	$$(say) $(if $(filter %.c %.S,$(2)),CC,CXX) $$<
	$$(Q)mkdir -p $$(@D)
	$$(Q)"$$(SDK)/bin/$(if $(filter %.c %.S,$(2)),vmm-cc,vmm-c++)" $$(WERROR) $$(includes) $$(flags_$(1)) \
	    $$(if $$(filter %.c,$(2)),$$(CFLAGS),$$(CXXFLAGS)) -MMD -MP -c -o $$@ $$<
-include $(basename $(call object,$(1),$(2))).d
endef

define program_rule
$(foreach s,$(sources_$(1)),$(eval $(call source_rule,$(1),$s)))
$(OUT)/$(1): $(foreach s,$(sources_$(1)),$(call object,$(1),$s)) $(interface_objects) $(work)/sdk
	$$(say) LD $$@
	$$(Q)"$$(SDK)/bin/vmm-cc" $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(libraries_$(1):%=-l%)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$p)))

# The flags, so that a changed one builds again.
flags_text := $(CFLAGS) $(CXXFLAGS) $(WERROR) $(foreach p,$(PROGRAMS),$p: $(sources_$p) $(flags_$p))
ifneq ($(file <$(work)/programs.flags),$(flags_text))
$(file >$(work)/programs.flags,$(flags_text))
endif
