"""One file with everything inside, into which no name of the data can break."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sinks.page.page import ECHARTS, HERE, SCRIPTS, page

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "{{script}}{{data}}",
    "\\u003c\u2028\u2029\"'&amp;",
    "größe 尺寸 🛒",
)


class Elements(HTMLParser):
    """Every element with its attributes, and the text inside scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.CDATA_CONTENT_ELEMENTS:
            self.inside.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.inside[-1] += data


def parsed(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    elements.close()
    return elements


@pytest.mark.parametrize("name", HOSTILE)
def test_data_come_back_as_they_were_and_stay_data(name: str) -> None:
    elements = parsed(page({"name": name}))
    style, data, *_ = elements.inside
    assert json.loads(data) == {"name": name}
    assert ":root" in style
    assert not set("<>&\u2028\u2029") & set(data)
    assert [tag for tag, _ in elements.found].count("script") == 3
    assert "img" not in [tag for tag, _ in elements.found]


def test_nothing_is_taken_from_elsewhere() -> None:
    elements = parsed(page({}))
    for tag, attributes in elements.found:
        assert not {"src", "srcset", "data", "action", "poster"} & {*attributes}, tag
        assert tag != "link"
        assert attributes.get("href", "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in elements.inside[0]
    assert "url(" not in elements.inside[0]


def test_the_policy_allows_these_scripts_and_nothing_else() -> None:
    elements = parsed(page({"a": 1}))
    [policy] = [a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    _, _, *scripts = elements.inside
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert len(scripts) == 2
    assert rules == {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{digest}'" for digest in digests),
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_what_is_no_number_in_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        page({"share": float("nan")})


def test_echarts_is_what_was_published() -> None:
    digest = hashlib.sha256(ECHARTS.read_bytes()).hexdigest()
    readme = (ECHARTS.parent / "README.md").read_text()
    assert f"`{digest}`" in readme
    [version] = re.findall(r"# Apache ECharts (\S+)", readme)
    assert f'version="{version}"' in ECHARTS.read_text(encoding="utf-8")
    assert "</script" not in ECHARTS.read_text(encoding="utf-8")


def test_every_script_is_in_the_page() -> None:
    assert sorted(SCRIPTS) == sorted(path.name for path in Path(HERE / "script").glob("*.js"))
