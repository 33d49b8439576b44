#!/usr/bin/env python3
"""What the pictures of pages were taken of: a hash of the files that the page in the picture comes from.

usage: pictures.py NAME…   notes it in docs/pictures/taken.json, for portal, history; `./dev pictures` does
"""
import hashlib
import json
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TAKEN = SOURCE / "docs/pictures/taken.json"
BOTH = ["tests/browser/pictures.mjs", "scripts/html/*.lua"]
PORTAL = "scripts/sandbox/portal/"
OF = {
    "portal": BOTH + [PORTAL + path for path in (
        "assets/*", "icons.lua", "items/init.lua", "items/message.lua", "items/reacted.lua", "pages/conversation.lua",
        "respond.lua", "strings/common.lua", "strings/conversation.lua", "talk.lua", "widgets.lua")],
    "history": BOTH + ["scripts/history/" + path for path in (
        "calendar.lua", "jobs.lua", "page.lua", "parts.lua", "strings.lua", "style.css", "tables.lua", "timeline.lua")],
}


def digest(name):
    whole = hashlib.sha256()
    for pattern in OF[name]:
        paths = sorted(SOURCE.glob(pattern))
        if not paths:
            raise FileNotFoundError(pattern)
        for path in paths:
            whole.update(f"{path.relative_to(SOURCE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def taken():
    return json.loads(TAKEN.read_text(encoding="utf-8")) if TAKEN.exists() else {}


if __name__ == "__main__":
    TAKEN.write_text(json.dumps(taken() | {name: digest(name) for name in sys.argv[1:]}, indent=2, sort_keys=True) + "\n",
                     encoding="utf-8")
