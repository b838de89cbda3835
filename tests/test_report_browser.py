"""The page of `report` in a real browser: it asks nobody, works by keyboard, and obeys nothing that others wrote."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adaptive_scheduler.commands.report import kit
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.model import Status
from adaptive_scheduler.report.book import Book, Started
from tests.builders import NOW, event, task
from tests.reports import book, full, learning, lesson, page, runs, samples

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"needs Debian's chromium at '{CHROMIUM}'", allow_module_level=True)
pytest.importorskip("plotly", reason="the report needs plotly")
sync_api: Any = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive the browser")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

EVIL = (
    "<img src=x onerror=alert(1)><b>bold</b><a href='javascript:alert(2)'>go</a> \"'&</script><script>alert(3)</script>"
)
EVIL += " \x1b[31mred\x00\u2028\u202eend %{x} $x$"

SHOWN = "[...document.querySelectorAll('.js-plotly-plot')].map(one => [one.id, one.data.length])"
RANGE = """one => document.getElementById(one)._fullLayout.xaxis.range
    .map(value => Date.parse(value.replace(' ', 'T') + 'Z'))"""
REACH = """() => {
    const one = document.activeElement, look = getComputedStyle(one);
    if (one === document.body || one.dataset.reached) return null;
    one.dataset.reached = "yes";
    const seen = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
    return [one.outerHTML.slice(0, 80), seen];
}"""
MISSED = """() => [...document.querySelectorAll("a, button, select, summary, .scrolled")]
    .filter(one => one.checkVisibility() && !one.dataset.reached).map(one => one.outerHTML.slice(0, 80))"""
INJECT = """() => {
    const one = document.createElement("script");
    one.textContent = "window.harm = 1";
    document.body.append(one);
}"""
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    # Proxies are nobody's business here: the page asks for nothing.
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS, env=clean)
        yield started
        started.close()


class Seen:
    """A page in the browser, and what it did: messages, errors, dialogs, requests."""

    def __init__(self, browser: "Browser", path: Path, **more: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **more})
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        self.page.on("pageerror", lambda one: self.said.append(f"error: {one}"))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("dialog", self._dialog)
        self.page.goto(path.as_uri())
        self.drawn()

    def _dialog(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def drawn(self) -> "Seen":
        """Wait until what was asked for is on the screen."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self

    def ask(self, what: str, *given: Any) -> Any:
        return self.page.evaluate(what, *given)

    def range(self, ident: str = "timeline") -> list[float]:
        return list(self.ask(RANGE, ident))

    def days(self, ident: str = "timeline") -> float:
        first, last = self.range(ident)
        return (last - first) / DAY_MS

    def press(self, name: str) -> "Seen":
        self.page.get_by_role("button", name=name, exact=True).click()
        return self.drawn()

    def ink(self) -> str:
        return str(self.ask("() => getComputedStyle(document.body).color"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that writes a book as a page, once."""
    folder, kept, brought = tmp_path_factory.mktemp("pages"), dict[str, Path](), kit()

    def write(name: str, make: Any) -> Path:
        if name not in kept:
            kept[name] = folder / f"{name}.html"
            kept[name].write_bytes(page(make(), brought).encode())
        return kept[name]

    return write


@pytest.fixture
def open_page(browser: "Browser", written: Any) -> Iterator[Any]:
    opened: list[Seen] = []

    def open_it(name: str, make: Any, **more: Any) -> Seen:
        opened.append(Seen(browser, written(name, make), **more))
        return opened[-1]

    yield open_it
    for one in opened:
        one.context.close()


def month() -> Book:
    """A machine with weeks of samples and runs, and all that a page can tell."""
    return full(24 * 40, runs("check", 2000, 30, 20, n7=Status.FAILED, n1700=Status.TIMEOUT))


def hostile() -> Book:
    culprit = Culprit(name=EVIL, pid=7, created=0.0)
    happened: list[tuple[Event, Started]] = [(event(EVIL, 60, reason=EVIL, culprit=culprit, caused_by=EVIL), [])]
    ran = [(name, replace(run, cause=EVIL, unusual=EVIL)) for name, run in runs(EVIL, 9, n3=Status.FAILED)]
    learned = learning(lesson(EVIL, EVIL))
    wanted = (task(EVIL, description=EVIL), task("b" * 10_000))
    return book(*wanted, seen=samples(3), ran=ran, happened=happened, learning=learned, machine=EVIL, notes=(EVIL,))


# -- what it does --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_everything_without_a_complaint_and_asks_nobody(open_page: Any, written: Any, scheme: str) -> None:
    seen = open_page("month", month, color_scheme=scheme)
    assert seen.said == []
    assert seen.asked == [written("month", month).as_uri()]
    charts = dict(seen.ask(SHOWN))
    assert charts.keys() == {"timeline", "task-chart", "week-chart", "ceiling-chart"}
    assert min(charts.values()) >= 1
    drawn = seen.ask("() => document.querySelectorAll('#timeline .scatterlayer path.js-line').length")
    assert drawn > 4


@pytest.mark.parametrize(
    "make",
    [book, lambda: book(task()), lambda: book(task(), ran=runs("job", 1)), lambda: book(task(), seen=samples(1, None))],
    ids=["nothing", "no history", "one run", "unknown CPU"],
)
def test_a_machine_of_which_little_is_known_has_a_page_without_a_complaint(
    open_page: Any, make: Any, request: pytest.FixtureRequest
) -> None:
    seen = open_page(re.sub(r"\W", "-", request.node.name), make)
    assert seen.said == []
    assert seen.page.get_by_role("heading", level=1).inner_text() == "alpha"


def test_the_policy_refuses_what_the_page_did_not_bring_along(open_page: Any) -> None:
    seen = open_page("month", month)
    seen.ask(INJECT)
    assert seen.ask("() => window.harm") is None
    assert any("Content Security Policy" in one for one in seen.said)
    refused = seen.ask("() => fetch('http://127.0.0.1:9/').then(() => 'asked', () => 'refused')")
    assert refused == "refused"
    assert len(seen.asked) == 1


# -- time ----------------------------------------------------------------------------------------------


def test_the_buttons_change_the_time_of_both_charts(open_page: Any) -> None:
    seen = open_page("month", month)
    assert seen.days() == seen.days("task-chart") == pytest.approx(7, abs=0.01)
    for name, days in (("1 day", 1), ("30 days", 30), ("All", 40), ("7 days", 7)):
        seen.press(name)
        assert seen.days() == pytest.approx(days, abs=0.01), name
        assert seen.range() == seen.range("task-chart")
        pressed = seen.page.locator("[aria-pressed=true]").all_inner_texts()
        assert pressed == [name]
    _, end = seen.range()
    seen.press("← Earlier")
    assert seen.range() == seen.range("task-chart")
    assert (end - seen.range()[1]) / DAY_MS == pytest.approx(7, abs=0.01)
    assert "7 days" not in seen.page.locator("[aria-pressed=true]").all_inner_texts()
    assert seen.press("Later →").range()[1] == end
    assert seen.press("Later →").range()[1] == end


def test_of_a_short_history_one_button_is_pressed_and_times_are_those_of_local_clocks(open_page: Any) -> None:
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))
    seen = open_page("short", lambda: book(task(), seen=samples(5), now=seoul), timezone_id="America/New_York")
    assert seen.page.locator("[aria-pressed=true]").all_inner_texts() == ["All"]
    assert seen.page.locator("#where").inner_text() == "2025-11-03 02:30 to 2025-11-03 07:30"
    hovered = seen.ask("() => document.getElementById('timeline').data[0].text?.at(-1) ?? ''")
    hovered += seen.ask("() => document.getElementById('timeline').data[1].text?.at(-1) ?? ''")
    assert "2025-11-03 07:30<br>CPU not ours 15 %" in hovered


def test_dragging_in_one_chart_zooms_both_and_a_double_click_shows_all(open_page: Any) -> None:
    seen = open_page("month", month)
    box = seen.page.locator("#timeline .nsewdrag").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    seen.page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    seen.page.mouse.up()
    seen.drawn()
    assert seen.days() == pytest.approx(3.5, abs=0.1)
    assert seen.range() == pytest.approx(seen.range("task-chart"))
    seen.page.mouse.dblclick(box["x"] + box["width"] / 2, middle)
    seen.page.wait_for_function("() => document.querySelector('[data-range=all]').ariaPressed === 'true'")
    assert seen.drawn().days() == pytest.approx(40, abs=0.1)


def test_a_quarter_is_drawn_with_no_more_points_than_there_are_pixels(open_page: Any) -> None:
    seen = open_page("month", month).press("All")
    longest = seen.ask("() => Math.max(...document.getElementById('timeline').data.map(one => one.x.length))")
    assert 500 < longest < 10_000
    lowest = seen.ask(
        "() => document.getElementById('timeline').data.find(one => one.name === 'CPU').y.filter(one => one !== null)"
    )
    assert set(lowest) == {30}


def test_runs_stand_where_they_began_however_far_apart(open_page: Any) -> None:
    """The scripts read back what packed.py wrote."""
    ran = runs("job", 4, 90, 60 * 24 * 10, n2=Status.FAILED)
    seen = open_page("far", lambda: book(task(), seen=samples(2), ran=ran))
    seen.press("All")
    began = [round(run.started_at.timestamp() * 1000) for _, run in ran]
    bars = seen.ask(
        "() => document.getElementById('timeline').data.filter(one => one.yaxis === 'y3').map(one => one.x)"
    )
    assert sorted({at for one in bars for at in one} & set(began)) == began
    dots = seen.ask("() => document.getElementById('task-chart').data.find(one => one.yaxis === 'y2' && one.marker)")
    assert dots["x"] == began
    assert dots["y"] == pytest.approx([run.duration_s for _, run in ran], rel=1e-3)


def test_another_task_can_be_chosen(open_page: Any) -> None:
    seen = open_page("month", month)
    visible = "() => [...document.querySelectorAll('section.task')].filter(one => one.offsetParent).map(one => one.id)"
    assert seen.ask(visible) == ["task-0"]
    seen.page.get_by_label("Task", exact=True).first.select_option(label="backup")
    assert seen.drawn().ask(visible) == ["task-1"]
    for name in ("alarm", "gone", "check"):
        seen.page.get_by_label("Task", exact=True).first.select_option(label=name)
        assert seen.drawn().page.get_by_role("heading", name=name).is_visible()
    seen.page.get_by_label("Show", exact=True).select_option(label="Memory")
    assert seen.drawn().ask("() => document.getElementById('week-chart').data[0].z.flat().every(one => one === 40)")
    assert seen.said == []


# -- how it looks --------------------------------------------------------------------------------------


def test_the_theme_follows_the_system_and_the_button_turns_it(open_page: Any) -> None:
    seen = open_page("month", month, color_scheme="dark")
    dark, grid = seen.ink(), "() => document.getElementById('timeline')._fullLayout.yaxis.gridcolor"
    dark_grid = seen.ask(grid)
    seen.press("Dark or light")
    assert seen.ink() != dark
    assert seen.ask(grid) != dark_grid
    seen.press("Dark or light")
    assert (seen.ink(), seen.ask(grid)) == (dark, dark_grid)


def test_paper_is_light_whatever_the_theme(open_page: Any) -> None:
    light = open_page("month", month, color_scheme="light").ink()
    seen = open_page("month", month, color_scheme="dark")
    seen.press("Dark or light").press("Dark or light")
    assert seen.ink() != light
    seen.page.emulate_media(media="print")
    assert seen.drawn().ink() == light
    assert not seen.page.get_by_role("button", name="Dark or light").is_visible()
    assert seen.page.pdf(format="A4").startswith(b"%PDF")
    seen.page.emulate_media(media="screen")
    assert seen.drawn().ink() != light


@pytest.mark.parametrize("make", [month, hostile], ids=["month", "hostile"])
def test_a_narrow_screen_needs_no_scrolling_to_the_side(open_page: Any, make: Any) -> None:
    seen = open_page(make.__name__, make, viewport={"width": 400, "height": 800})
    for width in (400, 320, 768):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.drawn()
        assert seen.ask("() => document.documentElement.scrollWidth") <= width
        assert seen.ask("() => document.getElementById('timeline').firstElementChild.offsetWidth") <= width


# -- for everybody -------------------------------------------------------------------------------------


def test_tab_reaches_every_control_and_the_focus_can_be_seen(open_page: Any) -> None:
    seen = open_page("month", month)
    faint = []
    for _ in range(100):
        seen.page.keyboard.press("Tab")
        reached = seen.ask(REACH)
        if reached is None:
            break
        if not reached[1]:
            faint.append(reached[0])
    assert seen.ask(MISSED) == []
    assert faint == []


def test_the_buttons_work_by_keyboard(open_page: Any) -> None:
    seen = open_page("month", month)
    seen.page.get_by_role("button", name="1 day", exact=True).focus()
    seen.page.keyboard.press("Enter")
    assert seen.drawn().days() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("make", [month, book], ids=["month", "nothing"])
def test_axe_finds_nothing_serious(open_page: Any, make: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    seen = open_page(make.__name__, make, color_scheme=scheme)
    seen.ask("() => document.querySelectorAll('details').forEach(one => (one.open = true))")
    found = axe.Axe().run(seen.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


def test_less_motion_is_respected(open_page: Any) -> None:
    behaviour = "() => getComputedStyle(document.documentElement).scrollBehavior"
    assert open_page("month", month, reduced_motion="reduce").ask(behaviour) == "auto"
    assert open_page("month", month, reduced_motion="no-preference").ask(behaviour) == "smooth"


# -- what others wrote ---------------------------------------------------------------------------------


def test_hostile_names_do_nothing_and_are_shown_as_text(open_page: Any, written: Any) -> None:
    seen = open_page("hostile", hostile)
    assert seen.ask("() => document.querySelectorAll('img, b[style], main a, .chart a, script[src]').length") == 0
    for ident in ("timeline", "task-chart"):
        chart = seen.page.locator(f"#{ident}")
        box = chart.bounding_box()
        for share in (0.2, 0.4, 0.6, 0.8, 0.97):
            for depth in (0.3, 0.75, 0.82, 0.88):
                seen.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * depth)
                seen.drawn()
    assert seen.ask("() => document.querySelectorAll('img, .chart a').length") == 0
    assert seen.said == []
    assert seen.asked == [written("hostile", hostile).as_uri()]
    text = seen.page.locator("main").inner_text()
    assert "<img src=x onerror=alert(1)>" in text
    labels = seen.ask("() => [...document.querySelectorAll('#timeline .y3tick text')].map(one => one.textContent)")
    assert any(one.startswith("<img src=x onerror") for one in labels)
    hovered = seen.ask("() => document.getElementById('timeline').data.flatMap(one => one.text || []).join(' ')")
    assert "&lt;img" in hovered
    assert "<img" not in hovered
