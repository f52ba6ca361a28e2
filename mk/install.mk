# SPDX-License-Identifier: MIT
#
# make install PREFIX=/usr/local [DESTDIR=]: vmm finds its guest images in ../lib/vmm/guest beside
# the folder it lies in, so an installed tree can be moved as a whole.  Everybody may read it, whatever
# the umask of who installs.  The SDK comes with it: with vmm-app, vmm-cc, vmm-c++ and vmm-idl programs are
# built without this tree.

installed := "$(DESTDIR)$(PREFIX)"
install_scenarios = $(sort $(shell find scenarios -type f ! -name '.*'))

.PHONY: install
install: all
	$(say) INSTALL $(installed)
	$(Q)umask 022; install -d $(addprefix $(installed)/,bin lib/vmm/guest/boot lib/vmm/guest/sbin \
	    $(sort $(dir $(install_scenarios:%=share/vmm/%))))
	$(Q)install -m 755 $(B)/bin/vmm $(installed)/bin/
	$(Q)install -m 644 $(B)/guest/boot/cpu $(installed)/lib/vmm/guest/boot/
	$(Q)install -m 644 $(domain_images) $(installed)/lib/vmm/guest/sbin/
	$(Q)for file in $(install_scenarios) LICENSE; do \
	    install -m 644 $$file $(installed)/share/vmm/$$file; \
	done
	$(Q)umask 022; rm -rf $(installed)/lib/vmm/sdk; cp -r $(B)/sdk $(installed)/lib/vmm/sdk
	$(Q)chmod -R u=rwX,go=rX $(installed)/lib/vmm/sdk
	$(Q)for tool in vmm-app vmm-cc vmm-c++; do \
	    ln -sf ../lib/vmm/sdk/bin/$$tool $(installed)/bin/$$tool; \
	done; ln -sf ../lib/vmm/sdk/bin/idl $(installed)/bin/vmm-idl
	$(Q)library=$(B)/unicorn/usr/lib/x86_64-linux-gnu/libunicorn.so.2; [ ! -e $$library ] || \
	    install -m 644 $$library $(installed)/lib/vmm/
