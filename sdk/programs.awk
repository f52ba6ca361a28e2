# SPDX-License-Identifier: MIT
#
# Reads a file Programs, writes what app.mk includes.  One program a line, '#' begins a comment:
#
#   NAME: SOURCE... [-FLAG...] [-lLIBRARY...]
{
    sub(/#.*/, "")
    if ($0 ~ /^[ \t\r]*$/)
        next
    if (!match($0, /^[ \t]*[A-Za-z0-9_.+-]+[ \t]*:/)) {
        printf "%s:%d: expected NAME: SOURCE...\n", FILENAME, FNR > "/dev/stderr"
        failed = 1
        exit 2
    }
    name = substr($0, RSTART, RLENGTH)
    gsub(/[ \t:]/, "", name)
    count = split(substr($0, RSTART + RLENGTH), word)
    sources = flags = libraries = ""
    for (i = 1; i <= count; i++) {
        gsub(/\$/, "$$", word[i])
        if (word[i] ~ /^-l/)
            libraries = libraries " " substr(word[i], 3)
        else if (word[i] ~ /^-/)
            flags = flags " " word[i]
        else
            sources = sources " " word[i]
    }
    if (sources == "") {
        printf "%s:%d: program %s without a source\n", FILENAME, FNR, name > "/dev/stderr"
        failed = 1
        exit 2
    }
    printf "PROGRAMS += %s\nsources_%s :=%s\nflags_%s :=%s\nlibraries_%s :=%s\n", name, name, sources, name, \
        flags, name, libraries
}
