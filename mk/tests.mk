# SPDX-License-Identifier: MIT
#
# tests/unit/test_X.c -> build/tests/test_X: one Criterion program each, under ASan and UBSan, linked
# against all host code (without the two mains) and the guest code listed here.  A test names
# further guest sources in a comment line  /* link: guest/kernel/mdb/mdb.c ... */ , or those of the
# CPU driver  /* link: the CPU driver */ ; they are compiled for the host with -DHOST_TEST.
# tests/run runs everything and counts.

unit_sources := $(sort $(wildcard tests/unit/test_*.c))
unit_helpers := $(filter-out $(unit_sources),$(sort $(wildcard tests/unit/*.c)))
unit_programs := $(unit_sources:tests/unit/%.c=$(B)/tests/%)

# Guest code every test may use.
test_guest_sources := $(sort $(wildcard guest/kernel/mdb/*.c))

san_objects := $(call objects,san,$(filter-out vmm/cli/main.c,$(vmm_sources)))
san_idl_objects := $(call objects,san,$(filter-out idl/main.c,$(idl_sources)) $(shared_sources))
san_guest_objects := $(call objects,san,$(test_guest_sources))
unit_helper_objects := $(call objects,san,$(unit_helpers))

# What the CPU driver is without entries, start-up and platform: "the CPU driver" in a link line.
cpu_driver_sources := $(addprefix guest/kernel/,delete.c stop.c lrpc.c syscall.c cspace.c schedule.c \
    wakeup.c notify.c schedule_rbed.c invocation.c) $(sort $(wildcard guest/kernel/objects/*.c))

# "test_x:source" for each source in a link line of tests/unit/test_x.c
link_lines := $(if $(unit_sources),$(shell awk '/^\/\* *link:/ { \
    name = FILENAME; sub(/.*\//, "", name); sub(/\.c$$/, "", name); \
    if (/link: the CPU driver/) print name ":CPU"; \
    for (i = 1; i <= NF; i++) if ($$i ~ /\.[cS]$$/) print name ":" $$i }' $(unit_sources)))
link_words := $(foreach w,$(link_lines),$(if $(filter %:CPU,$w),$(addprefix $(w:CPU=),$(cpu_driver_sources)),$w))
linked_sources = $(patsubst $(1):%,%,$(filter $(1):%,$(link_words)))
linked_objects := $(call objects,san,$(sort $(patsubst test_%,%,$(foreach w,$(link_words),$(lastword $(subst :, ,$w))))))

# The monitor, several times in one program: every name of a copy is local but monitor_copy_N.  A file of
# tests/monitor/peek_*.c stands in the place of the monitor's file of that name, which it includes.
monitor_world := $(B)/tests/test_monitor_world
monitor_peeks := $(sort $(wildcard tests/monitor/peek_*.c))
monitor_peeked := $(foreach p,$(monitor_peeks:tests/monitor/peek_%=%),$(wildcard guest/user/monitor/*/$p))
monitor_plain := $(filter-out $(monitor_peeked),$(sort $(call find_sources,guest/user/monitor))) \
                 guest/user/lib/services/account.c guest/user/lib/services/send_queue.c
monitor_objects := $(call objects,san,$(monitor_peeks) $(monitor_plain) tests/monitor/instance.c)
monitor_copies := $(foreach n,0 1 2 3,$(B)/san/monitor/copy_$n.o)

$(B)/san/monitor/one.o: $(monitor_objects) $(B)/flags/san.monitor
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) -r -o $@.all $(monitor_objects)
	$(Q)objcopy --keep-global-symbol=monitor_copy $(foreach f,malloc calloc free,--redefine-sym $f=world_$f) $@.all $@
$(call stamp,san.monitor,$(monitor_objects))

$(monitor_copies): $(B)/san/monitor/copy_%.o: $(B)/san/monitor/one.o
	$(Q)objcopy --redefine-sym monitor_copy=monitor_copy_$* $< $@

