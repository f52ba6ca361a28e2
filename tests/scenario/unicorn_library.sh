#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The library of the deterministic engine: which one is used is said; one that is too old, that is
# no Unicorn, or that is not there is refused with the reason and the mend, and nothing crashes.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

cc=${CC:-gcc}
command -v "$cc" >/dev/null || skip "no C compiler to make a false library with"

# refused REGEX: --engine unicorn does not run, and says why on one line
refused() {
    vmm run --engine unicorn scenarios/hello.yaml
    exits_with 3
    says "$1"
    is_brief 4
    vmm doctor --engine unicorn
    exits_with 3
    says "$1"
}

export VMM_UNICORN=$TMP/none.so
refused 'none\.so.*cannot open|No such file'

echo 'int nothing;' | "$cc" -shared -fPIC -x c -o "$TMP/other.so" -
VMM_UNICORN=$TMP/other.so
refused 'other\.so has no function uc_'

# All functions, but the version before the one needed.
{
    grep -oE '^ +X\([a-z_]+,' vmm/engine/unicorn/unicorn_api.h | sed 's/^ *X(\(.*\),/int uc_\1(void) { return 1; }/' |
        grep -v 'uc_version'
    echo 'unsigned uc_version(unsigned *a, unsigned *b) { *a = 2; *b = 0; return 0x020001ff; }'
} | "$cc" -shared -fPIC -w -x c -o "$TMP/old.so" - || fail "cannot make a false library"
VMM_UNICORN=$TMP/old.so
refused 'Unicorn 2\.0\.1; 2\.1 or newer is needed'

# New enough, but with its inner functions hidden: time and random numbers could not be replaced.
{
    grep -oE '^ +X\([a-z_]+,' vmm/engine/unicorn/unicorn_api.h | sed 's/^ *X(\(.*\),/int uc_\1(void) { return 1; }/' |
        grep -v 'uc_version'
    echo 'unsigned uc_version(unsigned *a, unsigned *b) { *a = 2; *b = 1; return 0x020101ff; }'
} | "$cc" -shared -fPIC -w -x c -o "$TMP/hidden.so" - || fail "cannot make a false library"
VMM_UNICORN=$TMP/hidden.so
refused 'hidden\.so cannot serve: it does not show its function raise_exception_err_ra_x86_64'
unset VMM_UNICORN

case " $ENGINES " in
*' unicorn '*)
    vmm doctor --engine unicorn
    exits_with 0
    says 'Unicorn 2\.[1-9]'
    ;;
esac
