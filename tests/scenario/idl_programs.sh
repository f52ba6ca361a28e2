#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs written for the interface compiler's API (tests/idl/programs) compile and work: each server
# on core 0, one client beside it (LMP) and one on core 1 (UMP).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/stranger.bash
. "$(dirname "$0")/lib/stranger.bash"
need_engine
stranger_tree
cp tests/idl/programs/if/*.if "$tree/idl/if/"
cp -R tests/idl/programs/xmpl-* "$tree/guest/user/apps/"
stranger_make
engine=unicorn
[[ $ENGINES == *unicorn* ]] || engine=kvm

# try PROGRAM EXPECTED...: each line must be said (REGEX), whatever the order
try() {
    local program=$1 line
    shift
    scenario "$program" 2 '60 s' "not: PANIC" <<MENU
module /sbin/$program core=0 server
module /sbin/$program core=0 client
module /sbin/$program core=1 client
MENU
    for line in "$@"; do
        printf "  - console: {regex: '%s'}\n" "$line" >>"$TMP/$program.yaml"
    done
    vmm run --engine "$engine" --seed 5 --images "$tree/build/guest" "$TMP/$program.yaml"
    exits_with 0
    says_not PANIC
}

try xmpl-msg 'server: received msg_ints aabb ccdd' 'server: received msg_string hello, world!' \
    'server: received msg_string last' '0: client done' '1: client done'
try xmpl-call-response '0: client: myresponse has 1904 letters: !42!0000[.]*0007' \
    '1: client: myresponse has 1904 letters: !42!0000[.]*0007'
for core in 0 1; do
    lines+=("$core: client: in the bind callback: called with 7"
        "$core: client: in the older style: called with 8" "$core: client: as messages: called with 9")
done
try xmpl-rpc "${lines[@]}"
try xmpl-threads '0: client: 4 threads got their answers' '1: client: 4 threads got their answers'
try xmpl-caps 'rx_basic 7' 'rx_str 8 .a string of the older dialect' 'rx_one_cap 9 \[111\]' \
    'rx_caps 10 \[111\] \[222\]' 'rx_buf 6144' '0: client: got 333 and 333' '1: client: got 333 and 333'
exit 0
