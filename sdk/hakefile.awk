# SPDX-License-Identifier: MIT
#
# Reads a Hakefile in its plain form, writes what app.mk includes:
#
#   [ build application { target = "NAME", cFiles = [ "a.c", ... ], addLibraries = [ "bench" ], ... },
#     build library { ... }, ... ]
#
# A Hakefile is Haskell; only strings, lists and pairs of them are understood, and what else stands where a
# value should be is refused, with its line.  A program may use a library of the same file.

function complain(what)
{
    printf "%s:%d: %s\n", FILENAME, line_of[at < count ? at : count - 1], what > "/dev/stderr"
    exit 2
}

# Splits the text into tokens: strings (with a leading quote), words, single characters.
function tokenise(text,    line, c, start)
{
    line = 1
    count = 0
    while (text != "") {
        c = substr(text, 1, 1)
        if (c == "\n") {
            line++
            text = substr(text, 2)
        } else if (c ~ /[ \t\r]/) {
            text = substr(text, 2)
        } else if (match(text, /^--[^\n]*/)) {
            text = substr(text, RLENGTH + 1)
        } else if (substr(text, 1, 2) == "{-") {
            start = index(text, "-}")
            if (start == 0) {
                printf "%s:%d: a comment {- without its end\n", FILENAME, line > "/dev/stderr"
                exit 2
            }
            comment = substr(text, 1, start + 1)
            line += gsub(/\n/, "", comment)
            text = substr(text, start + 2)
        } else {
            if (match(text, /^"([^"\\]|\\.)*"/))
                token[count] = "\"" substr(text, 2, RLENGTH - 2)
            else if (match(text, /^[A-Za-z_][A-Za-z0-9_'.]*/))
                token[count] = substr(text, 1, RLENGTH)
            else {
                RLENGTH = 1
                token[count] = c
            }
            line_of[count++] = line
            text = substr(text, RLENGTH + 1)
        }
    }
}

function expect(what)
{
    if (at >= count || token[at] != what)
        complain("expected '" what "', found " (at < count ? "'" token[at] "'" : "the end") \
                 ": only the plain form is understood (docs/porting.md)")
    at++
}

# A value: strings of it, at any depth, joined by blanks; only the first of each pair.
function value(    text, inner)
{
    if (substr(token[at], 1, 1) == "\"") {
        text = substr(token[at++], 2)
        gsub(/\$/, "$$", text)
        return text
    }
    if (token[at] == "(") {
        at++
        text = value()
        while (token[at] == ",") {
            at++
            value()
        }
        expect(")")
        return text
    }
    if (token[at] == "allArchitectures" || token[at] == "True" || token[at] == "False")
        return token[at++]
    if (token[at] != "[")
        complain("expected a string or a list of strings, found '" token[at] \
                 "': only the plain form is understood (docs/porting.md)")
    at++
    text = ""
    while (token[at] != "]") {
        inner = value()
        text = text (text == "" ? "" : " ") inner
        if (token[at] == ",")
            at++
        else if (token[at] != "]")
            complain("expected ',' or ']', found '" token[at] "'")
    }
    at++
    while (token[at] == "+" && token[at + 1] == "+") {
        at += 2
        inner = value()
        text = text (text == "" ? "" : " ") inner
    }
    return text
}

function item(    kind, key, field)
{
    expect("build")
    kind = token[at++]
    if (kind != "application" && kind != "library")
        complain("'build " kind "': only applications and libraries are built here")
    split("", field)
    expect("{")
    while (token[at] != "}") {
        key = token[at++]
        if (!(key in known)) {
            at--
            complain("'" key "': no field that is understood here (docs/porting.md)")
        }
        expect("=")
        field[key] = value()
        if (token[at] == ",")
            at++
        else if (token[at] != "}")
            complain("expected ',' or '}', found '" token[at] "'")
    }
    at++
    if (field["target"] == "")
        complain("an item without a target")
    if (kind == "library")
        library_sources[field["target"]] = sources(field)
    else
        remember(field)
}

function sources(field)
{
    return field["cFiles"] " " field["cxxFiles"] " " field["assemblyFiles"]
}

function remember(field)
{
    programs++
    name[programs] = field["target"]
    sub(/.*\//, "", name[programs])
    own_sources[programs] = sources(field)
    flags[programs] = field["addCFlags"] " " field["addCxxFlags"]
    include_count = split(field["addIncludes"], include)
    for (i = 1; i <= include_count; i++)
        flags[programs] = flags[programs] " -I " include[i]
    libraries[programs] = field["addLibraries"]
}

function print_program(p,    n, word, others)
{
    others = ""
    n = split(libraries[p], word)
    for (i = 1; i <= n; i++) {
        sub(/.*\//, "", word[i])
        if (word[i] in library_sources)
            own_sources[p] = own_sources[p] " " library_sources[word[i]]
        else
            others = others " " word[i]
    }
    printf "PROGRAMS += %s\nsources_%s := %s\nflags_%s := %s\nlibraries_%s :=%s\n", name[p], name[p], \
        own_sources[p], name[p], flags[p], name[p], others
}

BEGIN {
    RS = "\001"
    fields = "target cFiles cxxFiles assemblyFiles flounderDefs flounderExtraDefs flounderBindings " \
             "flounderExtraBindings flounderTHCStubs addLibraries addCFlags addCxxFlags omitCFlags " \
             "addIncludes architectures addLinkFlags"
    field_count = split(fields, field_name)
    for (i = 1; i <= field_count; i++)
        known[field_name[i]] = 1
}

{
    tokenise($0)
    at = 0
    expect("[")
    while (token[at] != "]") {
        item()
        if (token[at] == ",")
            at++
        else if (token[at] != "]")
            complain("expected ',' or ']', found '" token[at] "'")
    }
    for (p = 1; p <= programs; p++)
        print_program(p)
}
