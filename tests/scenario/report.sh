#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The page of a run, and where two runs part.  The page is looked at in a browser, with clicks: with
# a run of ours, with a run whose guest is hostile, and with a hundred thousand messages.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/myapp
[[ " $ENGINES " = *' unicorn '* ]] || skip "needs the deterministic engine: see vmm doctor"
here=$(dirname "$0")

# ---- where runs part ----
lost=scenarios/faults/lose-the-third.yaml
vmm run --engine unicorn --seed 3 --trace "$TMP/lost.json" "$lost"
exits_with 0
# the same without its fault
sed -e '/^faults:/,/^$/d' -e '/most: 2/d' -e '/fired:/d' -e "s|[.][.]/menus|$PWD/scenarios/menus|" \
    "$lost" >"$TMP/whole.yaml"
vmm run --engine unicorn --seed 3 --record "$TMP/whole" --trace "$TMP/whole.json" "$TMP/whole.yaml"
exits_with 0

vmm diff "$TMP/lost.json" "$TMP/whole.json"
exits_with 1
says '^They part at 0\.[0-9]+ s, at number 1 of the faults on '
says '^  A  0\.[0-9]+  fault lose-the-third: drop hello #3, myappif:myapp.0<-myapp.1#1$'
vmm diff "$TMP/lost.json" "$TMP/lost.json"
exits_with 0
says '^The runs did the same: [0-9]+ marks'
# a recording is the run that was recorded
vmm diff "$TMP/whole" "$TMP/whole.json"
exits_with 0
# the fifth is lost as well: the fault before is the same
sed -e 's|nth: 3|nth: [3, 5]|' -e '/most: 2/d' -e '/fired:/d' -e "s|[.][.]/menus|$PWD/scenarios/menus|" \
    "$lost" >"$TMP/twice.yaml"
vmm run --engine unicorn --seed 3 --trace "$TMP/twice.json" "$TMP/twice.yaml"
exits_with 0
vmm diff "$TMP/lost.json" "$TMP/twice.json"
exits_with 1
says '^They part at 0\.[0-9]+ s, at number 2 of the faults on .*; the one before is the same:$'
says '^  B  0\.[0-9]+  fault lose-the-third: drop hello #5'
vmm diff --seeds 1,2 scenarios/hello.yaml
[ "$status" -le 1 ] || fail "two seeds cannot be compared"
says '^B  hello, engine unicorn, seed 2: pass$'
vmm diff "$TMP/lost.json"
exits_with 2
says 'expected two runs, or --seeds and one scenario'
vmm diff --seeds 1 scenarios/hello.yaml
exits_with 2
says 'expected two numbers'
echo '{"traceEvents": 5}' >"$TMP/odd.json"
vmm report "$TMP/odd.json" -o "$TMP/odd.html"
exits_with 2
says 'that is no trace of vmm run'

# ---- a run that fails, beside one that passes ----
MENU=$PWD/scenarios/menus/default.lst
cat >"$TMP/sometimes.yaml" <<YAML
scenario: sometimes
machine: {cores: 2, memory: 256 MiB}
boot: {menu: $MENU}
faults:
  - when: {message: hello, interface: myappif, from: 1, to: 0, probability: 0.5}
    do: drop
    optional: true
deadline: 100 ms
expect:
  - console: hello message received!
YAML
passes='' fails=''
for ((seed = 1; seed <= 40; seed++)); do
    [ -n "$passes" ] && [ -n "$fails" ] && break
    vmm run -q --engine unicorn --seed "$seed" --set 'deadline=90 ms' --trace "$TMP/$seed.json" "$TMP/sometimes.yaml"
    if [ "$status" -eq 0 ]; then passes=$seed; else fails=$seed; fi
done
[ -n "$passes" ] && [ -n "$fails" ] || fail "one of two outcomes never came"
vmm report "$TMP/sometimes.yaml" -s "$fails" -o "$TMP/found.html"
exits_with 0
says '^It failed[.,]'
vmm report "$TMP/$fails.json" --beside "$TMP/$passes.json" -o "$TMP/beside.html"
exits_with 0
grep -qF "vmm run $TMP/sometimes.yaml --engine unicorn --seed $fails --set 'deadline=90 ms'" "$TMP/beside.html" ||
    fail "the command that repeats the run lacks what was set"

# ---- pages ----
vmm report "$TMP/lost.json" -o "$TMP/lost.html"
exits_with 0
! grep -qE '(src|href)=|https?:' "$TMP/lost.html" || fail "the page needs a network"
python3 - "$TMP" <<'PYTHON' || fail "the traces cannot be written"
import json, sys
folder = sys.argv[1]
EVIL = "</script><img src=x onerror='window.evil=1'>&lt;<!--"

