#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The JSON Schema and vmm check agree: both accept every scenario of the tree, and both refuse each
# of the broken ones below (one mistake each, all of a kind that a schema can see).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

python3 -c 'import jsonschema, yaml' 2>/dev/null ||
    skip "python3-jsonschema and python3-yaml are not installed"

# by_schema FILE: 0 if the schema accepts it
by_schema() {
    python3 - "$1" <<'PYTHON'
import json, sys, yaml, jsonschema
schema = json.load(open("scenarios/scenario.schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
try:
    jsonschema.validate(yaml.safe_load(open(sys.argv[1])), schema)
except jsonschema.ValidationError as error:
    print("schema:", error.message)
    sys.exit(1)
PYTHON
}

# Every file, not only the first folder: scenarios come in sub-folders too.
while IFS= read -r file; do
    by_schema "$file" >"$TMP/schema" || fail "the schema refuses $file: $(cat "$TMP/schema")"
    vmm check -q "$file"
    exits_with 0
done < <(find scenarios -name '*.yaml' | sort)

boot='boot: [kernel /boot/cpu, module /sbin/init]'
count=0
# Each line is a whole file; ~ stands for a line break.
while IFS= read -r line; do
    [ -n "$line" ] || continue
    count=$((count + 1))
    echo "${line//BOOT/$boot}" | tr '~' '\n' >"$TMP/broken.yaml"
    echo "# ${line}"
    by_schema "$TMP/broken.yaml" >"$TMP/schema" && fail "the schema accepts: $line"
    vmm check "$TMP/broken.yaml"
    exits_with 2
done <<'CASES'
scenario: a
BOOT
scenario: a~BOOT~machne: {cores: 2}
scenario: two words~BOOT
scenario: a~boot: {}
scenario: a~boot: {menu: x, ad: [y]}
scenario: a~boot: 5
scenario: a~BOOT~deadline: 30
scenario: a~BOOT~deadline: 30 sec
scenario: a~BOOT~machine: {cores: 65}
scenario: a~BOOT~machine: {cores: 0}
scenario: a~BOOT~machine: {memory: 256 MB}
scenario: a~BOOT~machine: {memory: 268435456}
scenario: a~BOOT~machine: {nodes: []}
scenario: a~BOOT~machine: {nodes: [{memory: 64 MiB}]}
scenario: a~BOOT~machine: {nodes: [{cores: x}]}
scenario: a~BOOT~machine: {nodes: [{cores: 0}], distances: [[9]]}
scenario: a~BOOT~machine: {slice: 0}
scenario: a~BOOT~expect: []
scenario: a~BOOT~expect: {console: x}
scenario: a~BOOT~expect: [{}]
scenario: a~BOOT~expect: [{console: a, exit: 0}]
scenario: a~BOOT~expect: [{console: {regx: a}}]
scenario: a~BOOT~expect: [{console: ''}]
scenario: a~BOOT~expect: [{console: a, core: some}]
scenario: a~BOOT~expect: [{console: a, count: 0}]
scenario: a~BOOT~expect: [{not: a, count: 2}]
scenario: a~BOOT~expect: [{exit: 0, core: 0}]
scenario: a~BOOT~expect: [{exit: 256}]
scenario: a~BOOT~nested: perhaps
scenario: a~BOOT~seed: -1
CASES
[ "$count" -eq 31 ] || fail "$count cases instead of 31"
