#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The tutorial of docs/idl.md, exactly as printed: the interface, the program and the scenario are taken
# from the page, built in a copy of the tree, and the run must meet its expectations.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/stranger.bash
. "$(dirname "$0")/lib/stranger.bash"
need_engine
stranger_tree

# block N LANGUAGE PATH: the N-th code block of the tutorial, which must be in LANGUAGE, becomes the
# file; the page must name the path before it
block() {
    grep -qF "\`$3\`" <<<"$tutorial" || fail "docs/idl.md does not say: $3"
    mkdir -p "$(dirname "$tree/$3")"
    awk -v wanted="$1" -v start="\`\`\`$2" '
        /^```/ && !inside { inside = 1; mine = ++count == wanted && $0 == start; next }
        /^```$/ { inside = 0; next }
        inside && mine' <<<"$tutorial" >"$tree/$3"
    [ -s "$tree/$3" ] || fail "block $1 of the tutorial is not in '$2'"
}

tutorial=$(sed -n '/^## From an empty file/,/^## Language/p' docs/idl.md)
block 1 '' idl/if/greet.if
block 2 c guest/user/apps/greet/main.c
block 3 yaml scenarios/greet.yaml
stranger_make
for engine in $ENGINES; do
    vmm run --engine "$engine" --images "$tree/build/guest" "$tree/scenarios/greet.yaml"
    exits_with 0
    says 'greeted: 1'
done
exit 0
