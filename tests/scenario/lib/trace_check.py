#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a trace in each of its two formats, and compares them.

trace_check.py JSON PFTRACE FOLDER: FOLDER has perfetto_pb2.py, which protoc has generated.
Prints a line for each message: NAME SENT_NS HANDLED_NS TRANSPORT ("?": that is not known, "-": it was lost),
and each fault."""
import json
import re
import sys
from collections import Counter


def check_format(trace):
    """The rules of the document "Trace Event Format" for the events that we write: what chrome://tracing
    takes for granted.  (A browser without a window does not load that page, so it cannot be asked.)"""
    assert isinstance(trace["traceEvents"], list) and trace.get("displayTimeUnit", "ms") in ("ms", "ns")
    begun, flows, latest = {}, {}, {}
    for event in trace["traceEvents"]:
        kind, where = event["ph"], (event["pid"], event["tid"])
        assert kind in ("B", "E", "X", "i", "s", "f", "M"), f"phase {kind}"
        assert all(isinstance(number, int) and number >= 0 for number in where), event
        assert isinstance(event.get("args", {}), dict), event
        assert kind == "E" or isinstance(event["name"], str), event
        if kind == "M":
            if event["name"] == "vmm":
                continue  # the last one, which nobody knows
            assert event["name"] in ("process_name", "process_sort_index", "thread_name", "thread_sort_index"), event
            wants = str if event["name"].endswith("_name") else int
            assert isinstance(next(iter(event["args"].values())), wants), event
            continue
        assert isinstance(event["ts"], (int, float)) and event["ts"] >= 0, event
        assert kind == "E" or isinstance(event["cat"], str), event
        if kind == "X":
            assert event["dur"] >= 0, event
        elif kind == "i":
            assert event.get("s", "t") in ("g", "p", "t"), event
        elif kind == "B":
            assert event["ts"] >= latest.get(where, 0), "slices of a track are in order of time"
            begun.setdefault(where, []).append(event["ts"])
            latest[where] = event["ts"]
        elif kind == "E":
            assert event["ts"] >= begun[where].pop(), "a slice ends before it begins"
            latest[where] = event["ts"]
        else:
            key = (event["cat"], event["name"], event["id"])
            assert (key in flows) == (kind == "f"), f"arrow {key}"
            assert event["ts"] >= flows.setdefault(key, event["ts"]), f"arrow {key} goes back in time"


def read_chrome(path):
    with open(path, encoding="utf-8") as file:
        trace = json.load(file)
    check_format(trace)
    marks, sent, read, depth, last = Counter(), {}, {}, Counter(), {}
    names = {(e["pid"], e["tid"]): e["args"]["name"]
             for e in trace["traceEvents"] if e.get("name") == "thread_name"}
    for event in trace["traceEvents"]:
        where = (event["pid"], event["tid"])
        if event["ph"] in "BEiX":
            assert where in names, f"no track {where}"
            marks[event.get("cat", "end")] += 1
        if event["ph"] == "B":
            depth[where] += 1
        elif event["ph"] == "E":
            depth[where] -= 1
            assert depth[where] == 0, "what runs on a core does not nest"
        elif event["ph"] == "s":
            sent[event["id"]] = last
        elif event["ph"] == "f":
            assert event["bp"] == "e"
            read[event["id"]] = last
        elif event["ph"] == "i" and event["cat"] == "fault":
            print("fault", event["name"], event["args"]["message"], event["args"]["number"])
        last = event
    assert not any(depth.values()), "a slice does not end"
    assert set(read) <= set(sent), "an arrow begins nowhere"
    for flow, event in sent.items():
        end = read.get(flow)
        if end:
            args = end["args"]
            assert args["sent_ns"] <= args["shown_ns"] <= args.get("read_ns", 1 << 62), args
            assert ("read_ns" in args or "handled_ns" in args) == (end["cat"] == "read")
            assert args["shown_ns"] <= args.get("handled_ns", 1 << 62), args
            assert args["bytes"] > 0 and args["bytes"] % (8 if args["transport"] == "LMP" else 56) == 0, args
            assert (args["transport"] == "LMP") == (args["from"] == args["to"]), args
            for end_of in "sender", "receiver":
                assert re.fullmatch(r"[a-z_]+[.]\d", args[end_of]), args
            assert end["name"] == event["name"] and end["pid"] == event["args"]["to"]
        print("message", event["name"], round(event["ts"] * 1000),
              end["args"].get("handled_ns", "?") if end else "-", event["args"]["transport"])
    assert trace["otherData"]["verdict"] == "pass"
    return marks, len(sent), len(read)


def read_perfetto(path):
    import perfetto_pb2  # pylint: disable=import-outside-toplevel
    trace = perfetto_pb2.Trace()
    with open(path, "rb") as file:
        trace.ParseFromString(file.read())
    marks, sent, read, tracks = Counter(), set(), set(), set()
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert not track.HasField("parent_uuid") or track.parent_uuid in tracks
            assert track.HasField("process") != track.HasField("parent_uuid")
            tracks.add(track.uuid)
            continue
        event = packet.track_event
        assert event.track_uuid in tracks
        kind = event.categories[0] if event.categories else "end"
        if not (kind == "end" and marks["open"]):
            marks[kind] += 1
        marks["open"] = int(kind in ("send", "read", "shown"))  # their ends are no marks in the other
        sent.update(event.flow_ids)
        read.update(event.terminating_flow_ids)
    del marks["open"]
    return marks, len(sent), len(read)


def main():
    chrome = read_chrome(sys.argv[1])
    sys.path.insert(0, sys.argv[3])
    perfetto = read_perfetto(sys.argv[2])
    assert chrome == perfetto, f"they differ: {chrome} {perfetto}"
    print("marks", *sorted(chrome[0]))


main()
