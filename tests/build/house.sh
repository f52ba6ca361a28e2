#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/house finds nothing wrong with the tree, and finds each kind of fault that is put into a copy
# of it: a section that nobody wrote, an include against the arrows, an arrow without an include, a
# call up the layers, a function without a caller, a wide line, a link, a walk and a promise that lead
# nowhere, an exception that is not needed.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"

command -v python3 >/dev/null || skip "python3 is not installed"
git rev-parse --git-dir >/dev/null 2>&1 || skip "not a git work tree: which files are sources?"
tools/house || fail "tools/house finds faults"

copy=$TMP/tree
mkdir "$copy"
git ls-files -co --exclude-standard -z |
    grep -zv '^tests/fuzz/idl-corpus/' | xargs -0 cp --parents -t "$copy" 2>/dev/null
cd "$copy" || fail "no copy of the tree"
git init -q .

# finds CHECK WORDS FILE TEXT: with the text at the end of the file, the check says WORDS
finds() {
    cp "$3" "$TMP/before"
    printf '%s\n' "$4" >>"$3"
    tools/house "$1" >"$TMP/house" && fail "nothing was found: $2"
    grep -qF -- "$2" "$TMP/house" || fail "not found: $2; but: $(head -n 3 "$TMP/house")"
    cp "$TMP/before" "$3"
}

finds sections "no section 'facts 99.1'" guest/user/lib/mm/mm.c '/* as facts §99.1 says */'
finds sections "no section 'overview 9.9'" guest/user/lib/mm/mm.c '/* facts §3.1 and (overview 9.9) */'
finds arrows "vmm/scenario includes vmm/run: no such arrow" vmm/scenario/units.h '#include "run/run.h"'
finds arrows "no such arrow" guest/kernel/include/plat.h '#include <barrelfish/threads.h>'
finds circles "files call each other in a circle" guest/user/monitor/mouths/outbox.c \
    'void house_up(void) { bind_client_exited(NULL); multihop_init(); }'
finds layers "calls up, into guest/user/lib/barrelfish/channels/ump_sleep.c" \
    guest/user/lib/barrelfish/events/waitset.c 'void house_up(void) { ump_channels_set_recheck(0); }'
finds layers "calls up, into guest/user/lib/barrelfish/events/waitset.c" \
    guest/user/lib/barrelfish/memory/slab.c 'void house_beside(void) { waitset_init(NULL); }'
finds callers "house_nobody() has no caller" guest/user/include/mm/mm.h 'void house_nobody(int);'
finds callers "not needed any more" tools/house.allow 'caller thread_create for a test'
sed -i 's/^width [0-9]*/width 0/' tools/house.allow
finds width "lines are wider" guest/user/include/mm/mm.h "/* $(printf '%0120d' 0) */"
printf '/* %s*/\n' "$(printf 'verbum %.0s' {1..60})" >>guest/user/include/mm/mm.h
tools/house --wrap
tools/house width | grep -q mm.h && fail "a wide comment was not wrapped"
[ "$(grep -o verbum guest/user/include/mm/mm.h | wc -l)" -eq 60 ] || fail "wrapping lost words"
finds links "no file docs/nowhere.md" docs/kernel.md '[nowhere](nowhere.md)'
# shellcheck disable=SC2016
finds walks "no file guest/kernel/nowhere.c" docs/walks.md '1. `guest/kernel/nowhere.c`: nothing'
# shellcheck disable=SC2016
finds walks "nobody() is in none of" docs/walks.md '1. `guest/kernel/cspace.c`: `nobody()`'
# shellcheck disable=SC2016
finds promises "no test mm/no_such_test" docs/performance.md '| this is fast | `mm/no_such_test` |'
finds promises "neither a test nor" docs/performance.md '| this is fast | yes |'
sed -i 's|^devices: devices/abi|& vmm/run|' docs/architecture.md
tools/house arrows >"$TMP/house" && fail "an arrow without an include was not found"
grep -q "arrow from devices to vmm/run: nothing includes it" "$TMP/house" || fail "$(cat "$TMP/house")"
grep -q "devices reaches itself" "$TMP/house" || fail "no circle: $(cat "$TMP/house")"
