#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the error messages of the sources with docs/errors.md.

A message is the format of a call that reports a mistake; "…" stands for what printf puts in.  A row of the page
begins with the beginning of messages in back quotes, with "…" for anything.  Each message must have a row, and
each row a message."""
import glob
import re
import sys

# function: which argument is the format; below which folder
CALLS = {"diag_error": (2, "vmm"), "diag_warning": (2, "vmm"), "idl_error": (3, "idl"), "idl_warning": (3, "idl"),
         "machine_fail": (2, "vmm"), "fprintf": (1, "vmm/cli"), "argp_error": (1, "vmm/cli")}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def arguments(text, at):
    """The arguments of the call whose parenthesis opens before `at`."""
    found, depth, start, i = [], 0, at, at
    while i < len(text):
        c = text[i]
        if c == '"' or c == "'":
            i += 1
            while text[i] != c:
                i += 2 if text[i] == "\\" else 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return found + [text[start:i]]
            depth -= 1
        elif c == "," and depth == 0:
            found.append(text[start:i])
            start = i + 1
        i += 1
    return found


def texts(argument):
    """The strings of a format: adjacent ones are one, the sides of ?: are two."""
    kept = []

    def keep(match):
        kept.append(match.group(1))
        return f"@{len(kept) - 1}@"

    bare = re.sub(r"\bPRI\w+\b", " # ", STRING.sub(keep, argument))
    for side in re.split(r"[?:]", bare):
        text = "".join("d" if number == "" else kept[int(number)] for number in re.findall(r"@(\d+)@|#", side))
        text = text.replace('\\"', '"').replace("\\n", "").replace("%%", "%")
        text = re.sub(r"(?:%[-+#0]*[0-9.*]*(?:ll|l|z|h)*[a-z])+", "…", text)
        if text:
            yield text


def messages():
    for name, (index, folder) in CALLS.items():
        for path in sorted(glob.glob(folder + "/**/*.c", recursive=True)):
            with open(path, encoding="utf-8") as file:
                source = file.read()
            for call in re.finditer(r"\b" + name + r"\(", source):
                found = arguments(source, call.end())
                if name == "fprintf" and found[0].strip() != "stderr":
                    continue
                for text in texts(found[index]) if len(found) > index else []:
                    if "'" in text or re.search("[a-z]{3}", text):
                        yield path, text


def pattern(row):
    """Without words of its own a row stands for exactly that message."""
    if len(re.sub(r"^vmm|[^a-z]", "", row)) < 2:
        return re.compile(re.escape(row) + "$")
    return re.compile(".*".join(map(re.escape, row.split("…"))), re.S)


def main():
    with open("docs/errors.md", encoding="utf-8") as page:
        rows = re.findall(r"^\| `([^`]*|``.*?``)` \| [^|]+ \| [^|]+ \|$", page.read().replace("\\|", "\4"), re.M)
    patterns = [(row, pattern(row.replace("\4", "|"))) for row in rows]
    used, lacking = set(), []
    for path, text in messages():
        hits = [row for row, known in patterns if known.match(text)]
        used.update(hits)
        if not hits:
            lacking.append(f"{path}: {text}")
    for text in lacking:
        print("no row of docs/errors.md:", text)
    for row in rows:
        if row not in used:
            print("no such message:", row)
    print(len(rows), "rows")
    sys.exit(1 if lacking or set(rows) - used else 0)


main()
