# SPDX-License-Identifier: MIT
#
# build/bin/vmm (vmm/, devices/) and build/bin/idl (idl/), the rule for host objects, and the library of
# the deterministic engine, which is loaded at run time and never linked.

vmm_sources := $(sort $(wildcard vmm/*/*.c vmm/*/*/*.c devices/*.c))
# An engine may be left out: make KVM=0, make UNICORN=0, make QEMU=0.
ifeq ($(KVM),0)
vmm_sources := $(filter-out vmm/engine/kvm/%,$(vmm_sources))
endif
ifeq ($(UNICORN),0)
vmm_sources := $(filter-out vmm/engine/unicorn/%,$(vmm_sources))
endif
ifeq ($(QEMU),0)
vmm_sources := $(filter-out vmm/engine/qemu/%,$(vmm_sources))
endif
# What protoc-c makes of the formats that vmm writes.
vmm_sources += proto/perfetto.pb-c.c
# The process between vmm and QEMU: libvirt is loaded at run time.
helper_sources := $(sort $(wildcard vmm/engine/qemu/helper/*.c))
helper_objects := $(call objects,host,$(helper_sources))
idl_sources := $(sort $(wildcard idl/*.c))
# What both report by.
shared_sources := $(sort $(wildcard findings/*.c))
shared_objects := $(call objects,host,$(shared_sources))
vmm_objects := $(call objects,host,$(vmm_sources))
idl_objects := $(call objects,host,$(idl_sources))

$(call stamp,vmm.objects,$(hardened_link) $(vmm_objects) $(shared_objects) $(host_libs))
$(call stamp,helper.objects,$(hardened_link) $(helper_objects))
$(call stamp,idl.objects,$(hardened_link) $(idl_objects) $(shared_objects))

# Looked for (or fetched) once; a host where it cannot be had builds all the same, and `make unicorn`
# tries again.
$(B)/unicorn.stamp: tools/fetch-unicorn
	$(Q)tools/fetch-unicorn $(B)/unicorn || true
	$(Q)touch $@

.PHONY: unicorn
unicorn:
	$(Q)tools/fetch-unicorn $(B)/unicorn
	$(Q)touch $(B)/unicorn.stamp

.PHONY: host
host: $(B)/bin/vmm $(B)/bin/vmm-qemu $(B)/bin/idl $(B)/unicorn.stamp

$(B)/bin/vmm: $(vmm_objects) $(shared_objects) $(B)/flags/vmm.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(hardened_link) -o $@ $(vmm_objects) $(shared_objects) $(host_libs)

$(B)/bin/vmm-qemu: $(helper_objects) $(B)/flags/helper.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(hardened_link) -o $@ $(helper_objects) -pthread -ldl

$(B)/bin/idl: $(idl_objects) $(shared_objects) $(B)/flags/idl.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(hardened_link) -o $@ $(idl_objects) $(shared_objects) -ljansson

$(B)/host/%.o: %.c $(B)/flags/host
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) $(depend_flags) -c -o $@ $<

$(B)/proto/perfetto.pb-c.c $(B)/proto/perfetto.pb-c.h &: vmm/report/perfetto.proto
	$(say) PROTO $@
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(<D) --c_out=$(@D) $<

$(B)/host/proto/%.o: $(B)/proto/%.c $(B)/flags/host
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) $(depend_flags) -c -o $@ $<

$(B)/host/vmm/report/page.o: vmm/report/page/report.html
$(B)/host/vmm/report/trace_perfetto.o: | $(B)/proto/perfetto.pb-c.h

-include $(vmm_objects:.o=.d) $(helper_objects:.o=.d) $(idl_objects:.o=.d) $(shared_objects:.o=.d)
