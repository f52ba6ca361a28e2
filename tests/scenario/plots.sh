#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The plots of `make bench`: what was measured is drawn, a sample far away flattens nothing, and what was
# not measured has no plot.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

{
    echo 'bench ump.stub.0.sender 100 90 120'
    echo 'bench ump.stub.0.receiver 200 190 99999999'
    echo 'bench roundtrip.ump 598 560 700'
} >"$TMP/results"
"$(dirname "$0")/../bench/plots" "$TMP/results" "$TMP" || fail "tests/bench/plots"
cp "$TMP/results.csv" "$TMP/out"
says '^name,median,min,max$'
says '^ump.stub.0.receiver,200,190,99999999$'
cp "$TMP/messages.svg" "$TMP/out"
says '<rect x="250" y="40" width="172.0".*ump.stub.0.sender: 100, 90 to 120'
says '<rect x="250" y="62" width="344.0".*ump.stub.0.receiver: 200'
says 'H680.0"'
[ "$(cd "$TMP" && echo r*.svg s*.svg)" = "roundtrips.svg s*.svg" ] || fail "the wrong plots are there"
command -v xmllint >/dev/null || skip "xmllint is not installed"
xmllint --noout "$TMP"/*.svg || fail "a plot is no XML"
exit 0