$(monitor_world): $(monitor_copies)
# They speak through generated headers.
monitor_test_objects := $(monitor_objects) $(call objects,san,$(sort $(wildcard tests/monitor/*.c)))
$(monitor_test_objects): san_guest_flags += -I$(B)/guest/include
$(monitor_test_objects): test_flags += -I$(B)/guest/include
$(monitor_test_objects): | $(interface_stamps) $(if_types)

# The CPU driver, and the parts of the monitor that carry capabilities, of three cores in one program
# (tests/capabilities): every name of a copy is local but one.
capability_cores := $(B)/tests/test_capability_cores
capability_kernel := $(call objects,san,tests/capabilities/kernel_copy.c $(test_guest_sources) \
    $(cpu_driver_sources))
capability_monitor := $(call objects,san,tests/capabilities/monitor_copy.c guest/user/monitor/base/ticket.c \
    $(addprefix guest/user/monitor/parts/,kept.c capops.c parcel.c))
capability_copies := $(foreach n,0 1 2,$(B)/san/capabilities/kernel_copy_$n.o \
                                       $(B)/san/capabilities/capability_monitor_$n.o)

$(B)/san/capabilities/kernel_copy.o: $(capability_kernel)
$(B)/san/capabilities/capability_monitor.o: $(capability_monitor)
$(B)/san/capabilities/kernel_copy.o $(B)/san/capabilities/capability_monitor.o: $(B)/flags/san.monitor
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) -r -o $@.all $(filter %.o,$^)
	$(Q)objcopy --keep-global-symbol=$(basename $(@F)) $@.all $@
define capability_copy
$(B)/san/capabilities/$(1)_$(2).o: $(B)/san/capabilities/$(1).o
	$$(Q)objcopy --redefine-sym $(1)=$(1)_$(2) $$< $$@
endef
$(foreach n,0 1 2,$(foreach c,kernel_copy capability_monitor,$(eval $(call capability_copy,$c,$n))))
$(capability_cores): $(capability_copies)
capability_test_objects := $(capability_monitor) $(call objects,san,tests/capabilities/kernel_copy.c)
$(capability_test_objects): san_guest_flags += -I$(B)/guest/include
$(capability_test_objects): test_flags += -I$(B)/guest/include
$(capability_test_objects): | $(interface_stamps) $(if_types)
-include $(capability_kernel:.o=.d) $(capability_monitor:.o=.d)

$(B)/san/tests/unit/test_monitor_capops.o: test_flags += -I$(B)/guest/include
$(B)/san/tests/unit/test_monitor_capops.o: | $(interface_stamps) $(if_types)
$(B)/san/tests/unit/test_monitor_stop.o: test_flags += -I$(B)/guest/include
$(B)/san/tests/unit/test_monitor_stop.o: | $(interface_stamps) $(if_types)
octopus_test_objects := $(B)/san/guest/user/octopus/syncs.o $(B)/san/tests/unit/test_oct_syncs.o
$(octopus_test_objects): san_guest_flags += -I$(B)/guest/include
$(octopus_test_objects): test_flags += -I$(B)/guest/include
$(octopus_test_objects): | $(interface_stamps) $(if_types)

# The table of engines refers to them weakly, and a weak reference pulls nothing out of an archive:
# the engines go in as one object.
san_engine_objects := $(filter $(B)/san/vmm/engine/%,$(san_objects))
san_engine := $(if $(san_engine_objects),$(B)/san/vmm/engines.o)
san_members := $(filter-out $(san_engine_objects),$(san_objects)) $(san_engine) $(san_idl_objects) \
               $(san_guest_objects)

$(B)/san/vmm/engines.o: $(san_engine_objects) $(B)/flags/san.objects
	$(say) LD $@
	$(Q)$(LD) -r -o $@ $(san_engine_objects)

san_archive := $(B)/san/libtest.a
$(call stamp,san.objects,$(san_objects) $(san_idl_objects) $(san_guest_objects))

$(san_archive): $(san_members) $(B)/flags/san.objects
	$(say) AR $@
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(san_members)

define unit_rule
$$(call stamp,unit.$(1),$$(call linked_sources,$(1)) $(unit_helpers) $(test_libs))
$(B)/tests/$(1): $(B)/san/tests/unit/$(1).o $$(call objects,san,$$(call linked_sources,$(1))) \
    $(unit_helper_objects) $(san_archive) $(B)/flags/unit.$(1)
	$$(say) LINK $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) -fsanitize=address,undefined -o $$@ $$(filter %.o,$$^) $(san_archive) $(test_libs)
endef
$(foreach t,$(unit_programs:$(B)/tests/%=%),$(eval $(call unit_rule,$t)))

$(B)/san/guest/%.o: guest/%.c $(B)/flags/san_guest
	$(say) CC "$< (test)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(san_guest_flags) $(depend_flags) -c -o $@ $<

$(B)/san/tests/%.o: tests/%.c $(B)/flags/san_guest
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(test_flags) $(depend_flags) -c -o $@ $<

# It leaves functions on stacks of its own that never return, of which AddressSanitizer must not think
# that they still have their variables there.  The same code runs under it in test_ump_chan.
$(B)/san/tests/unit/test_ump_wakeup.o: test_flags += -fno-sanitize=address

$(B)/san/proto/%.o: $(B)/proto/%.c $(B)/flags/san
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(san_flags) $(depend_flags) -c -o $@ $<

$(B)/san/vmm/report/page.o: vmm/report/page/report.html
$(B)/san/vmm/report/trace_perfetto.o: | $(B)/proto/perfetto.pb-c.h

$(B)/san/%.o: %.c $(B)/flags/san
	$(say) CC "$< (test)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(san_flags) $(depend_flags) -c -o $@ $<

.PHONY: tests check soak
tests: $(unit_programs) $(B)/bench/count

check: all tests
	$(Q)B=$(B) tests/run

soak: all tests
	$(Q)B=$(B) tests/run --soak $(SOAK)

-include $(san_objects:.o=.d) $(san_idl_objects:.o=.d) $(san_guest_objects:.o=.d) $(unit_helper_objects:.o=.d) \
         $(linked_objects:.o=.d) $(monitor_objects:.o=.d) $(unit_sources:%.c=$(B)/san/%.d)
