#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make site: every page of docs/ is in the site's navigation, no link leads nowhere, and a search finds
# words of the pages.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"
command -v mkdocs >/dev/null || skip "mkdocs is not installed"

mkdocs build --strict --site-dir "$TMP/site" >"$TMP/out" 2>&1 || fail "mkdocs"
says_not 'WARNING'
for page in docs/*.md; do
    name=$(basename "$page" .md)
    grep -q ": $name.md\$" mkdocs.yml || fail "$page is not in the navigation of mkdocs.yml"
    [ -s "$TMP/site/$name.html" ] || fail "$page is not in the site"
done
grep -q 'lose-the-third' "$TMP/site/search/search_index.json" || fail "the search does not know lose-the-third"
exit 0
