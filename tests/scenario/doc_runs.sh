#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Commands of vmm, idl and tools/ on every page are run, with a short scenario in the place of FILE, and
# end with status 0. A command without its operands is the name of a command: its --help is shown.
# `make help` is run, too. What is not run here is in `elsewhere`, with the reason; anything else is a failure.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
need_image sbin/hello
command -v python3 >/dev/null || skip "python3 is not installed"
for entry in build docs findings guest idl mk scenarios tests tools vmm devices sdk Makefile mkdocs.yml README.md; do
    ln -s "$PWD/$entry" "$TMP/$entry"
done
PYTHONPATH=tests/scenario/lib python3 -B - "$VMM" "$(dirname "$VMM")/idl" "$TMP" "$ENGINES" <<'PYTHON' || fail "a command on a page does not work"
import os, re, shlex, subprocess, sys
import pages

vmm, idl, folder, engines = sys.argv[1:5]
OPERANDS = {"run": 1, "check": 1, "replay": 1, "report": 1, "diff": 2, "new": 2, "topo": 1, "compare": 1, "export": 2}
ELSEWHERE = [  # commands, and why they are not run here
    (r"docs/lesson\.md .*", "script/lesson runs the page as it stands"),
    (r"docs/(porting|idl)\.md (make|vmm new).*", "script/outside and script/idl_tutorial run these pages"),
    (r".* make( (check|soak|clean|sim|all|app|x86|unicorn|bench|install|uninstall|deb|site|runnable|build|V=|W|K|U|Q|-C|&&).*)?",
     "builds, installs or tests the tree: a test cannot do that to the tree that it is a part of"),
    (r".* tests/.*", "the tests themselves"),
    (r".* vmm compare.*", "needs a second engine", "kvm" not in engines),
]
STAND_IN = {"FILE...": "hello.yaml", "FILE": "hello.yaml", "RUN": "trace.json", "E": "unicorn", "COMMAND": "run",
            "FILE.if": "idl/if/myappif.if", "NAME": "demo"}
VALUED = ("--seed", "-s", "--junit", "--format", "--trace", "--record", "--messages", "--summary-md", "--set", "--engine", "-o")
ran, left, wrong, made = set(), {}, 0, 0


def operands(words):
    """Those that are neither options nor values of options."""
    return [w for before, w in zip(["", *words], words) if not w.startswith("-") and before not in VALUED]


def complete(words):
    """The words of a command of vmm, with all that it needs."""
    global made
    name, rest = words[0], words[1:]
    made += 1
    new = f"new-{made}"
    where = {"--record": new, "--trace": new + ".json", "-o": new + ".html", "--junit": new + ".xml"}
    rest = [where.get(before, w) for before, w in zip(["", *rest], rest)]
    last = {"replay": "record", "export": new}
    rest = [last.get(name, w) if w in ("DIR", "q35") else STAND_IN.get(w, w) for w in rest]
    given = operands(rest)
    if len(given) < OPERANDS[name] and not (rest and name in ("run", "check")):
        return [name, "--help"]
    if not given:
        rest.append("hello.yaml")
    if name == "run" and "--engine" not in rest:
        rest += ["--engine", "unicorn"]
    if name == "compare":
        rest += ["--engines", "unicorn,kvm"]
    return [name, *rest]


def run(where, program, rest):
    global wrong
    words = shlex.split(rest)
    line = f"{os.path.basename(program)} {' '.join(words)}".strip()
    for pattern, reason, *holds in ELSEWHERE:
        if re.fullmatch(pattern, f"{where.split(':')[0]} {line if program in ('make', 'vmm', 'build/bin/vmm') else program}") and all(holds):
            left.setdefault(reason, set()).add(line)
            return
    if program.endswith("vmm"):
        if not words or (words[0] not in OPERANDS and words[0] not in ("doctor", "help", "COMMAND", "--help")):
            return  # a message of vmm, or its name
        if words[0] == "COMMAND":
            words[0] = "run"
        command = [vmm, *(complete(words) if words[0] in OPERANDS else [STAND_IN.get(w, w) for w in words])]
    elif program.endswith("idl"):
        command = [idl, *[STAND_IN.get(w, w) for w in words]]
    else:
        command = [program, *words]
    key = tuple(re.sub(r"new-\d+", "new", w) for w in command)
    if key in ran:
        return
    ran.add(key)
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        wrong += 1
        print(f"{where}: {' '.join(command)}: status {done.returncode}\n{done.stdout[-800:]}{done.stderr[-800:]}")


with open(folder + "/hello.yaml", "w", encoding="utf-8") as out:
    out.write(open("scenarios/hello.yaml", encoding="utf-8").read().replace("menus/", "scenarios/menus/"))
subprocess.run([vmm, "run", "--engine", "unicorn", "--seed", "1", "--record", "record", "--trace", "trace.json", "hello.yaml"],
               cwd=folder, check=True, stdout=subprocess.DEVNULL)
for path, number, program, rest in pages.commands():
    run(f"{path}:{number}", program, rest)
for reason, lines in left.items():
    print(f"not here, {reason}: {len(lines)}, such as {sorted(lines)[0]}")
print(f"{len(ran)} commands run, {wrong} wrong")
sys.exit(wrong != 0 or len(ran) < 30)
PYTHON
