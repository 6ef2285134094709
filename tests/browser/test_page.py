"""The managers' page in a real browser: drawn, legible, asking nobody, by keyboard, with names that are hostile."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.opening import NARROW, WIDE, opened
from tests.browser.tables import HOSTILE

pytestmark = pytest.mark.stack

CHARTS = {"engagement", "paths", "attribution", "funnel"}
SIZES = pytest.mark.parametrize("width", [WIDE, NARROW])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@SIZES
@SCHEMES
def test_every_chart_is_drawn_without_an_error_or_a_request(
    browser: Browser, page_file: Path, width: int, scheme: str
) -> None:
    with opened(browser, page_file, width, color_scheme=scheme) as (page, said, asked):
        charts = page.locator(".chart")
        assert {charts.nth(at).locator("xpath=ancestor::section").get_attribute("id") for at in range(4)} == CHARTS
        for at in range(charts.count()):
            assert colours(charts.nth(at).screenshot()) >= 4
        page.wait_for_load_state("networkidle")
        assert (said, asked) == ([], [])


def colours(png: bytes) -> int:
    """How many colours cover at least 20 pixels: a blank picture has one."""
    counts = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 24)
    assert counts is not None
    return sum(pixels >= 20 for pixels, _ in counts)


@pytest.mark.parametrize("width", [WIDE, 768, NARROW, 320])
def test_nothing_is_wider_than_the_page_and_no_text_smaller_than_12_pixels(
    browser: Browser, compared_file: Path, width: int
) -> None:
    with opened(browser, compared_file, width) as (page, *_):
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        texts = page.evaluate("looking.texts()")
        assert len(texts) > 300
        assert [(text, size) for text, size in texts if size < 12] == []
        assert page.evaluate("looking.outside()") == []
        assert page.evaluate("looking.overlapping()") == []


@SCHEMES
def test_text_stands_out_from_what_is_behind_it(browser: Browser, compared_file: Path, scheme: str) -> None:
    with opened(browser, compared_file, color_scheme=scheme) as (page, *_):
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = page.evaluate("looking.colors()")
        assert len(found) >= 8
        assert [(text, pair) for text, *pair in found if contrast(*pair) < 4.5] == []


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG 2's contrast ratio of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@SIZES
def test_the_keyboard_reaches_every_definition_and_sees_where_it_is(
    browser: Browser, compared_file: Path, width: int
) -> None:
    with opened(browser, compared_file, width) as (page, *_):
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        terms = page.locator(".term").count()
        reached = 0
        for _ in range(400):
            page.keyboard.press("Tab")
            focus = page.evaluate("looking.focused()")
            if focus is None:
                break
            assert focus["seen"], focus["html"]
            if focus["defines"]:
                reached += 1
                assert focus["shown"] == focus["expected"] != ""
                assert focus["left"] >= 0
                assert focus["right"] <= width
        assert reached == terms > 40


def test_a_definition_comes_by_pointer_and_touch_and_goes_by_escape(browser: Browser, compared_file: Path) -> None:
    with opened(browser, compared_file, NARROW, has_touch=True) as (page, *_):
        term = page.locator("#headline .term", has_text="Human share")
        box = page.locator("#definition")
        term.hover()
        assert box.inner_text().startswith("Human share\nInbound touchpoints judged human / ")
        # It can be read with the pointer on it.
        box.hover()
        assert box.is_visible()
        page.mouse.move(0, 0)
        assert box.is_hidden()
        term.tap()
        assert box.is_visible()
        assert term.get_attribute("aria-describedby") == "definition"
        page.keyboard.press("Escape")
        assert box.is_hidden()
        assert term.get_attribute("aria-describedby") is None


@pytest.mark.parametrize("chart", sorted(CHARTS))
def test_arrow_keys_read_the_values_of_a_chart(browser: Browser, page_file: Path, chart: str) -> None:
    with opened(browser, page_file) as (page, said, _):
        page.locator(f"#{chart} .chart").focus()
        heard = []
        for key in ("ArrowRight", "ArrowRight", "End", "Home"):
            page.keyboard.press(key)
            heard.append(page.locator("#spoken").inner_text())
            assert page.locator(f"#{chart} .tip").is_visible()
        assert len(set(heard)) == 3
        assert heard[0] == heard[3] != ""
        page.keyboard.press("Escape")
        assert said == []


def test_controls_work_by_keyboard_and_redraw(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as (page, said, _):
        pictures = [page.locator("#engagement .chart").inner_html()]
        page.locator("#engagement select").focus()
        page.keyboard.press("ArrowDown")
        pictures.append(page.locator("#engagement .chart").inner_html())
        assert page.locator("#engagement .controls + .note").inner_text() == "Active customers a day, UTC"
        page.locator("#engagement input[value=web]").focus()
        page.keyboard.press("Space")
        pictures.append(page.locator("#engagement .chart").inner_html())
        assert len(set(pictures)) == 3
        before = page.locator("#paths .chart").inner_html()
        page.locator("#paths input[value=all]").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("#paths input[value=converted]").is_checked()
        assert page.locator("#paths .chart").inner_html() != before
        page.locator("#attribution select").first.select_option("campaign")
        page.locator("#attribution select").last.select_option("EUR")
        assert page.locator("#models caption").inner_text() == "Value in EUR under each model"
        names = page.locator("#models tbody th").all_inner_texts()
        assert names[-2:] == ["No campaign", "All"]
        assert "No campaign" not in page.locator("#attribution .chart").inner_text()
        assert said == []


def test_every_chart_and_table_has_words(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as (page, *_):
        for at in range(page.locator(".chart").count()):
            chart = page.locator(".chart").nth(at)
            assert chart.get_attribute("role") == "img"
            assert chart.get_attribute("aria-label")
            assert chart.locator("xpath=ancestor::section").locator("table tbody tr").count() > 0
        assert page.locator("table").count() == page.locator("table caption").count() >= 8
        unnamed = "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"
        assert page.evaluate(unnamed) == 0
        assert page.locator("html").get_attribute("lang") == "en"


def test_paper_is_light_and_as_wide_as_its_charts(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, color_scheme="dark") as (page, said, _):
        first = "document.querySelector('#funnel .chart text').getAttribute('fill')"
        page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {first}; }})")
        on_screen = page.evaluate(first)
        assert len(page.pdf()) > 50_000
        assert (on_screen, page.evaluate("window.printed")) == ("#e8ecf3", "#1b2330")
        assert page.evaluate(first) == on_screen
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 688, "height": 900})  # A4 between its margins
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("nav").is_hidden()
        assert page.locator("#definitions dd").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 688
        for at in range(page.locator(".chart").count()):
            box = page.locator(".chart svg").nth(at).bounding_box()
            assert box is not None
            assert (box["width"], box["height"] > 200) == (640, True)
        assert said == []


def test_only_who_wants_motion_gets_it(browser: Browser, page_file: Path) -> None:
    moves = "echarts.getInstanceByDom(document.querySelector('#funnel .chart')).getOption().animation"
    for wish, expected in (("reduce", False), ("no-preference", True)):
        with opened(browser, page_file, reduced_motion=wish) as (page, *_):
            assert page.evaluate(moves) is expected


@SIZES
def test_names_are_text_whatever_they_look_like(browser: Browser, hostile_file: Path, width: int) -> None:
    with opened(browser, hostile_file, width) as (page, said, asked):
        page.locator("#attribution select").first.select_option("campaign")
        shown = page.locator("#models tbody th").all_inner_texts()
        assert sorted(text.split() for text in shown[:-1]) == sorted(name.split() for name in HOSTILE)
        for at in range(page.locator(".chart").count()):
            page.locator(".chart").nth(at).focus()
            page.keyboard.press("ArrowRight")
        assert page.locator("img, b[onmouseover]").count() == 0
        assert page.locator("script").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert (said, asked) == ([], [])


def test_the_policy_refuses_network_and_foreign_script(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as (page, *_), socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        refused = page.evaluate("(address) => looking.refused(address)", address)
        assert refused == [["connect-src", "img-src", "script-src-elem"], False]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
