#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Files that somebody else made: scenarios, menus, images, recordings and traces that are pipes,
# folders, devices, nested without end, or full of what a terminal would obey.  Each is refused in
# one line, or shown as it is; nothing hangs, and nothing outside the folder of a recording is read
# or written.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

command -v python3 >/dev/null || skip "python3 is missing"
need_image sbin/hello
patience=60

# Nothing that a terminal obeys was written; one line was enough.
is_harmless() {
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2\x9b' "$TMP/out" || fail "a terminal would obey this"
    is_brief "$1"
    [ "$(wc -c <"$TMP/out")" -lt 4000 ] || fail "a long message"
}

# ---- what is no regular file, at every place where a file is named ----
mkfifo "$TMP/pipe"
mkdir "$TMP/folder"
ln -s loop "$TMP/loop"
ln -s /dev/zero "$TMP/endless"
for name in pipe folder loop endless; do
    ln -s "$name" "$TMP/$name.yaml"
    for command in run check topo export; do
        vmm $command "$TMP/$name.yaml"
        exits_with 2
        is_harmless 4
    done
    [ $name = folder ] && continue # a folder is a recording
    for command in report diff; do
        # shellcheck disable=SC2046
        vmm $command $([ $command = report ] && echo "-o $TMP/page.html") "$TMP/$name" $([ $command = diff ] && echo "$TMP/$name")
        exits_with 2
        is_harmless 4
    done
done

# ---- text that grows, nests or deceives ----
python3 - "$TMP" <<'PYTHON'
import sys
def write(name, text):
    open(f"{sys.argv[1]}/{name}.yaml", "wb").write(text if isinstance(text, bytes) else text.encode())
write("t-bomb", "scenario: a\nx: &a [1,1,1,1,1,1,1,1]\n" +
      "".join(f"y{i}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 8)}]\n" for i in range(9)))
write("t-itself", "scenario: &a [*a]\n")
write("t-deep", "scenario: " + "[" * 100000 + "\n")
write("t-deeper", "scenario: a\nmachine: " + "{a: " * 50000 + "\n")
write("t-long", "scenario: a\ndescription: " + "x" * 3000000 + "\n")
write("t-keys", "scenario: a\n" + "".join(f"k{i}: 1\n" for i in range(20000)))
write("t-nul", b"scenario: a\0b\n")
write("t-wide", "scenario: a\n".encode("utf-16"))
write("t-tag", "scenario: !!python/object:os.system a\n")
write("t-escape", 'scenario: "\\e]0;x\\a"\n"\\e[31m\\u202e": 1\n')
write("t-second", "scenario: a\n---\nscenario: b\n")
for name, path in ("t-up", "/../../../../etc/passwd"), ("t-proc", "/proc/self/mem"), ("t-kernel", "/sbin/../../f"):
    write(name, f"scenario: a\nmachine: {{cores: 1}}\nboot: |\n  kernel /boot/cpu\n  module {path}\n")
PYTHON
for file in "$TMP"/t-*.yaml; do
    vmm check "$file"
    exits_with 2
    is_harmless 40
done

# ---- images ----
mkdir -p "$TMP/images/boot" "$TMP/images/sbin"
scenario plain 1 '1 s' 'exit: 0' <<<'module /sbin/hello'
for name in pipe folder loop endless; do
    ln -sfn "$TMP/$name" "$TMP/images/boot/cpu"
    vmm run --images "$TMP/images" "$TMP/plain.yaml"
    case $status in 2 | 3) ;; *) fail "status $status with an image that is a $name" ;; esac
    is_harmless 12
done

case " $ENGINES " in
*' unicorn '*) ;;
*) exit 0 ;; # recordings and their traces need it
esac

# ---- recordings ----
scenario short 1 '100 s' 'exit: 0' <<<'module /sbin/hello'
vmm run -q --engine unicorn --seed 1 --record "$TMP/record" --trace "$TMP/trace.json" "$TMP/short.yaml"
exits_with 0
python3 - "$TMP" <<'PYTHON'
import copy, json, sys
root = json.load(open(f"{sys.argv[1]}/record/record.json"))
count = 0
def write(text):
    global count
    open(f"{sys.argv[1]}/r-{count}.json", "w").write(text)
    count += 1
bad = ["\u001b[31m\u202e\n", "../../../../etc/passwd", "/../../../../../../etc/passwd", "x" * 100000, 2**63 - 1, [], None]
for key in "version", "seed", "scenario_xxh3", "engine", "slices", "images":
    for value in bad:
        if not (key == "images" and value in ([], None)): # no list of images: nothing is compared
            write(json.dumps({**root, key: value}) if key != "images" or isinstance(value, int) else
                  json.dumps({**root, "images": [{"path": value, "bytes": 1, "xxh3": value}]}))
for key in "path", "xxh3":
    for value in bad:
        c = copy.deepcopy(root)
        c["images"][0][key] = value
        write(json.dumps(c))
