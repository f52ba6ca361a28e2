# SPDX-License-Identifier: MIT
#
# Checkers of the source text.  `make lint` runs those that are installed and names the others.
# clang-tidy keeps a stamp for each file under build/lint/, so only what changed is checked again.  Its
# analyser follows the paths of a function up to so many states, and nearly all of its time goes there;
# `make soak` follows the analyser's default (TIDY_DEEP=1), which takes more than four times as long.

lint_all := $(sort $(shell find devices findings vmm idl guest tests tools -name '*.[ch]' 2>/dev/null))
lint_scripts := $(sort $(shell find tools tests .ci -type f 2>/dev/null))
lint_scripts := $(if $(lint_scripts),$(shell grep -lIE '^\#!/bin/(ba)?sh' $(lint_scripts)))
lint_tools := clang-format clang-tidy cppcheck shellcheck

.PHONY: format lint $(lint_tools:%=lint-%)
format:
	$(say) FORMAT "$(words $(lint_all)) files"
	$(Q)command -v clang-format >/dev/null || { echo "format: apt-get install clang-format"; exit 3; }
	$(Q)clang-format -i $(lint_all)

lint:
	$(Q)status=0; for tool in $(lint_tools); do \
	    if ! command -v $$tool >/dev/null; then echo "lint: $$tool is not installed: skipped"; \
	    else $(MAKE) lint-$$tool || status=1; fi; \
	done; exit $$status

lint-clang-format:
	$(say) LINT clang-format
	$(Q)clang-format --dry-run -Werror $(lint_all)

lint-shellcheck:
	$(say) LINT shellcheck
	$(Q)$(if $(lint_scripts),shellcheck -x --severity=warning $(lint_scripts))

cppcheck_flags := --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppressions-list=mk/cppcheck.suppressions -j $(shell nproc) \
    --template='{file}:{line}:{column}: {severity}: {message} [{id}]' --template-location=''
# Library headers are not read; these macros of one contain a loop.
cppcheck_jansson := '-Djson_array_foreach(a,i,v)=for(i=0;i<json_array_size(a)&&(v=json_array_get(a,i));i++)' \
    '-Djson_object_foreach(o,k,v)=for(k=first(o);k&&(v=json_object_get(o,k));k=next(o,k))'
# The header that protoc-c writes asks for the version of the library's, which is not read either.
cppcheck_protobuf := -DPROTOBUF_C_VERSION_NUMBER=9999999 -DPROTOBUF_C_MIN_COMPILER_VERSION=0
domain_sources = $(foreach d,$(domain_dirs),$(call find_sources,$d))

lint-cppcheck:
	$(say) LINT cppcheck
	$(Q)mkdir -p $(B)/lint/cppcheck-host $(B)/lint/cppcheck-guest
	$(Q)status=0; \
	cppcheck $(cppcheck_flags) --cppcheck-build-dir=$(B)/lint/cppcheck-host $(host_includes) -Iidl \
	    $(cppcheck_jansson) $(cppcheck_protobuf) $(filter-out proto/%,$(filter %.c,$(vmm_sources) $(idl_sources) $(shared_sources))) || status=1; \
	cppcheck $(cppcheck_flags) --cppcheck-build-dir=$(B)/lint/cppcheck-guest -Iguest/kernel/include \
	    -Iguest/kernel -Iguest/abi -Iguest/user/include -Iguest/user/include/posix -Idevices -Iguest/loader \
	    $(sort $(filter %.c,$(kernel_sources) $(loader_sources) $(library_sources) $(domain_sources))) || status=1; \
	exit $$status

tidy_dir := $(B)/lint$(if $(TIDY_DEEP),-deep)
tidy_states := $(if $(TIDY_DEEP),225000,50000)

# clang-tidy sees each file with the flags it is built with, except for those only gcc knows.
tidy_user_includes = -isystem $(B)/newlib/include -I$(B)/guest/include -Iguest/abi -Iguest/user/include \
    -Iguest/user/include/posix $(addprefix -I,$(sort $(wildcard guest/user/lib/*/include))) -Idevices
# Its own headers: those of another version that is installed too do not fit.
tidy_clang_include := $(firstword $(wildcard $(addsuffix /lib/clang/*/include,/usr/lib/llvm-14 \
    $(sort $(wildcard /usr/lib/llvm-*)))))
tidy_host := $(filter-out proto/%,$(vmm_sources) $(idl_sources) $(shared_sources))
tidy_kernel := $(filter %.c,$(kernel_sources))
# What both are built with is looked at as the CPU driver's.
tidy_loader := $(filter-out $(kernel_sources),$(filter %.c,$(loader_sources)))
tidy_user := $(filter %.c,$(library_sources) $(domain_sources))

tidy_host_stamps := $(tidy_host:%.c=$(tidy_dir)/%.tidy)
tidy_kernel_stamps := $(tidy_kernel:%.c=$(tidy_dir)/%.tidy)
tidy_loader_stamps := $(tidy_loader:%.c=$(tidy_dir)/%.tidy)
tidy_user_stamps := $(tidy_user:%.c=$(tidy_dir)/%.tidy)

$(tidy_host_stamps): tidy_flags = -D_GNU_SOURCE= $(host_includes) -Iidl
$(tidy_kernel_stamps): tidy_flags = -ffreestanding -mcmodel=kernel -mgeneral-regs-only -nostdinc \
    -isystem $(tidy_clang_include) -Iguest/kernel/include -Iguest/kernel -Iguest/abi -Idevices
$(tidy_loader_stamps): tidy_flags = -ffreestanding -mgeneral-regs-only -nostdinc \
    -isystem $(tidy_clang_include) -Iguest/loader -Idevices
$(tidy_user_stamps): tidy_flags = -nostdinc -isystem $(tidy_clang_include) $(tidy_user_includes)

# The object stands for the headers: it is newer than all of them.
$(tidy_host_stamps): $(tidy_dir)/%.tidy: $(B)/host/%.o
$(tidy_kernel_stamps): $(tidy_dir)/%.tidy: $(B)/kernel/%.o
$(tidy_loader_stamps): $(tidy_dir)/%.tidy: $(B)/loader/%.o
$(tidy_user_stamps): $(tidy_dir)/%.tidy: $(B)/user/%.o

$(tidy_dir)/%.tidy: %.c .clang-tidy
	$(say) TIDY $<
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(tidy_flags) \
	    -Xclang -analyzer-config -Xclang max-nodes=$(tidy_states) 2>&1 \
	    | { grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed |^Use -header-filter' || true; }
	$(Q)touch $@

lint-clang-tidy: $(tidy_host_stamps) $(tidy_kernel_stamps) $(tidy_loader_stamps) $(tidy_user_stamps)
