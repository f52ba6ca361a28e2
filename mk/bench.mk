# SPDX-License-Identifier: MIT
#
# `make bench`: what communication costs (docs/performance.md).  build/bench/pingpong is the yardstick,
# two threads of the host; build/bench/count runs a scenario on the deterministic engine and counts
# instructions; tests/bench/run runs both, and the round trips on KVM, and prints the tables.

bench_vmm_objects := $(filter-out $(B)/host/vmm/main.o,$(vmm_objects))

$(B)/bench/pingpong: $(B)/host/tests/bench/pingpong.o
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -pthread

$(B)/bench/count: $(B)/host/tests/bench/count.o $(bench_vmm_objects) $(B)/flags/vmm.objects
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(host_libs)

.PHONY: bench
bench: all $(B)/bench/pingpong $(B)/bench/count
	$(Q)B=$(B) tests/bench/run

-include $(B)/host/tests/bench/pingpong.d $(B)/host/tests/bench/count.d
