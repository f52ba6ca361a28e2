#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The distributed stress of capabilities (guest/user/apps/capstress) with the checker that reads the
# databases of all cores: on the deterministic engine one seed here, CAPSTRESS_SEEDS=N gives N (make
# soak: 1,000). shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/capstress
[[ " $ENGINES " == *" unicorn "* ]] || skip "the deterministic engine cannot run here"

# stressed SEED CORES SLICE: nobody may keep what was revoked, and what all cores have must fit
# together
stressed() {
    sed "s|^kernel .*|kernel /boot/cpu slice=$3|" scenarios/menus/base.lst >"$TMP/menu.lst"
    sed -e "s|menus/base.lst|$TMP/menu.lst|" -e "s|cores: 4|cores: $2|" -e "s|cores=4|cores=$2|" \
        -e "s|rounds=40|rounds=150|" -e "s|core=0-3|core=0-$(($2 - 1))|" \
        scenarios/capstress.yaml >"$TMP/capstress.yaml"
    for ((core = $2; core < 4; core++)); do
        sed -i "/capstress $core: done/d" "$TMP/capstress.yaml"
    done
    vmm run --engine unicorn --seed "$1" "$TMP/capstress.yaml"
    exits_with 0
}

slices=(100us 10ms 20us 1ms)
for ((seed = 1; seed <= ${CAPSTRESS_SEEDS:-1}; seed++)); do
    stressed "$seed" $((2 + seed % 3)) "${slices[seed % ${#slices[@]}]}"
done
