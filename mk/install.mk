# SPDX-License-Identifier: MIT
#
# make install PREFIX=/usr/local [DESTDIR=]: vmm finds its guest images in ../lib/vmm/guest beside
# the folder it lies in, so an installed tree can be moved as a whole.

.PHONY: install
install: all
	$(say) INSTALL $(DESTDIR)$(PREFIX)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/vmm/guest/boot \
	    $(DESTDIR)$(PREFIX)/lib/vmm/guest/sbin $(DESTDIR)$(PREFIX)/share/vmm
	$(Q)install -m 755 $(B)/bin/vmm $(DESTDIR)$(PREFIX)/bin/
	$(Q)install -m 644 $(B)/guest/boot/cpu $(DESTDIR)$(PREFIX)/lib/vmm/guest/boot/
	$(Q)install -m 644 $(domain_images) $(DESTDIR)$(PREFIX)/lib/vmm/guest/sbin/
	$(Q)cp -R scenarios $(DESTDIR)$(PREFIX)/share/vmm/
	$(Q)library=$(B)/unicorn/usr/lib/x86_64-linux-gnu/libunicorn.so.2; [ ! -e $$library ] || \
	    install -m 644 $$library $(DESTDIR)$(PREFIX)/lib/vmm/
	$(Q)cp LICENSE $(DESTDIR)$(PREFIX)/share/vmm/
