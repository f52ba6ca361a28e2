#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The lesson of docs/lesson.md, exactly as printed: each command in a block `sh` is run, and ends with
# status 0 or with that of the comment behind it; each block `yaml` becomes the file that the text before it
# names.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
[[ " $ENGINES " = *' unicorn '* ]] || skip "needs the deterministic engine: see vmm doctor"
page=$PWD/docs/lesson.md
build=$(cd "$(dirname "$VMM")/.." && pwd)
export PATH=$build/bin:$build/sdk/bin:$PATH VMM_IMAGES=$build/guest
cd "$TMP" || exit 1

# block LANGUAGE N: the N-th block in that language
block() {
    awk -v start="\`\`\`$1" -v wanted="$2" '
        /^```/ && !inside { inside = 1; mine = $0 == start && ++count == wanted; next }
        /^```$/ { inside = 0; next }
        inside && mine' "$page"
}

# commands N: runs those of the N-th block, one after the other
commands() {
    local line expected
    while read -r line; do
        expected=0
        [[ $line =~ '# exit status '([0-9]+) ]] && expected=${BASH_REMATCH[1]}
        echo "+ $line"
        status=0
        timeout -k 5 600 bash -c "$line" >"$TMP/out" 2>&1 </dev/null || status=$?
        exits_with "$expected"
    done < <(block sh "$1")
}

commands 1
commands 2
says '^PASS greet-two-cores'
block yaml 1 >greet/four-cores.yaml
commands 3
[ "$(grep -cE 'message: greet\.(hello|count_call|count_response) #1 to core' "$TMP/out")" -eq 9 ] ||
    fail "not the nine messages that the page promises"
awk -v faults="$(block yaml 2)" '/^deadline/ { print faults } { print }' greet/four-cores.yaml >greet/lost.yaml
commands 4
says 'greet.2 thread [0-9]+ waits for greet.count_response'
says 'lose-hello: drop greet.hello #1, core 2 to 0'
tail -n 1 "$TMP/out" | grep -q '^FAIL greet-four-cores .*deadline of 1 s reached' || fail "the verdict is not last"
commands 5
says '^  A  .* fault lose-hello: drop hello #1, greet:greet.0<-greet.2#1$'
grep -q 'never visible' lost.html || fail "there is no page"
exit 0
