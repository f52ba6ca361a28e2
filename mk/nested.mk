# SPDX-License-Identifier: MIT
#
# `make check-nested`: vmm on hardware KVM, which QEMU emulates (docs/engines.md).
#
# Built here: the helper of the host, the first program of the guest (static: nothing else is there),
# and the KVM self-tests without Criterion and sanitizers.  QEMU and the kernel are fetched, the
# kernel's payload is unpacked; tools/nested/run does the rest.  NESTEDFLAGS are its options.

nested_dir := $(B)/nested
nested_flags := $(common_flags) -O2 -D_GNU_SOURCE=
nested_sources := $(sort $(wildcard tools/nested/*.c))
nested_tests := tests/nested/selftest.c $(sort $(wildcard tests/unit/test_kvm*.c))
nested_test_objects := $(call objects,nested/obj,$(nested_tests))
nested_tool_objects := $(call objects,nested/obj,$(nested_sources))
nested_programs := $(nested_dir)/bin/nested $(nested_dir)/bin/init $(nested_dir)/bin/selftest
NESTEDFLAGS ?=

$(call stamp,nested,$(CC) $(compiler) $(nested_flags))
$(call stamp,nested.objects,$(nested_tool_objects) $(nested_test_objects) $(vmm_objects))

$(nested_dir)/obj/tests/unit/%.o: tests/unit/%.c $(B)/flags/nested
	$(say) CC "$< (nested)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(nested_flags) -pthread -Itests/nested $(host_includes) $(depend_flags) -c -o $@ $<

$(nested_dir)/obj/%.o: %.c $(B)/flags/nested
	$(say) CC "$<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(nested_flags) -I. -Itests/nested $(depend_flags) -c -o $@ $<

$(nested_dir)/bin/nested: $(nested_tool_objects) $(B)/flags/nested.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(nested_tool_objects) -ljansson

$(nested_dir)/bin/init: tests/nested/init.c $(B)/flags/nested
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(nested_flags) -static -o $@ $<

# The engines are referred to weakly, so objects are linked, not an archive.
$(nested_dir)/bin/selftest: $(nested_test_objects) $(filter-out $(B)/host/vmm/cli/main.o,$(vmm_objects)) \
    $(shared_objects) $(B)/flags/nested.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(host_libs)

# What a run needs and make can build; fetching is left to the run.
.PHONY: nested-programs check-nested
nested-programs: all $(nested_programs)

check-nested: nested-programs
	$(Q)B=$(B) tools/nested/run $(NESTEDFLAGS)

-include $(nested_tool_objects:.o=.d) $(nested_test_objects:.o=.d)
