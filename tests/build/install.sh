#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make install: the installed program finds its images, wherever the tree is moved; pages and
# completions say what --help says; make uninstall leaves nothing; the Debian package runs.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"
need_engine
source=$PWD
set -- $ENGINES

make install B="$B" PREFIX=/usr DESTDIR="$TMP/root" >"$TMP/out" 2>&1 || fail "make install"
mv "$TMP/root/usr" "$TMP/moved"
cd "$TMP/moved" || exit 1
VMM=$TMP/moved/bin/vmm
unset VMM_IMAGES VMM_UNICORN
for engine; do
    vmm run --engine "$engine" share/vmm/scenarios/hello.yaml
    exits_with 0
    says '^PASS hello'
done
for program in bin/vmm lib/vmm/guest/boot/cpu lib/vmm/guest/sbin/monitor share/vmm/scenarios/menus/default.lst; do
    [ -e "$program" ] || fail "$program is not installed"
done
# A first program with nothing but what is installed: PATH leads there, the tree is out of sight.
mkdir "$TMP/elsewhere"
cd "$TMP/elsewhere" || exit 1
export PATH="$TMP/moved/bin:$PATH"
vmm new app greet
exits_with 0
command make -C greet check >"$TMP/out" 2>&1 || fail "a first program with the installed SDK"
says '2 passed'
! grep -rlE "$source/(guest|devices|build/guest)/" greet --include='*.d' >"$TMP/out" || fail "headers of the source tree were used"
vmm-cc -o tiny -x c - <<<'#include <stdio.h>
int main(void) { puts("tiny"); return 0; }' >"$TMP/out" 2>&1 || fail "vmm-cc"
cd "$source" || exit 1

# Completion: what bash offers for the first letters of a command and of an option.
offers() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "_$1"
    echo "${COMPREPLY[*]}"
}
for program in vmm idl; do
    # shellcheck disable=SC1090  # written by the build
    . "$TMP/moved/share/bash-completion/completions/$program" || fail "completion of $program"
done
[ "$(offers vmm re)" = "replay report" ] || fail "vmm re completes to '$(offers vmm re)'"
[ "$(offers vmm run --see)" = --seed ] || fail "vmm run --see completes to '$(offers vmm run --see)'"
[ "$(offers vmm run --seccomp o)" = "on off" ] || fail "--seccomp o completes to '$(offers vmm run --seccomp o)'"
[ "$(offers idl --compa)" = --compat ] || fail "idl --compa completes to '$(offers idl --compa)'"
for command in $("$VMM" --help | sed -n 's/^  vmm \([a-z]*\) .*/\1/p'); do
    for option in $(ARGP_HELP_FMT=rmargin=400 "$VMM" "$command" --help | sed -n -E 's/^ +(-., )?--([a-z-]+).*/\2/p'); do
        [[ " $(offers vmm "$command" "--$option") " == *" --$option "* ]] || fail "$command --$option is not completed"
        grep -q -- "--$option" "$TMP/moved/share/zsh/site-functions/_vmm" || fail "zsh does not know --$option"
    done
    if command -v help2man >/dev/null; then
        [ -s "$TMP/moved/share/man/man1/vmm-$command.1" ] || fail "no manual page for vmm $command"
    fi
done

for goal in install uninstall; do
    make $goal B="$B" PREFIX=/opt/v DESTDIR="$TMP/gone" >"$TMP/out" 2>&1 || fail "make $goal"
done
left=$(find "$TMP/gone" ! -type d)
[ -z "$left" ] || fail "make uninstall left $left"

# The package, unpacked where nothing else of ours is.
if command -v dpkg-shlibdeps >/dev/null; then
    make deb B="$B" >"$TMP/out" 2>&1 || fail "make deb"
    dpkg-deb -x "$B"/vmm_*_amd64.deb "$TMP/package" >"$TMP/out" 2>&1 || fail "the package does not unpack"
    dpkg-deb -f "$B"/vmm_*_amd64.deb Depends >"$TMP/out"
    says 'libc6 \(>= .*libyaml'
    VMM=$TMP/package/usr/bin/vmm
    vmm run --engine "$1" "$TMP/package/usr/share/vmm/scenarios/hello.yaml"
    exits_with 0
    says '^PASS hello'
fi
exit 0
