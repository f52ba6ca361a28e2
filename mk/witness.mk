# SPDX-License-Identifier: MIT
#
# `make check-witness`: all scenarios on a machine that others wrote (docs/engines.md).

.PHONY: check-witness
check-witness: all
	$(Q)B=$(B) tests/witness/run $(WITNESS)
