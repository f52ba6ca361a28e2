#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Checked channels under each fault of lines alone, at 30 % of all lines of all channels, those of
# the monitors among them: fifty hellos arrive, each once, and nobody is told of an error.  The
# same on plain channels goes wrong, so the faults are real.  CHECKED_SEEDS=N: seeds for each
# (make soak).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" unicorn "* ]] || skip "no deterministic engine here"

actions=(drop "{delay: {min: 1 us, max: 2 ms}}" duplicate "{reorder: 2}" "{corrupt: {bits: 3}}"
    "{tear: {words: [0, 7], for: 200 us}}" "{stale: 1}")

# faulty CHECKED ACTION
faulty() {
    sed -e "s/checked=all/checked=$1/" -e 's/client 5/client 50/' scenarios/menus/hellos-checked.lst >"$TMP/menu.lst"
    cat >"$TMP/faulty.yaml" <<YAML
scenario: faulty
machine: {cores: 2}
boot: {menu: $TMP/menu.lst}
faults:
  - {when: {message: \$any, attempt: any, probability: 0.3}, do: $2}
deadline: 20 s
quiet: 10 ms
expect:
  - {console: hello message received!, count: 50, most: 50}
  - {not: PEER_}
  - {not: PANIC}
YAML
}

for action in "${actions[@]}"; do
    faulty all "$action"
    for ((seed = 1; seed <= ${CHECKED_SEEDS:-1}; seed++)); do
        vmm run -q --engine unicorn --seed "$seed" "$TMP/faulty.yaml"
        [ "$status" -eq 0 ] || fail "checked: $action, seed $seed"
    done
done

for action in drop "{corrupt: {bits: 3}}"; do
    faulty none "$action"
    vmm run -q --engine unicorn --seed 1 "$TMP/faulty.yaml"
    [ "$status" -eq 1 ] || fail "plain channels survive $action: the faults are none"
done

# The bound of docs/ump-checked.md, in machine time from the start.
vmm run -q --engine unicorn --deadline 2400ms scenarios/faults/checked-gives-up.yaml
exits_with 0
