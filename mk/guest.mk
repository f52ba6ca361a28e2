# SPDX-License-Identifier: MIT
#
# The guest images: build/guest/boot/cpu (CPU driver), build/guest/boot/pc (loader of a PC) and build/guest/sbin/* (one ELF for each
# domain).  Interfaces (idl/if/NAME.if) are compiled by build/bin/idl into build/guest/include/if/
# and build/guest/if/; how many C files come out is the interface compiler's affair, so they are
# compiled by one recipe for each interface and merged into one object.

# --- CPU driver ----------------------------------------------------------------------------------
kernel_sources := $(call find_sources,guest/kernel)
kernel_objects := $(call objects,kernel,$(kernel_sources))
kernel_image := $(B)/guest/boot/cpu

$(call stamp,kernel.objects,$(kernel_link_flags) $(kernel_objects))

$(B)/guest/boot/cpu: $(kernel_objects) guest/kernel/kernel.ld $(B)/flags/kernel.objects
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) $(kernel_link_flags) -Map=$(B)/guest/cpu.map -o $@ $(kernel_objects)

$(B)/kernel/%.o: %.c $(B)/flags/kernel
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(kernel_flags) $(depend_flags) -c -o $@ $<

$(B)/kernel/%.o: %.S $(B)/flags/kernel
	$(say) AS $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(kernel_flags) -D__ASSEMBLER__ $(depend_flags) -c -o $@ $<

# --- the loader of a PC: an ELF that QEMU starts by its PVH note -----------------------------------
loader_sources := $(call find_sources,guest/loader) guest/kernel/arch/x86_64/memory.c
loader_objects := $(call objects,loader,$(loader_sources))
loader_image := $(B)/guest/boot/pc

$(call stamp,loader.objects,$(loader_link_flags) $(loader_objects))

$(loader_image): $(loader_objects) guest/loader/loader.ld $(B)/flags/loader.objects
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) $(loader_link_flags) -o $@ $(loader_objects)

$(B)/loader/%.o: %.c $(B)/flags/loader
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(loader_flags) $(depend_flags) -c -o $@ $<

$(B)/loader/%.o: %.S $(B)/flags/loader
	$(say) AS $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(loader_flags) -D__ASSEMBLER__ $(depend_flags) -c -o $@ $<

# What writes lines of the UMP window keeps to general registers.  A window whose stores are watched is
# read-only to the guest, each store is emulated, and KVM emulates few stores of vector registers.
# (Not for all of the library: functions like debug_printf pass on floating-point arguments.)
window_writer_flags := -mgeneral-regs-only
window_writers := guest/user/lib/flounder/%.c guest/user/lib/barrelfish/ring/%.c \
                  guest/user/lib/barrelfish/channels/ump_chan.c \
                  guest/user/lib/barrelfish/channels/ump_checked.c \
                  guest/user/lib/barrelfish/channels/ump_sleep.c
$(call stamp,window_writers,$(window_writer_flags) $(window_writers))

# What runs when something begins, ends or goes wrong is compiled for size.  What each message or
# each switch of threads passes is not.  (With -Os the compiler follows too few paths to know what
# is initialized.)
small_flags := -Oz -Wno-maybe-uninitialized
barrelfish := guest/user/lib/barrelfish
small_sources := $(foreach folder,memory monitor span start,$(barrelfish)/$(folder)/%.c) \
                 $(foreach file,console debug errors exit faults heap report resource_ctrl spanned thread_life \
                     thread_move,$(barrelfish)/dispatch/$(file).c) \
                 $(foreach file,deferred event_mutex event_queue messages,$(barrelfish)/events/$(file).c) \
                 $(foreach file,connection doorbell multihop_chan multihop_link ump_checked,$(barrelfish)/channels/$(file).c) \
                 $(foreach file,bind/bind handshake life binding local monitor_parcel multihop transport,guest/user/lib/flounder/$(file).c) \
                 $(foreach folder,services spawndomain spawnclient,guest/user/lib/$(folder)/%.c)
# So are the stubs of interfaces that control, and carry no data, and these domains.
control_interfaces := interdisp intermon mem monitor monitor_blocking nameservice spawn
small_domains := monitor hello
# Domains that compute with integers only, which the compiler checks.  Their printf knows no %f,
# which takes 25 KB.
integer_domains := monitor hello init mem_serv spawnd
integer_flags := -mgeneral-regs-only
# An assertion of the library or of these domains names its file and line only: the names of functions take 5 KB.
# Where code is only jumped to it is not aligned: that takes 4 % of what is compiled for speed.
library_flags := -D__ASSERT_FUNC=0 -fno-align-labels -fno-align-jumps
integer_link_flags := -Wl,-u,_svfiprintf_r,--defsym=_svfprintf_r=_svfiprintf_r
$(call stamp,small,$(small_flags) $(small_sources) $(control_interfaces) $(small_domains) $(integer_flags) $(integer_domains) $(library_flags))

