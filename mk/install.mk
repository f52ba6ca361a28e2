# SPDX-License-Identifier: MIT
#
# make install PREFIX=/usr/local [DESTDIR=]: vmm finds its guest images in ../lib/vmm/guest beside
# the folder it lies in, so an installed tree can be moved as a whole.  Everybody may read it, whatever
# the umask of who installs.  The SDK comes with it: with vmm-app, vmm-cc and vmm-c++ programs are
# built without this tree.

installed := "$(DESTDIR)$(PREFIX)"
install_scenarios = $(sort $(shell find scenarios -type f ! -name '.*'))
version := $(shell sed -n 's/^.define PROJECT_VERSION "\(.*\)"/\1/p' devices/abi/version.h)
# What a package built from this commit may call its date, so that two builds are equal.
commit_time := $(or $(SOURCE_DATE_EPOCH),$(if $(active),$(shell git log -1 --format=%ct 2>/dev/null)),0)

# Manual pages and completions come from --help.  Without help2man there are no pages, and that is said.
$(B)/share.stamp: $(B)/bin/vmm $(B)/bin/idl tools/man-pages tools/completions
	$(say) HELP $(B)/share
	$(Q)rm -rf $(B)/share
	$(Q)tools/completions $(B)/bin $(B)/share/completions
	$(Q)SOURCE_DATE_EPOCH=$(commit_time) tools/man-pages $(B)/bin $(B)/share/man || { [ $$? -eq 3 ] && \
	    echo "install: no manual pages without help2man: apt-get install help2man" >&2; }
	$(Q)touch $@

# Everything that an installed tree holds, as `MODE SOURCE TARGET`, the target below PREFIX.  `install`
# copies these, `uninstall` removes them.
define installed_files
755 $(B)/bin/vmm bin/vmm
755 $(B)/bin/idl bin/idl
644 $(B)/guest/boot/cpu lib/vmm/guest/boot/cpu
$(foreach f,$(shell find $(B)/sdk ! -type d),$(if $(findstring /bin/,$(f)),755,644) $(f) $(f:$(B)/%=lib/vmm/%)
)$(foreach f,$(domain_images),644 $(f) lib/vmm/guest/sbin/$(notdir $(f))
)$(foreach f,$(install_scenarios) LICENSE,644 $(f) share/vmm/$(f)
)$(foreach f,$(wildcard $(B)/unicorn/usr/lib/x86_64-linux-gnu/libunicorn.so.2),644 $(f) lib/vmm/$(notdir $(f))
)$(foreach f,$(wildcard $(B)/share/man/*.1),644 $(f) share/man/man1/$(notdir $(f))
)$(foreach f,$(wildcard $(B)/share/completions/bash/*),644 $(f) share/bash-completion/completions/$(notdir $(f))
)$(foreach f,$(wildcard $(B)/share/completions/zsh/*),644 $(f) share/zsh/site-functions/$(notdir $(f))
)
endef

# Links into the SDK, which they find beside the file that they lead to.
sdk_tools := vmm-app vmm-cc vmm-c++

.PHONY: install uninstall
install: all $(B)/share.stamp
	$(say) INSTALL $(installed)
	$(Q)$(file >$(B)/installed.list,$(installed_files)) \
	    umask 022; while read -r mode source target; do \
	    [ -z "$$mode" ] || install -D -m "$$mode" "$$source" $(installed)/"$$target"; \
	done <$(B)/installed.list
	$(Q)for tool in $(sdk_tools); do \
	    ln -sf ../lib/vmm/sdk/bin/$$tool $(installed)/bin/$$tool; \
	done

# Files that `install` put there, and the folders of ours that are then empty.
uninstall: all $(B)/share.stamp
	$(say) REMOVE $(installed)
	$(Q)$(file >$(B)/installed.list,$(installed_files)) \
	    while read -r mode source target; do \
	    [ -z "$$mode" ] || rm -f $(installed)/"$$target"; \
	done <$(B)/installed.list
	$(Q)rm -f $(sdk_tools:%=$(installed)/bin/%)
	$(Q)for folder in $(installed)/lib/vmm $(installed)/share/vmm; do \
	    [ ! -d "$$folder" ] || find "$$folder" -depth -type d -empty -delete; \
	done

# --- Debian package ------------------------------------------------------------------------------
# dpkg-shlibdeps finds the libraries that the programs need; the kernel of the host is no dependency, and
# the library of the deterministic engine goes along.
deb_root := $(B)/deb/root
deb_file := $(B)/vmm_$(version)_amd64.deb

.PHONY: deb
deb:
	$(Q)rm -rf $(B)/deb
	$(Q)$(MAKE) install PREFIX=/usr DESTDIR="$(CURDIR)/$(deb_root)"
	$(Q)tools/make-deb $(B)/deb $(version) $(deb_file)
	$(say) DEB $(deb_file)

.PHONY: check-package
check-package:
	$(Q)tools/check-package

# --- the documentation as a site -----------------------------------------------------------------
.PHONY: site
site:
	$(Q)command -v mkdocs >/dev/null || { echo "site: mkdocs is not installed: apt-get install mkdocs" >&2; exit 3; }
	$(Q)mkdocs build --quiet --strict
	$(say) SITE $(B)/site/index.html
