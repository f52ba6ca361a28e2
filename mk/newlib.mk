# SPDX-License-Identifier: MIT
#
# newlib, the guest's C library: built once by tools/build-newlib from the archive that Debian's
# newlib-source package installs.  Only the headers and the two libraries are kept.

newlib_archive := $(firstword $(wildcard /usr/src/newlib/newlib-*.tar.*))
newlib_stamp := $(B)/newlib/.built

# What it is made from counts, not when: a build/ that was kept serves a fresh checkout.
$(call stamp,newlib,$(CC) $(compiler) $(notdir $(newlib_archive)) \
    $(shell cat tools/build-newlib $(newlib_archive) 2>/dev/null | cksum))

$(newlib_stamp): $(B)/flags/newlib
	$(say) NEWLIB $(B)/newlib
	$(Q)CC=$(CC) tools/build-newlib $(B)/newlib $(newlib_archive)

