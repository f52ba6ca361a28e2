#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs outside the tree: every folder of tests/outside/ is built by vmm-app in a place of its own, with the
# flags that programs for this API are written with, and each scenario there must meet its expectations.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
need_engine
vmm_app=$(dirname "$VMM")/../sdk/bin/vmm-app
[ -x "$vmm_app" ] || fail "$vmm_app is not built"
engine=${ENGINES##* } # the deterministic one, where there is one

# A path with a blank, as people have.
outside="$TMP/other people"
cp -r tests/outside "$outside" || fail "copying the programs"
for folder in "$outside"/*/; do
    case $(basename "$folder") in
    cxx) command -v g++ >/dev/null || continue ;;
    esac
    "$vmm_app" "$folder" -j2 >"$TMP/out" 2>&1 || fail "building $folder"
    says_not 'warning:'
done
"$vmm_app" "$outside/first" -q >"$TMP/out" 2>&1 || fail "a second build of the same has something to do"

# Every public header, alone of its kind, in the language of such programs, in ours, and in C++.
sdk=$(dirname "$vmm_app")/..
(cd "$sdk/include" && find . -name '*.h' | sort | sed 's,^\./\(.*\),#include <\1>,') >"$TMP/all.c"
echo 'int main(void) { return 0; }' >>"$TMP/all.c"
for standard in gnu99 gnu17; do
    "$sdk/bin/vmm-cc" -std=$standard -Werror -c -o "$TMP/all.o" "$TMP/all.c" >"$TMP/out" 2>&1 ||
        fail "the public headers in $standard"
done
if command -v g++ >/dev/null; then
    "$sdk/bin/vmm-c++" -Werror -c -o "$TMP/all.o" -x c++ "$TMP/all.c" >"$TMP/out" 2>&1 ||
        fail "the public headers in C++"
fi

for file in "$outside"/*.yaml; do
    vmm run --engine "$engine" --seed 1 "$file"
    exits_with 0
    grep '^PASS' "$TMP/out"
done

# Their messages go by their names, too: where they are seen, when a fault hits one, and in the log.
vmm run -v --engine "$engine" --seed 1 --faults-out "$TMP/log.yaml" "$outside/faulty.yaml"
exits_with 0
says ' message: outgreet.greet #1 to core 0, outgreet:out_greeter.0<-out_greeter.1#1$'
says '\*\* late: delay 300 us outgreet.greet #1, core 1 to 0, outgreet:out_greeter.0<-out_greeter.1#1$'
grep -q 'message: "greet", channel: "outgreet:out_greeter.0<-out_greeter.1#1"' "$TMP/log.yaml" || fail "the log does not name the message"

# What a Hakefile may hold that is not understood is refused with its line.
mkdir "$TMP/strange"
printf '[ build application { target = "a",\n  cFiles = find withSuffix ".c" } ]\n' >"$TMP/strange/Hakefile"
! "$vmm_app" "$TMP/strange" >"$TMP/out" 2>&1 || fail "a strange Hakefile is taken"
says "Hakefile:2: expected a string or a list of strings, found 'find'"

# Somebody's first program, as docs/porting.md says.
(cd "$TMP" && "$VMM" new app greet) >"$TMP/out" 2>&1 || fail "vmm new app"
make -C "$TMP/greet" check VMM="$VMM" VMM_APP="$vmm_app" >"$TMP/out" 2>&1 || fail "the first program"
says '2 passed'
(cd "$TMP" && ! "$VMM" new app greet) >"$TMP/out" 2>&1 || fail "vmm new app writes over a folder"
exit 0
