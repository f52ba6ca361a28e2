# SPDX-License-Identifier: MIT
#
# Checkers of the source text.  Each one that is not installed is skipped by name.

lint_c := $(sort $(shell find devices vmm idl guest tests -name '*.[ch]' 2>/dev/null))

.PHONY: format
format:
	$(say) FORMAT "$(words $(lint_c)) files"
	$(Q)command -v clang-format >/dev/null || { echo "format: apt-get install clang-format"; exit 3; }
	$(Q)clang-format -i $(lint_c)
