#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The reference is complete: every program is on its page, and every option of every command is on some page.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

for folder in guest/user/apps/*/ guest/user/{init,mem_serv,monitor,chips,spawnd,boot_manager}/; do
    compgen -G "$folder*.c" >/dev/null || continue
    grep -q "^| \`$(basename "$folder")\` |" docs/reference.md || fail "docs/reference.md lacks $(basename "$folder")"
done
"$VMM" --help >"$TMP/out"
commands=$(sed -n 's/^  vmm \([a-z]*\) .*/\1/p' "$TMP/out")
[ "$(wc -w <<<"$commands")" -ge 8 ] || fail "vmm --help names too few commands"
for command in $commands; do
    options=$("$VMM" "$command" --help | sed -n -E 's/^ +(-[A-Za-z], )?(--[a-z-]+).*/\2/p')
    for option in $options; do
        case $option in
        --help | --usage | --version | --quiet | --verbose | --output) continue ;;
        esac
        grep -qF -- "$option" docs/*.md README.md || fail "no page tells of $option of vmm $command"
    done
done

# the commands of README and pages: on lines of their own, and within the text where a scenario is named
mkdir "$TMP/tree"
ln -s "$PWD/scenarios" "$PWD/docs" "$TMP/tree/"
mkdir -p "$TMP/tree/build/bin"
ln -s "$VMM" "$TMP/tree/build/bin/vmm"
images=$(cd "${B:-build}/guest" && pwd)
ran=0
while read -r line; do
    echo "+ $line"
    [[ $line = *'--engine '* || $line = *doctor* || $line = *report* || " $ENGINES " = *' kvm '* ]] || continue
    status=0
    (cd "$TMP/tree" && VMM_IMAGES=$images timeout -k 5 300 bash -c "$line") >"$TMP/out" 2>&1 </dev/null || status=$?
    exits_with 0
    ran=$((ran + 1))
done < <({
    grep -hE '^build/bin/vmm [^`]*$' README.md docs/*.md
    grep -ohE '`build/bin/vmm [a-z]+ [^`]*scenarios/[^`]*\.yaml`' README.md docs/*.md | tr -d '`'
} | sort -u)
[ "$ran" -ge 3 ] || fail "only $ran commands of the pages were run"

# each message about a mistake is on its page, and nothing else
python3 "$(dirname "$0")/lib/errors.py" >"$TMP/out" 2>&1 || fail "docs/errors.md and the programs differ"

# the picture of a machine is that of this vmm
vmm topo --svg "$TMP/topo.svg" scenarios/mesh.yaml
exits_with 0
cmp -s "$TMP/topo.svg" docs/pictures/topo.svg || fail "docs/pictures/topo.svg is out of date"

# the commands of the case studies
while read -r line; do
    echo "+ $line"
    timeout -k 5 300 tests/run_unit "${B:-build}/${line%% *}" --filter "$(cut -d "'" -f 2 <<<"$line")" \
        >"$TMP/out" 2>&1 </dev/null || fail "a command of docs/case-*.md"
    says 'Tested: [1-9]'
done < <(sed -n '/^```sh/,/^```/p' docs/case-*.md | sed -n 's,^build/\(tests/.*\),\1,p')
exit 0
