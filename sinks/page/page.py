"""The page itself: one HTML file with everything inside, which asks no network for anything.

It decides how data, style and script are put into it so that no name in the data can become a part of the page, and
what the browser must refuse (Content-Security-Policy). What stands where is the template's and the script's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ECHARTS: Final = HERE / "vendor" / "echarts.min.js"
#: In the order in which one uses another.
SCRIPTS: Final = (
    "format.js",
    "elements.js",
    "definitions.js",
    "charts.js",
    "tables.js",
    "headline.js",
    "engagement.js",
    "flows.js",
    "paths.js",
    "attribution.js",
    "retention.js",
    "funnel.js",
    "notes.js",
    "start.js",
)
# What ends a script element, or begins a comment in it, can't be written in JSON then; U+2028 and U+2029 end lines.
_ESCAPES: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def page(figures: Mapping[str, object]) -> str:
    """The HTML of ``figures`` (`sinks.page.figures`)."""
    script = "(() => {\n'use strict';\n" + "\n".join(_read(HERE / "script" / name) for name in SCRIPTS) + "})();"
    echarts = _read(ECHARTS)
    parts = {
        "policy": _policy(echarts, script),
        "style": _read(HERE / "page.css"),
        "data": json.dumps(figures, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES),
        "echarts": echarts,
        "script": script,
    }
    # In one pass: what a part contains is never taken for a place of the next.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _read(HERE / "page.html"))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Nothing from anywhere, no inline handlers; the scripts of this page by their digests, styles inside it."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
