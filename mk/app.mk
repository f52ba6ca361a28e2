# SPDX-License-Identifier: MIT
#
# Programs outside this tree: the SDK (build/sdk, which `make install` installs), and `make app DIR=`.

sdk_headers := $(sort $(shell find $(wildcard guest/user/include guest/abi devices/abi) -name '*.[hd]*' -type f))
sdk_stamp := $(B)/sdk.stamp

$(call stamp,sdk,$(sdk_headers))

$(sdk_stamp): $(sdk_headers) $(wildcard sdk/* idl/if/*.if) tools/make-sdk guest/user/user.ld $(B)/flags/sdk \
    $(B)/guest/libbarrelfish.a $(B)/guest/libif.a $(crt_objects) $(if_types) $(interface_stamps) \
    $(newlib_stamp) $(B)/bin/idl
	$(say) SDK $(B)/sdk
	$(Q)tools/make-sdk $(B)
	$(Q)touch $@

.PHONY: sdk app
sdk: $(sdk_stamp)

# make app DIR=FOLDER [OUT=FOLDER]: the programs of a folder, into FOLDER/build
DIR ?=
app: $(sdk_stamp)
	$(Q)[ -n "$(DIR)" ] || { echo "make app needs DIR=FOLDER, the folder of a program" >&2; exit 2; }
	+$(Q)$(B)/sdk/bin/vmm-app "$(DIR)" $(if $(OUT),OUT="$(OUT)")

# As people type it.  A name that is none of ours is a program of the folder DIR.
.PHONY: $(domain_images:$(B)/guest/sbin/%=x86_64/sbin/%)
$(domain_images:$(B)/guest/sbin/%=x86_64/sbin/%): x86_64/sbin/%: $(B)/guest/sbin/%
x86_64/sbin/%: app
	$(Q)[ -e "$(DIR)/$(or $(OUT),build)/$*" ] || { echo "no program $* in $(DIR)" >&2; exit 2; }
