#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How many of the names that programs for this API use (tests/data/wanted_names) the SDK has.  A macro or type
# counts if the public headers declare it; a function also has to be in the libraries.  The least numbers below
# only go up: whoever adds names raises them.  NAMES_MISSING=1 prints what is not there.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
sdk=$(dirname "$VMM")/../sdk
[ -x "$sdk/bin/vmm-cc" ] || fail "the SDK is not built"

least_names=295
least_uses=960

(cd "$sdk/include" && find . -name '*.h' | LC_ALL=C sort | sed 's,^\./\(.*\),#include <\1>,') >"$TMP/all.h"
"$sdk/bin/vmm-cc" -E -dD -x c "$TMP/all.h" >"$TMP/all.i" 2>"$TMP/out" || fail "the public headers"
grep -v '^#' tests/data/wanted_names >"$TMP/wanted"

# What the headers say: macros; words; words with a parenthesis behind them, which may be functions.
awk '
    NR == FNR { wanted[$2] = 1; next }
    $1 == "#define" {
        sub(/\(.*/, "", $2)
        if ($2 in wanted)
            kind[$2] = "macro"
        next
    }
    /^#/ { next }
    {
        line = $0
        while (match(line, /[A-Za-z_][A-Za-z_0-9]*/)) {
            word = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            if (!(word in wanted) || (word in kind && kind[word] == "macro"))
                continue
            if (line ~ /^ ?\(/)
                kind[word] = "function"
            else if (!(word in kind))
                kind[word] = "word"
        }
    }
    END { for (word in kind) print kind[word], word }
' "$TMP/wanted" "$TMP/all.i" | LC_ALL=C sort >"$TMP/said"

# Functions must also link.
awk '$1 == "function" { printf "void *the_%s = (void *)%s;\n", $2, $2 }' "$TMP/said" >"$TMP/functions"
(cat "$TMP/all.h" && echo '#line 1 "functions"' && cat "$TMP/functions" && echo 'int main(void) { return 0; }') >"$TMP/all.c"
"$sdk/bin/vmm-cc" -Wl,--no-gc-sections -o "$TMP/all" "$TMP/all.c" >"$TMP/out" 2>&1
sed -n 's/.*undefined reference to `\(.*\)\x27$/\1/p' "$TMP/out" | LC_ALL=C sort -u >"$TMP/undefined"
grep -q 'error: ' "$TMP/out" && ! grep -q 'ld returned' "$TMP/out" && fail "taking the addresses of functions"

awk -v missing="${NAMES_MISSING:-}" '
    FILENAME ~ /said$/ { there[$2] = 1; next }
    FILENAME ~ /undefined$/ { delete there[$1]; next }
    {
        all_names++
        all_uses += $1
        if ($2 in there) {
            names++
            uses += $1
        } else if (missing) {
            print "missing: " $0
        }
    }
    END { print names " of " all_names " names, with " uses " of " all_uses " uses" }
' "$TMP/said" "$TMP/undefined" "$TMP/wanted" >"$TMP/out"
cat "$TMP/out"
read -r names _ _ _ _ uses _ < <(tail -n 1 "$TMP/out")
[ "$names" -ge "$least_names" ] || fail "$names names, $least_names were there"
[ "$uses" -ge "$least_uses" ] || fail "$uses uses, $least_uses were there"
exit 0
