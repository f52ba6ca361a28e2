#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What CI systems show of a run: a summary in Markdown, annotations at the line of the scenario.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hello
engine=${ENGINES##* }
MEMORY='64 MiB' scenario bad 1 '1 s' 'console: "never <b> | said, 100%"' <<'MENU'
module /sbin/hello boot
MENU

vmm run --engine "$engine" --seed 5 --summary-md "$TMP/s.md" --annotate scenarios/hello.yaml "$TMP/bad.yaml"
exits_with 1
line=$(grep -n 'never <b>' "$TMP/bad.yaml" | cut -d : -f 1)
says "^::error file=.*/bad.yaml,line=$line,title=bad::does not hold: .*never <b> \| said, 100%25"
[ "$(grep -c '^::' "$TMP/out")" -eq 1 ] || fail "not one annotation"
cp "$TMP/s.md" "$TMP/out"
says '^## vmm: 1 passed, 1 not$'
says "^\| pass \| hello \| $engine \| "
says "^\| \*\*fail\*\* \| bad \| $engine \| 5 \| "
says "^- .*bad&#46;yaml:$line: does not hold: .*never &#60;b&#62; &#124; said"
says "^- again: vmm run .*/bad&#46;yaml .*engine $engine .*seed 5"
exit 0
