#!/bin/bash
# SPDX-License-Identifier: MIT
#
# No permission to open /dev/kvm: --engine kvm says so and how to mend it (exit 3); doctor says the
# same; --engine auto takes the other engine and says so.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[ -e /dev/kvm ] || skip "this host has no /dev/kvm to be refused"
drop=()
if [ -w /dev/kvm ]; then
    [ "$(id -u)" -eq 0 ] || skip "/dev/kvm is open to this user, who cannot give that up"
    drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${drop[@]}" test ! -w /dev/kvm || skip "/dev/kvm is open to everybody"
    # nobody cannot read this tree, perhaps: a copy for him, laid out as it is installed
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    mkdir -p "$place/bin" "$place/lib/vmm"
    cp "$VMM" "$place/bin/vmm"
    cp -R "$images" "$place/lib/vmm/guest"
    library=$(dirname "$VMM")/../unicorn/usr/lib/x86_64-linux-gnu/libunicorn.so.2
    [ ! -e "$library" ] || cp -L "$library" "$place/lib/vmm/"
    chmod -R a+rX "$place"
    cp -R scenarios "$place/"
    VMM=$place/bin/vmm
    # nor can he read the library beside this tree's vmm; an installed vmm finds its own
    [[ ${VMM_UNICORN:-} != "$(cd "$B" && pwd)"/* ]] || unset VMM_UNICORN
    cd "$place" || exit 1
fi

# as_nobody ARGUMENT...: vmm without the right to use /dev/kvm
as_nobody() {
    echo "+ vmm $*"
    status=0
    timeout -k 5 600 "${drop[@]}" "$VMM" "$@" >"$TMP/out" 2>&1 </dev/null || status=$?
}

as_nobody run --engine kvm scenarios/two-core-idc.yaml
exits_with 3
says 'permission.*/dev/kvm|/dev/kvm.*[Pp]ermission'
is_brief 5

as_nobody doctor --engine kvm
exits_with 3
says '/dev/kvm'

case " $ENGINES " in
*' unicorn '*)
    as_nobody run scenarios/two-core-idc.yaml
    exits_with 0
    says '^PASS two-core-idc .*unicorn'
    ;;
*)
    as_nobody run scenarios/two-core-idc.yaml
    exits_with 3
    ;;
esac
