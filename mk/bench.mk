# SPDX-License-Identifier: MIT
#
# `make bench`: what communication costs (docs/performance.md).  build/bench/pingpong is the yardstick,
# two threads of the host; build/bench/count runs a scenario on the deterministic engine and counts
# instructions; build/bench/work does the guest's work on QEMU; tests/bench/run runs them, and the round
# trips on KVM, and prints the tables.  BENCH_SPEED=0 leaves out instructions per second.

bench_vmm_objects := $(filter-out $(B)/host/vmm/cli/main.o,$(vmm_objects)) $(shared_objects)

$(B)/bench/pingpong: $(B)/host/tests/bench/pingpong.o
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -pthread

$(B)/bench/count: $(B)/host/tests/bench/count.o $(bench_vmm_objects) $(B)/flags/vmm.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(host_libs)

# A program for QEMU's bare machine.
bench_work_flags := $(filter-out -nostdinc -isystem $(gcc_include),$(guest_flags)) -ffreestanding \
                    -mgeneral-regs-only -Iguest/abi -Iguest/user/include -Idevices
$(call stamp,bench.work,$(CC) $(compiler) $(bench_work_flags))
$(B)/bench/work: tests/bench/work.c guest/user/lib/barrelfish/ring/ump_ring.c guest/user/apps/idcbench/work.h \
    guest/user/include/barrelfish/ump_impl.h $(B)/flags/bench.work
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_work_flags) -static -no-pie -nostdlib -Wl,-Ttext-segment=0x100000 -Wl,-e,entry \
	    -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--no-warn-rwx-segments -o $@ $(filter %.c,$^)

.PHONY: bench
bench: all $(B)/bench/pingpong $(B)/bench/count $(B)/bench/work
	$(Q)B=$(B) tests/bench/run

-include $(B)/host/tests/bench/pingpong.d $(B)/host/tests/bench/count.d
