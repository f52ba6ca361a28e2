# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Fetching packages without installing them.  Sourced; `me` is the script's name.  Packages are
# downloaded through the machine's own apt, which verifies them, and unpacked; no root is needed.  If the
# package lists of the system cannot serve, a private copy of them is fetched first.

private_lists=

failed() {
    echo "$me: $1" >&2
    exit 3
}

# begin_fetching DIR: sets `out` (the folder's absolute path), `work` (a folder for the time being) and
# `log`; others wait until the script has ended
begin_fetching() {
    [ "$(uname -m)" = x86_64 ] || failed "this machine is no x86-64"
    mkdir -p "$1" || failed "cannot write to $1"
    out=$(cd "$1" && pwd)
    exec {lock}>"$out/fetch.lock" || failed "cannot write to $out"
    flock "$lock"
    work=$(mktemp -d "$out/fetch.XXXXXX") || failed "cannot write to $out"
    trap 'rm -rf "$work"' EXIT
    log=$out/fetch.log
    : >"$log"
    apt_options=(-q -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Acquire::Retries=3
                 -o Acquire::Languages=none -o "Dir::Cache=$work/cache")
}

# With lists of our own, in case the system's are missing or too old to name files that still exist.
use_private_lists() {
    [ -z "$private_lists" ] || return 1
    private_lists=tried
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    apt_options+=(-o "Dir::State::Lists=$work/lists")
    apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update >>"$log" 2>&1 </dev/null &&
        private_lists=usable
}

# download DIR PACKAGE...: the packages, nothing else
download() {
    local dir=$1
    shift
    mkdir -p "$dir" "$work/cache/archives/partial"
    (cd "$dir" && apt-get "${apt_options[@]}" download "$@") >>"$log" 2>&1 </dev/null
}

# The packages that installing $* here would add.
closure() {
    apt-get "${apt_options[@]}" install --no-install-recommends -s "$@" 2>>"$log" </dev/null |
        awk '/^Inst / { print $2 }'
}

need_debian() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        failed "this is no Debian system: $1 cannot be fetched"
}

reason() {
    local line
    line=$(grep -E '^[EW]: Failed to fetch' "$log" | head -n 1)
    [ -n "$line" ] || line=$(grep '^E:' "$log" | tail -n 1)
    line=${line:0:200}
    echo "${line:-see $log}"
}

# fetch_packages NAME PACKAGE...: what installing them here would add, unpacked into $out/NAME
fetch_packages() {
    local name=$1 deb
    local -a names
    shift
    need_debian "$name"
    mapfile -t names < <(closure "$@")
    if [ ${#names[@]} -eq 0 ]; then
        use_private_lists || failed "cannot fetch apt's lists: $(reason)"
        mapfile -t names < <(closure "$@")
    fi
    [ ${#names[@]} -gt 0 ] || failed "apt knows no way to $*: $(reason)"
    if ! download "$work/debs" "${names[@]}"; then
        use_private_lists && mapfile -t names < <(closure "$@") &&
            download "$work/debs" "${names[@]}" || failed "cannot download $name: $(reason)"
    fi
    mkdir -p "$work/unpacked"
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$work/unpacked" 2>>"$log" || failed "cannot unpack ${deb##*/}: $(reason)"
    done
    rm -rf "${out:?}/$name" "$work/debs"
    mv "$work/unpacked" "$out/$name" || failed "cannot write to $out"
}
