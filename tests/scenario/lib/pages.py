# SPDX-License-Identifier: MIT
"""The commands that the pages show, for doc_commands.sh and doc_runs.sh."""
import glob
import re

START = re.compile(r"(?:\$ )?((?:[A-Z_]+=\S+ )*)((?:build/bin/)?(?:vmm|idl)|make|(?:tests|tools)/[\w/]+)(?= |$)(.*)")
END = re.compile(r" #| {2,}|[:;&|>]| \.\.\.(?! )|…")


def commands():
    """Yields page, line number, program and the rest: lines of blocks, and words in code style with operands."""
    for path in [*sorted(glob.glob("docs/*.md")), "README.md"]:
        inside = False
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            if line.startswith("```"):
                inside = not inside
                continue
            for text in [line.strip()] if inside else re.findall(r"`([^`]+)`", line):
                found = START.match(text)
                if found and (inside or found[3]):
                    yield path, number, found[2], END.split(found[3].rstrip(":"))[0]