write("")
write("[" * 1000000)
write('{"a":' * 100000)
write("\0" * 100)
PYTHON
cp "$TMP/record/record.json" "$TMP/good.json"
refused=0
for file in "$TMP"/r-*.json; do
    cp "$file" "$TMP/record/record.json"
    vmm replay -q "$TMP/record"
    is_harmless 4
    case $status in
    2) refused=$((refused + 1)) ;;
    0) ;; # what does not change the run
    *) fail "status $status for $(head -c 300 "$file")" ;;
    esac
    says_not 'etc/passwd: not the image'
done
[ "$refused" -ge 40 ] || fail "only $refused recordings were refused"

# A folder that somebody prepared: links in it are not followed.
echo mine >"$TMP/mine"
for name in scenario.yaml slices.bin guest/boot/cpu; do
    rm -rf "$TMP/prepared"
    mkdir -p "$TMP/prepared/$(dirname $name)"
    ln -s "$TMP/mine" "$TMP/prepared/$name"
    vmm run -q --engine unicorn --record "$TMP/prepared" "$TMP/short.yaml"
    exits_with 2
    [ "$(cat "$TMP/mine")" = mine ] || fail "a link in the place of $name was followed"
done

for name in bundle pc run; do
    rm -rf "$TMP/prepared"
    mkdir "$TMP/prepared"
    ln -s "$TMP/mine" "$TMP/prepared/$name"
    vmm export --format qemu "$TMP/short.yaml" "$TMP/prepared"
    exits_with 2
    [ "$(cat "$TMP/mine")" = mine ] || fail "a link in the place of $name was followed"
done

# Nor is one in the place of a folder; and nobody waits for the other end of a pipe.
for name in guest guest/boot disk disk/boot disk/boot/grub disk/sbin; do
    rm -rf "$TMP/prepared" "$TMP/theirs"
    mkdir -p "$TMP/prepared/$(dirname $name)" "$TMP/theirs"
    ln -s "$TMP/theirs" "$TMP/prepared/$name"
    case $name in
    guest*) vmm run -q --engine unicorn --record "$TMP/prepared" "$TMP/short.yaml" ;;
    *) vmm export --format grub "$TMP/short.yaml" "$TMP/prepared" ;;
    esac
    exits_with 2
    says 'symbolic links'
    [ -z "$(ls -A "$TMP/theirs")" ] || fail "a link in the place of the folder $name was followed"
done
for name in slices.bin bundle; do
    rm -rf "$TMP/prepared"
    mkdir "$TMP/prepared"
    mkfifo "$TMP/prepared/$name"
    case $name in
    slices.bin) vmm run -q --engine unicorn --record "$TMP/prepared" "$TMP/short.yaml" ;;
    *) vmm export --format qemu "$TMP/short.yaml" "$TMP/prepared" ;;
    esac
    exits_with 2
    is_harmless 4
done

# ---- traces ----
cp "$TMP/trace.json" "$TMP/kept.json"
for command in "report -o $TMP/trace.json $TMP/trace.json" "topo --svg $TMP/short.yaml $TMP/short.yaml" \
    "report -o $TMP/kept.json --beside $TMP/kept.json $TMP/trace.json"; do
    # shellcheck disable=SC2086
    vmm $command
    exits_with 2
    says 'that is an input of the run; name another file'
done
cmp "$TMP/trace.json" "$TMP/kept.json" || fail "an input was written over"
python3 - "$TMP" <<'PYTHON'
import json, sys
evil = "\u001b]0;x\u0007\u202e\u009b</script><script>alert(1)</script>\r"
def spoil(value, key=None):
    if isinstance(value, dict):
        return {k: spoil(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v) for v in value]
    return evil + value if isinstance(value, str) and key not in ("ph", "cat") else value
root = json.load(open(f"{sys.argv[1]}/trace.json"))
json.dump(spoil(root), open(f"{sys.argv[1]}/evil.json", "w"))
for event in root["traceEvents"]:
    event.update(pid=2**62, tid=-2**62, ts=1e300, args=[])
json.dump(root, open(f"{sys.argv[1]}/numbers.json", "w"))
open(f"{sys.argv[1]}/deep.json", "w").write("[" * 1000000)
open(f"{sys.argv[1]}/other.json", "w").write('{"traceEvents":[1,null,"a",{}],"otherData":{}}')
open(f"{sys.argv[1]}/half.json", "w").write('{"traceEvents":[\x1b[31m')
PYTHON
for name in evil numbers other deep half; do
    vmm diff "$TMP/trace.json" "$TMP/$name.json"
    case $name:$status in evil:1 | numbers:1 | other:1 | deep:2 | half:2) ;; *) fail "status $status for $name" ;; esac
    is_harmless 40
    vmm report -o "$TMP/page.html" "$TMP/$name.json"
    case $name:$status in evil:0 | numbers:0 | other:0 | deep:2 | half:2) ;; *) fail "status $status for $name" ;; esac
    is_harmless 10
done
vmm report -o "$TMP/page.html" "$TMP/evil.json"
! grep -q 'alert(1)</script>' "$TMP/page.html" || fail "a trace can put markup into the page"
