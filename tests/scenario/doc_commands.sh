#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every command on every page: it exists, its options are those of --help, its goal is one of the
# makefiles, and the files that it names are there. doc_runs.sh runs those that can be run.
# The lesson and the pages about interfaces and
# programs outside the tree are run as they stand, by tests of their own; scenarios that a page names
# are run as all others are.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

command -v python3 >/dev/null || skip "python3 is not installed"
PYTHONPATH=tests/scenario/lib python3 -B - "$VMM" "$(dirname "$VMM")/idl" <<'PYTHON' || fail "a page has a command that does not work"
import glob, os, re, shlex, subprocess, sys
import pages
vmm, idl = sys.argv[1:3]
makefiles = "".join(open(path, encoding="utf-8").read() for path in ["Makefile", *glob.glob("mk/*.mk")])
helps, wrong, count = {}, 0, 0


def help_of(*command):
    if command not in helps:
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
        helps[command] = done.stdout if done.returncode == 0 else None
    return helps[command]


def options_missing(words, text):
    known = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", text)) | {"--help"}
    given = [re.sub(r"^-([a-z])\1+$", r"-\1", word.split("=")[0]) for word in words]  # -vv is -v twice
    return [word for word in given if re.match(r"--?[a-zA-Z]", word) and word not in known]


def mistake(program, words):
    for word in words:
        path = word.rstrip(".,")
        if re.match(r"(scenarios|tests|tools|docs)/", path) and "greet" not in path and not os.path.exists(path):
            return f"there is no {path}"
    if program.endswith("vmm"):
        if not words or words[0].startswith("-") or words[0] == "help":
            return None
        text = help_of(vmm, words[0]) if words[0] != "COMMAND" else ""
        if text is None:
            return f"vmm has no command {words[0]}"
        missing = options_missing(words[1:], text) if text else []
        return f"vmm {words[0]} has no {missing[0]}" if missing else None
    if program.endswith("idl"):
        missing = options_missing(words, help_of(idl))
        return f"idl has no {missing[0]}" if missing else None
    if program == "make" and "-C" not in words:  # elsewhere: another makefile
        for word in words:
            goal = re.sub(r"x86_64/sbin/NAME", "x86_64/sbin/%", word)
            test = re.fullmatch(r"build/tests/(test_\w+)", goal)
            if "=" in goal or goal.startswith("-") or (test and os.path.exists(f"tests/unit/{test[1]}.c")):
                continue
            if not re.search(rf"(?m)^[^#\n\t=]*(?<![\w/.-]){re.escape(goal)}(?![\w-])[^\n=]*:", makefiles):
                return f"no makefile has the goal {goal}"
        return None
    return None if program == "make" or os.access(program, os.X_OK) else f"{program} is no program"


for path, number, program, rest in pages.commands():
    if path == "docs/kernel.md" and rest.strip() == "runnable":
        continue  # a word of a drawing
    count += 1
    try:
        words = shlex.split(rest)
    except ValueError:
        words = rest.split()
    problem = mistake(program, words)
    if problem:
        wrong += 1
        print(f"{path}:{number}: {program}{rest}: {problem}")
print(f"{count} commands, {wrong} wrong")
sys.exit(wrong != 0 or count < 100)
PYTHON
