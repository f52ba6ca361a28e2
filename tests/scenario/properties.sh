#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What programs report of themselves decides a run as the scenario says: an assertion that fails ends the
# run at once, whether the scenario names it or not; values that nobody reports and comparisons that do not
# hold fail it, and the summary says what the value was.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" unicorn "* ]] || skip "no deterministic engine here"
need_image sbin/properties

# scenario ARGUMENTS EXPECT
scenario() {
    cat >"$TMP/s.yaml" <<YAML
scenario: s
boot:
  menu: $PWD/scenarios/menus/base.lst
  add: [module /sbin/properties core=0 $1]
deadline: 1 s
expect: [$2]
YAML
    vmm run --engine unicorn --seed 3 --json "$TMP/s.json" "$TMP/s.yaml"
}

scenario "5 broken" "console: rounds done"
exits_with 1
says 'FAIL s .* properties.in-order does not hold in properties on core 0$'
says_not 'rounds done$'

scenario "5 broken" "{console: rounds done}, {always: properties.in-order}"
exits_with 1
says 'does not hold: .*always property properties.in-order \(it held 2 times, not 1 times\)$'

scenario 6 "{console: rounds done}, {always: properties.in-order, count: 7}"
exits_with 1
says 'always property properties.in-order, 7 times \(it held 6 times, not 0 times\)$'

scenario 6 "{console: rounds done}, {metric: 'properties.count > 12'}"
exits_with 1
says 'properties.count > 12 in the end \(it is 12\)$'

scenario 6 "{console: rounds done}, {metric: 'properties.counts > 0'}"
exits_with 1
says 'properties.counts > 0 in the end \(no program has reported it\)$'

scenario 6 "{console: rounds done}, {never: 'properties.count > 11'}"
exits_with 1
says 'FAIL s .* what must never hold did$'

scenario 6 "{console: rounds done}, {sometimes: properties.one-too-many}"
exits_with 1
says 'sometimes property properties.one-too-many \(it held 0 times, not 6 times\)$'

# Nobody has to expect anything of them: the result file has all.
scenario 6 "console: rounds done"
exits_with 0
python3 - "$TMP/s.json" <<'PYTHON' || fail "the values are not in the result file"
import json, sys
values = {v["name"]: v for v in json.load(open(sys.argv[1]))["results"][0]["values"]}
assert values["properties.count"] == {"name": "properties.count", "kind": "counter", "value": 12}
assert values["properties.in-order"] == {"name": "properties.in-order", "kind": "always", "value": 6, "failures": 0}
assert values["properties.fifth-round"]["value"] == 1 and values["properties.fifth-round"]["failures"] == 5
assert values["mem.lost"]["value"] == 0 and values["ump.messages"]["kind"] == "counter"
PYTHON

# What the library counts on its own: one who sleeps is woken.
vmm run -q --engine unicorn --json "$TMP/s.json" scenarios/two-core-idc.yaml
exits_with 0
python3 - "$TMP/s.json" <<'PYTHON' || fail "no notification was counted"
import json, sys
values = {v["name"]: v for v in json.load(open(sys.argv[1]))["results"][0]["values"]}
assert values["ump.wakeups"]["value"] > 0
PYTHON