# --- interfaces ----------------------------------------------------------------------------------
# Files named *types*.if hold types that any interface may use; they have no messages.
interface_types := $(sort $(wildcard idl/if/*types*.if))
interface_sources := $(filter-out $(interface_types),$(sort $(wildcard idl/if/*.if)))
interfaces := $(interface_sources:idl/if/%.if=%)
interface_stamps := $(interfaces:%=$(B)/guest/if/%.stamp)
interface_objects := $(interfaces:%=$(B)/user/if/%.o)
interface_header_kinds := defs lmp_defs ump_defs multihop_defs local_defs thc

# The stamp gets the time from before the run, so that it is older than the headers: those have it
# as their source.
idl_flags = --lang=c --header-dir $(B)/guest/include/if --source-dir $(B)/guest/if/$* \
            $(addprefix -I ,$(interface_types))
$(call stamp,idl,$(idl_flags))

$(interface_stamps): $(B)/guest/if/%.stamp: idl/if/%.if $(B)/bin/idl $(interface_types) $(B)/flags/idl
	$(say) IDL $<
	$(Q)mkdir -p $(@D)/$* $(B)/guest/include/if
	$(Q)touch $@.tmp
	$(Q)$(B)/bin/idl $(idl_flags) $<
	$(Q)mv $@.tmp $@

if_types := $(B)/guest/include/if/if_types.h
$(if_types): $(interface_sources) $(B)/bin/idl $(B)/flags/interfaces
	$(say) IDL $@
	$(Q)$(B)/bin/idl --if-types --header-dir $(@D) $(addprefix -I ,$(interface_types)) $(interface_sources)
$(call stamp,interfaces,$(interface_sources))

$(foreach i,$(interfaces),$(eval $(interface_header_kinds:%=$(B)/guest/include/if/$i_%.h): $(B)/guest/if/$i.stamp ; @:))

$(control_interfaces:%=$(B)/user/if/%.o): private size_flags := $(small_flags)
$(interface_objects): $(B)/user/if/%.o: $(B)/guest/if/%.stamp $(B)/flags/user \
    $(B)/flags/window_writers $(B)/flags/small | $(interface_stamps) $(newlib_stamp)
	$(say) CC $(B)/guest/if/$*/
	$(Q)rm -rf $(@D)/$*
	$(Q)mkdir -p $(@D)/$*
	$(Q)for source in $(B)/guest/if/$*/*.c; do \
	    name=$$(basename $$source .c); \
	    $(CC) $(user_flags) $(window_writer_flags) $(size_flags) -MMD -MP -MT $@ \
	        -MF $(@D)/$*/$$name.d -c -o $(@D)/$*/$$name.o $$source; \
	done
	$(Q)$(LD) -r -o $@ $(@D)/$*/*.o

# --- user library and crt ------------------------------------------------------------------------
user_ready := $(interface_stamps) $(if_types) $(newlib_stamp)
library_sources := $(call find_sources,guest/user/lib)
library_objects := $(call objects,user,$(library_sources))
crt_objects := $(call objects,user,$(call find_sources,guest/user/crt))
window_writer_objects := $(call objects,user,$(filter $(window_writers),$(library_sources)))
$(window_writer_objects): private source_flags := $(window_writer_flags)
$(window_writer_objects): $(B)/flags/window_writers
$(library_objects): private place_flags := $(library_flags)
$(library_objects): $(B)/flags/small
small_objects := $(call objects,user,$(filter $(small_sources),$(library_sources)))
$(small_objects): private size_flags := $(small_flags)

$(call stamp,libbarrelfish.objects,$(library_objects))
$(call stamp,libif.objects,$(interface_objects))

$(B)/guest/libbarrelfish.a: $(library_objects) $(B)/flags/libbarrelfish.objects
	$(say) AR $@
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(library_objects)

$(B)/guest/libif.a: $(interface_objects) $(B)/flags/libif.objects
	$(say) AR $@
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(interface_objects)

$(B)/user/%.o: %.c $(B)/flags/user | $(user_ready)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) $(source_flags) $(size_flags) $(place_flags) $(depend_flags) -c -o $@ $<

$(B)/user/%.o: %.S $(B)/flags/user | $(user_ready)
	$(say) AS $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) -D__ASSEMBLER__ $(depend_flags) -c -o $@ $<

# --- domains -------------------------------------------------------------------------------------
# Each folder of guest/user/ that is not part of the library, and each folder of guest/user/apps/.
not_domains := include lib crt apps
domain_dirs := $(sort $(patsubst %/,%,$(dir $(wildcard guest/user/apps/*/*.c \
    $(foreach d,$(filter-out $(not_domains),$(notdir $(wildcard guest/user/*))),guest/user/$d/*.c)))))
domain_images := $(foreach d,$(domain_dirs),$(B)/guest/sbin/$(notdir $d))
# Two of one name would be one image.
$(foreach d,$(domain_dirs),$(foreach other,$(filter %/$(notdir $d),$(filter-out $d,$(domain_dirs))),$(error \
    $d and $(other) would both be /sbin/$(notdir $d): rename one of the folders)))
# The image of a folder that is gone goes, too.
$(call stamp,domains,$(domain_images))
$(B)/guest/domains.stamp: $(B)/flags/domains
	$(Q)mkdir -p $(@D)/sbin $(@D)/debug
	$(Q)cd $(@D) && rm -f $(filter-out $(domain_images:$(B)/guest/%=%),$(patsubst \
	    $(B)/guest/%,%,$(wildcard $(B)/guest/sbin/*)))
	$(Q)cd $(@D) && rm -f $(filter-out $(domain_images:$(B)/guest/sbin/%=debug/%),$(patsubst \
	    $(B)/guest/%,%,$(wildcard $(B)/guest/debug/*)))
	$(Q)touch $@
user_libs := -Wl,--start-group $(B)/guest/libbarrelfish.a $(B)/guest/libif.a $(B)/newlib/libc.a \
             $(B)/newlib/libm.a -lgcc -Wl,--end-group

# domain FOLDER: the rule that links build/guest/sbin/<last part of FOLDER>.  An image lies in the machine's RAM
# as it is, so it has symbols, for whoever looks into a machine, but no debug information: that is in
# build/guest/debug/.
define domain_rule
objects_$(notdir $(1)) := $$(call objects,user,$$(call find_sources,$(1)))
link_flags_$(notdir $(1)) := $$(user_link_flags) $$(if $$(filter $(notdir $(1)),$$(alone_domains)),,$$(client_link_flags)) \
    $$(if $$(filter $(notdir $(1)),$$(integer_domains)),$$(integer_link_flags))
$$(objects_$(notdir $(1))): private source_flags := $$(if $$(filter $(notdir $(1)),$$(integer_domains)),$$(integer_flags))
$$(objects_$(notdir $(1))): private size_flags := $$(if $$(filter $(notdir $(1)),$$(small_domains)),$$(small_flags) $$(library_flags))
$$(if $$(filter $(notdir $(1)),$$(integer_domains) $$(small_domains)),$$(eval $$(objects_$(notdir $(1))): $(B)/flags/small))
$$(call stamp,domain.$(notdir $(1)),strip $$(link_flags_$(notdir $(1))) $$(objects_$(notdir $(1))) $$(crt_objects))
$(B)/guest/sbin/$(notdir $(1)): $$(objects_$(notdir $(1))) $$(crt_objects) $(B)/guest/libbarrelfish.a \
    $(B)/guest/libif.a $(newlib_stamp) guest/user/user.ld $(B)/flags/domain.$(notdir $(1))
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D) $(B)/guest/debug
	$$(Q)$$(CC) $$(link_flags_$(notdir $(1))) -o $(B)/guest/debug/$(notdir $(1)) $$(crt_objects) $$(objects_$(notdir $(1))) \
	    $$(user_libs)
	$$(Q)objcopy --strip-debug $(B)/guest/debug/$(notdir $(1)) $$@
all_domain_objects += $$(objects_$(notdir $(1)))
endef
all_domain_objects :=
$(foreach d,$(domain_dirs),$(eval $(call domain_rule,$d)))

.PHONY: guest kernel newlib
guest: $(kernel_image) $(loader_image) $(domain_images) $(B)/guest/domains.stamp
kernel: $(kernel_image)
newlib: $(newlib_stamp)

-include $(kernel_objects:.o=.d) $(loader_objects:.o=.d) $(library_objects:.o=.d) $(crt_objects:.o=.d) \
         $(all_domain_objects:.o=.d) $(wildcard $(B)/user/if/*/*.d)
