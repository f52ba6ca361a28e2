#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A host that lets KVM run out of something while the guest runs: status 3 with the limit by name, at once,
# and no word about the guest.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' kvm '*) ;;
*) skip "the kvm engine cannot run here: see vmm doctor" ;;
esac
need_image sbin/hello
for base in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    group=$base/vmm-test-$$
    if mkdir "$group" 2>/dev/null && [ -e "$group/pids.max" ]; then
        break
    fi
    rmdir "$group" 2>/dev/null || true
    group=
done
[ -n "$group" ] || skip "no cgroup with a limit of tasks can be made here"
# shellcheck disable=SC2064
trap "rmdir '$group' 2>/dev/null" EXIT

# Each number of tasks lets it get a bit further; with enough it runs.
failed=0
for tasks in 2 3 4 5 6 7 8 10 12 20; do
    echo "$tasks" >"$group/pids.max"
    echo "+ with $tasks tasks"
    status=0
    (
        echo "$BASHPID" >"$group/cgroup.procs" || exit 99
        exec timeout -k 5 120 "$VMM" run --engine kvm --deadline 60s scenarios/two-core-idc.yaml
    ) >"$TMP/out" 2>&1 </dev/null || status=$?
    [ "$status" -ne 0 ] || break
    [ "$status" -ne 1 ] || fail "the guest is blamed"
    if grep -q '^vmm:\|^ERROR' "$TMP/out"; then
        exits_with 3
        failed=$((failed + 1))
        says 'pids\.max is [0-9]+'
    fi
done
[ "$status" -eq 0 ] || fail "it does not run with 20 tasks either"
[ "$failed" -gt 0 ] || fail "no number of tasks was too small"
