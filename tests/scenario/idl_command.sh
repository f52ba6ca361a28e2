#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The interface compiler's command line: what is written where, in the same bytes each time; nothing is
# left of outputs that failed; every mistake has one line and its exit code; --help names all options.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
compiler=$(dirname "$VMM")/idl
repository=$PWD
cd "$TMP" || exit 1

# idl ARGUMENT...: `status` is the exit code, $TMP/out what it wrote to both streams
idl() {
    echo "+ idl $*"
    status=0
    timeout -k 5 60 "$compiler" "$@" >"$TMP/out" 2>&1 </dev/null || status=$?
}

# full ARGUMENT...: the same, with standard output on a full disk
full() {
    echo "+ idl $* >/dev/full"
    status=0
    timeout -k 5 60 "$compiler" "$@" 2>"$TMP/out" >/dev/full </dev/null || status=$?
}

generate=(--lang=c --header-dir h --source-dir s)
cp "$repository/tests/idl/kitchen.if" .
printf 'interface plain { message m(string s); };\n' >plain.if
printf 'alias coreid uint8;\n' >types.if

# outputs, twice the same
idl "${generate[@]}" -I types.if -MF dep kitchen.if
exits_with 0
idl --lang=c --header-dir h2/deep/er --source-dir s2 -MFdep2 -Itypes.if "$TMP/kitchen.if"
exits_with 0
[ "$(ls h)" = "$(ls h2/deep/er)" ] || fail "other headers the second time"
diff -r h h2/deep/er && diff -r s s2 || fail "other bytes the second time"
grep -qx 'h/kitchen_defs.h .*s/kitchen_flounder_bindings.c: kitchen.if types.if' dep || fail "dependencies: $(cat dep)"
[ -s dep2 ] || fail "-MF and its file in one word"
idl --lang=c --header-dir 'a b' --source-dir s -MF dep plain.if
exits_with 0
grep -q 'a\\ b/plain_defs.h' dep || fail "a blank in dependencies: $(cat dep)"
idl --if-types --header-dir h types.if plain.if kitchen.if
exits_with 0
grep -q 'IF_TYPE_KITCHEN = 0' h/if_types.h && grep -q 'IF_TYPE_PLAIN = 1' h/if_types.h || fail "if_types.h"
# one refused file does not take the numbers from the others
echo 'interface broken { message m(unit32 a); };' >broken.if
rm h/if_types.h
idl --if-types --header-dir h broken.if plain.if no-such.if kitchen.if
exits_with 2
says 'broken.if:1:30: error: unknown type'
says 'no-such.if'
grep -q 'IF_TYPE_KITCHEN = 0' h/if_types.h && grep -q 'IF_TYPE_PLAIN = 1' h/if_types.h || fail "if_types.h of the good ones"
# every macro that stubs can see is refused as a name
if [ -x "$repository/tools/idl-macros" ] && [ -d "$repository/$B/newlib/include" ]; then
    (cd "$repository" && printf '#include <flounder/flounder.h>\n' |
        gcc -std=gnu17 -nostdinc -isystem "$(gcc -print-file-name=include)" -isystem "$B/newlib/include" -Iguest/abi \
            -Iguest/user/include -Idevices -dM -E -x c -) | awk '{ sub(/\(.*/, "", $2) } $2 !~ /^_/ && $2 !~ /_H$/ { print $2 }' |
        while read -r macro; do
            grep -qxF "X(\"$macro\")" "$repository/idl/macros.def" ||
                fail "$macro is a macro that idl/macros.def does not know: run tools/idl-macros"
        done || exit 1
fi
idl --default-max 100 --list-messages plain.if
exits_with 0
says 'string s\[100\]'

# nothing is left behind
nothing_left() {
    [ -z "$(find "$1" -type f)" ] || fail "left behind: $(find "$1" -type f)"
    is_brief 2
}
mkdir -p taken/kitchen_flounder_bindings.c
idl --lang=c --header-dir left --source-dir taken kitchen.if
exits_with 2
says 'cannot write taken/kitchen_flounder_bindings.c: Is a directory'
nothing_left left
idl --lang=c --header-dir left --source-dir plain.if kitchen.if
exits_with 2
says 'cannot create plain.if: Not a directory'
nothing_left left
idl "${generate[@]/#h/left}" -MF no/such/dep kitchen.if
exits_with 2
says 'cannot write no/such/dep: No such file'
nothing_left left

# mistakes
for command in "--check missing.if" "--check h" "--check" "--nonsense plain.if" "--lang=ada plain.if" "plain.if" \
    "--default-max 0 --check plain.if" "--compat plain.if" "--compat plain.if missing.if" "-I missing.if --check plain.if" \
    "--if-types plain.if" "--lang=c --header-dir h plain.if" "--format --check plain.if"; do
    # shellcheck disable=SC2086
    idl $command
    exits_with 2
    [ -s out ] || fail "no word about it"
done
printf 'interface other { mesage m(); };\n' >bad.if
for option in --check --format --html --list-messages --dump-ast --dump-plan; do
    idl "$option" bad.if
    exits_with 1
    says "^bad.if:1:19: error: .*mesage"
    idl "$option" plain.if
    exits_with 0
    idl "$option" types.if
    exits_with 0
done
idl --compat plain.if plain.if
exits_with 0
printf 'interface plain { message n(); };\n' >new.if
idl --compat plain.if new.if
exits_with 1
says '^breaks: message m is gone'
idl --compat plain.if bad.if
exits_with 2

if [ -c /dev/full ]; then
    for option in --format --html --list-messages --dump-ast --dump-plan --help; do
        full "$option" plain.if
        exits_with 2
        says 'cannot write standard output: No space left'
    done
    full --compat plain.if new.if
    exits_with 2
    idl "${generate[@]/#h/left}" -MF /dev/full kitchen.if
    exits_with 2
    nothing_left left
    [ -c /dev/full ] || fail "/dev/full was replaced"
fi

# --help names every long option, and each that it names is known
idl --help
exits_with 0
cp out help
for option in $(grep -oE -- '--[a-z][a-z-]+' help | sort -u); do
    idl "$option"
    ! grep -q 'unrecognized' out || fail "$option is in --help but not known"
done
for option in $(grep -oE '\{ "[a-z-]+", (no|required)_argument' "$repository/idl/main.c" | cut -d '"' -f 2); do
    [ "$option" = help ] || grep -q -- "--$option" help || fail "--$option is not in --help"
done

# formatting again changes nothing
for file in kitchen.if "$repository"/idl/if/*.if; do
    "$compiler" --format "$file" >once || fail "--format $file"
    "$compiler" --format - <once >twice || fail "what --format wrote of $file is refused"
    cmp once twice || fail "formatting $file a second time changes it"
done
exit 0