def write(name, events, run):
    names = [{"ph": "M", "pid": c, "tid": 1, "name": "thread_name", "args": {"name": "app"}}
             for c in range(4)]
    json.dump({"traceEvents": names + events, "otherData": run},
              open(f"{folder}/{name}.json", "w", encoding="utf-8"))

def message(n, name, channel):
    args = {"channel": channel, "by": "client", "from": n % 4, "to": (n + 1) % 4, "number": n,
            "any": n, "bytes": 56, "sent_ns": n * 1000, "shown_ns": n * 1000, "read_ns": n * 1000 + 9}
    return [{"ph": "X", "cat": "send", "pid": n % 4, "tid": 1, "ts": n, "name": f"{name} #{n}", "args": args},
            {"ph": "X", "cat": "read", "pid": (n + 1) % 4, "tid": 1, "ts": n, "name": f"{name} #{n}", "args": args}]

write("evil", message(1, EVIL + "." + EVIL, EVIL) +
      [{"ph": "i", "cat": c, "pid": 0, "tid": 1, "ts": 1, "name": EVIL, "args": {}}
       for c in ("console", "fault", "event")],
      {key: EVIL for key in ("scenario", "verdict", "detail", "file", "seed", "engine")} |
      {"postmortem": [EVIL], "expectations": [{"holds": False, "says": EVIL, "account": EVIL}]})
write("many", [e for n in range(1, 100001) for e in message(n, f"if{n % 7}.m{n % 50}", f"if{n % 7}:s.0<-c.1#1")],
      {"scenario": "many", "verdict": "pass"})
PYTHON
for page in evil many; do
    vmm report "$TMP/$page.json" -o "$TMP/$page.html"
    exits_with 0
done

browser=$(command -v chromium) || skip "chromium is not installed"
timeout 300 "$python" - "$here/lib" "$browser" "$TMP" >"$TMP/out" 2>&1 <<'PYTHON' || fail "a page is wrong"
import sys
sys.path.insert(0, sys.argv[1])
from browser import Browser
folder = sys.argv[3]
page = Browser(sys.argv[2], folder + "/profile")

def text(selector):
    return page.value(f"document.querySelector('{selector}').textContent")

try:
    page.open(folder + "/lost.html")
    count = text("#count")
    assert count.startswith("Messages: ") and text("#verdict") == "PASS", count
    assert "lose-the-third: drop" in text("#faults")
    page.click_on("#sequence", 300, 10)
    assert text("#detail").startswith("intermon."), text("#detail")
    page.click_on("input[data-interface=intermon]")
    assert text("#count") != count, "the filter hides nothing"
    page.click_on("#sequence", 300, 10)
    assert not text("#detail").startswith("intermon."), text("#detail")
    assert page.value("document.querySelectorAll('#lines .near').length") == 1
    page.screenshot(folder + "/report.png")
    before = int(text("#count").split()[1])
    page.click_on("#within")
    assert int(text("#count").split()[1]) > before + 50, "no messages within a core"

    page.open(folder + "/beside.html")
    assert text("#parting pre").count("They part at ") == 1, text("#parting pre")
    assert text("#other-count").endswith(text("#count").split()[-1]), text("#other-count")
    page.click_on("#other-sequence", 200, 10)
    assert " from " in text("#other-detail"), text("#other-detail")

    page.open(folder + "/evil.html")
    page.click_on("#sequence", 300, 10)
    assert "onerror" in text("#detail") and "onerror" in text("#lines")
    assert page.value("document.images.length") == 0 and page.value("window.evil") is None

    page.open(folder + "/many.html")
    assert text("#count") == "Messages: 100000 of 100000", text("#count")
    page.value("document.getElementById('chart').scrollTop = 1e9")
    page.click_on("#sequence", 300, 400)
    assert int(text("#detail").split("#")[1].split()[0]) > 99900, text("#detail")
    assert page.value("document.querySelectorAll('*').length") < 200, "rows that nobody sees are there"
    page.click_on("input[data-interface=if3]")
    assert text("#count") != "Messages: 100000 of 100000"
    page.value("(() => { const c = document.getElementById('core'); c.value = '2';"
               " c.dispatchEvent(new Event('change')); })()")
    assert int(text("#count").split()[1]) < 50000
    outside = [url for url in page.requests if not url.startswith("file://" + folder)]
    assert not outside, f"asked for {outside}"
    assert not page.console, page.console
finally:
    page.close()
PYTHON
