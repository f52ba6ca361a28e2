#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `vmm export --format libvirt` writes is a domain for libvirt's own tools: valid by its schema, and
# virsh defines, starts, lists, shows the console of, and ends it.  The daemon is of this test alone: an
# unprivileged one, with all its folders and its socket below one that goes afterwards.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
for tool in virsh libvirtd virt-xml-validate; do
    PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null ||
        skip "no $tool: apt-get install libvirt-daemon libvirt-clients"
done
command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64: apt-get install qemu-system-x86"
command -v script >/dev/null || skip "no script(1), which virsh console needs for a terminal"
place=$(mktemp -d /tmp/w.XXXXXX) # short: sockets lie in it
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null; wait; rm -rf "$place"' EXIT

for board in microvm q35; do
    vmm export --format libvirt --set "machine.board=$board" scenarios/two-core-idc.yaml "$place/$board"
    exits_with 0
    says "^virsh define $place/$board/domain.xml"
    virt-xml-validate "$place/$board/domain.xml" domain >"$TMP/out" 2>&1 || fail "$board: not valid"
done

private=(env -i "PATH=$PATH:/usr/sbin" "HOME=$place/home" "XDG_RUNTIME_DIR=$place/run"
    "XDG_CONFIG_HOME=$place/home/config" "XDG_CACHE_HOME=$place/home/cache" LC_ALL=C TERM=dumb)
mkdir -p "$place/home" "$place/run"
if [ "$(id -u)" -eq 0 ]; then
    chown -R 65534:65534 "$place"
    private=(setpriv --reuid=65534 --regid=65534 --clear-groups "${private[@]}")
fi
chmod -R a+rX "$place"
"${private[@]}" libvirtd >"$place/daemon" 2>&1 &
daemon=$!
virsh() {
    "${private[@]}" timeout -k 5 120 virsh -q -c qemu:///session "$@"
}
for ((i = 0; i < 300; i++)); do
    [ ! -S "$place/run/libvirt/libvirt-sock" ] || break
    kill -0 "$daemon" 2>/dev/null || skip "libvirtd does not run here: $(tail -n 1 "$place/daemon")"
    sleep 0.1
done

for board in microvm q35; do
    echo "$board:"
    {
        virsh define "$place/$board/domain.xml" && virsh start --paused two-core-idc && virsh list --all
    } >"$TMP/out" 2>&1 || fail "virsh does not start the domain"
    says 'two-core-idc +paused'
    sed -n '/two-core/p' "$TMP/out"
    # the console is that of a terminal; nobody types
    "${private[@]}" timeout -k 5 300 script -qfc \
        "virsh -c qemu:///session console --force two-core-idc" "$place/console" \
        >/dev/null 2>&1 < <(sleep 300) &
    console=$!
    until grep -qsa 'Escape character' "$place/console"; do
        kill -0 "$console" 2>/dev/null || fail "virsh console has ended"
        sleep 0.1
    done
    virsh resume two-core-idc >/dev/null || fail "virsh resume"
    until grep -qsaE ' 0 u myapp: hello message received!' "$place/console"; do
        kill -0 "$console" 2>/dev/null || fail "virsh console has ended: $(tail -c 300 "$place/console")"
        sleep 0.1
    done
    grep -a 'hello message' "$place/console"
    { virsh destroy two-core-idc && virsh undefine two-core-idc; } >/dev/null || fail "virsh destroy"
    wait "$console"
    rm -f "$place/console"
done

# the daemon refuses what has the name of another, in its own words
virsh define "$place/q35/domain.xml" >/dev/null 2>&1 || fail "virsh define"
sed '/<uuid>/d; s/<memory /<uuid>12345678-1234-1234-1234-123456789abc<\/uuid><memory /' "$place/q35/domain.xml" \
    >"$place/again.xml"
! virsh define "$place/again.xml" >"$TMP/out" 2>&1 || fail "two domains of one name"
says "two-core-idc.* already exists"
virsh undefine two-core-idc >/dev/null || fail "virsh undefine"

# vmm run on this daemon leaves no domain
status=0
"${private[@]}" TMPDIR="$place" timeout -k 5 300 "$VMM" run -q --engine qemu --connect qemu:///session --set machine.board=q35 \
    scenarios/two-core-idc.yaml >"$TMP/out" 2>&1 </dev/null || status=$?
exits_with 0
says '^PASS two-core-idc .* qemu '
[ -z "$(virsh list --all --name | tr -d '\n')" ] || fail "a domain is left"
