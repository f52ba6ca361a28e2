#!/bin/bash
# SPDX-License-Identifier: MIT
#
# captest on several cores at once, with every engine: each core's CPU driver and monitor refuse the
# same operations with the same codes, whatever the other cores ask for meanwhile, and all
# databases fit together in the end.  (One core: scenarios/captest.yaml.)  In real time only with
# CAPTEST_EVERYWHERE=1 (make soak): without hardware that takes a minute.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/captest

# What the table says of unit tests: the file knows both (rbed: the function behind the command).
while read -r type command code where; do
    [ "$where" = captest ] && continue
    file=tests/unit/test_kernel_$where.c
    [ "$where" = returns ] && continue # fails by itself
    [ "$where" = rbed ] || grep -q "${type}Cmd_$command\b" "$file" || fail "$file does not know ${type}Cmd_$command"
    grep -q "$code\b" "$file" || fail "$file does not provoke $code"
done < <(sed -n 's/^RETURNS(\(.*\))$/\1/p' guest/abi/errors/returns.def | tr -d ,)
while IFS='|' read -r code place; do
    case $place in
    nothing*)
        ! grep -rq "$code\b" guest/kernel || fail "the CPU driver knows $code: $place"
        ;;
    *) grep -q "$code\b" "$place" || fail "$place does not provoke $code" ;;
    esac
done < <(sed -n 's/^CAP_ERROR_ELSEWHERE(\([A-Z_]*\), "\(.*\)")$/\1|\2/p' guest/user/apps/captest/pairs.def)

# captest CORES
captest() {
    cat >"$TMP/captest-$1.yaml" <<END
scenario: captest-$1
machine:
  cores: $1
  memory: $(($1 * 128)) MiB
boot:
  menu: $PWD/scenarios/menus/base.lst
  add:
    - module /sbin/captest boot core=0-$(($1 - 1))
    - module /sbin/captest core=0 wait
deadline: 600 s
expect:
  - console: "pairs, all as they should be"
    core: each
  - not: FAILED
  - not: PANIC
  - invariants: [capabilities]
    every: 5 ms
END
    for engine in $engines; do
        [ "$engine" = unicorn ] || [ -n "${CAPTEST_EVERYWHERE:-}" ] || continue
        [ "$engine" = qemu ] && sed -i '/invariants:/,$d' "$TMP/captest-$1.yaml" # nobody looks there
        vmm run --engine "$engine" --seed 1 "$TMP/captest-$1.yaml"
        exits_with 0
    done
}

engines=$ENGINES
if [ -n "${CAPTEST_EVERYWHERE:-}" ] && "$VMM" doctor --engine qemu >/dev/null 2>&1; then
    engines+=" qemu" # the last: see above
fi
for cores in 2 4; do
    captest $cores
done
