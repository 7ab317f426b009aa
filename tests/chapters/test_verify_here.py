"""The button beside a certificate: it confirms the file, finds a changed digit out, and never freezes the page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from book.shared.planted_relu import teacher_problem
from book.shared.verify_here import verify_here
from claimbook.browser import Events, chromium, find_chromium
from global_optimality import certify, solve

STATIC = Path(__file__).parents[2] / "book" / "static"
LONG = 70
"""Samples of the certificate that takes seconds to check: its check must be seen in progress."""


def shown(name: str, count: int):
    problem = teacher_problem(count, 3, 0.03 * count, seed=1)
    if count == LONG:
        W = problem.random(1, 3)
        return verify_here(name, "Long", problem, W, certify(problem, W))
    solution = solve(problem)
    return verify_here(name, "Short & <sure>", solution.problem, solution.weights, solution.certificate)


def test_a_malformed_name_is_refused():
    with pytest.raises(ValueError, match="write it in a-z"):
        shown("No Name", 6)


def test_what_is_shown_holds_the_file_and_what_was_proved():
    data = shown("short", 6)._repr_mimebundle_()
    page = data["text/html"]
    assert "Short &amp; &lt;sure&gt;" in page
    saved = json.loads(page.split('class="certificate">')[1].split("</script>")[0].replace("<\\/", "</"))
    assert f"{saved['lower_bound']:.12g}" in data["text/plain"]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[Any]:
    if find_chromium() is None:
        pytest.skip("Chromium is not installed: the button cannot be pressed")
    file = tmp_path_factory.mktemp("site") / "page.html"
    parts = [shown("short", 6), shown("long", LONG)]
    scripts = "".join(
        f'<script src="{(STATIC / n).as_uri()}"></script>' for n in ("check_certificate.js", "verify_here.js")
    )
    body = "".join(part._repr_mimebundle_()["text/html"] for part in parts)
    style = f'<link rel="stylesheet" href="{(STATIC / "verify_here.css").as_uri()}">'
    file.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8">{style}{scripts}<body>{body}</body></html>')
    with chromium() as browser:
        tab = browser.new_page()
        tab.events = Events(tab)
        tab.goto(file.as_uri(), wait_until="load")
        tab.evaluate(
            """window.pressed = async (figure, button) => {
              const all = [...figure.querySelectorAll("button")];
              all.find(b => b.textContent === button).click();
              while (all.some(b => b.textContent === "Stop")) await new Promise(done => setTimeout(done, 10));
              return [figure.dataset.verdict, figure.querySelector("ul").innerText];
            }; window.figures = [...document.querySelectorAll(".verify-here")]; null"""
        )
        yield tab


def test_the_file_as_built_is_confirmed_and_what_was_checked_is_named(page):
    verdict, checks = page.evaluate("pressed(figures[0], 'Verify here')")
    assert verdict == "confirmed"
    assert "arcs of 6 circles" in checks
    assert "the weights give at most the objective" in checks


def test_a_changed_digit_of_a_claim_is_found_out_and_undone(page):
    changed = page.evaluate(
        """(async () => { const area = figures[0].querySelector("textarea");
          area.value = area.value.replace(/"lower_bound": (\\d+)/, (_, n) => `"lower_bound": ${Number(n) + 1}`);
          area.dispatchEvent(new Event("input"));
          return pressed(figures[0], "Verify here"); })()"""
    )
    assert changed[0] == "rejected"
    assert "less than the bound claimed" in changed[1]
    page.evaluate("pressed(figures[0], 'Undo all changes')")
    assert page.evaluate("pressed(figures[0], 'Verify here')")[0] == "confirmed"


def test_the_button_changes_one_digit(page):
    same = page.evaluate(
        """(async () => { const area = figures[0].querySelector("textarea"), before = area.value;
          await pressed(figures[0], "Change a digit");
          return [...before].filter((x, i) => x !== area.value[i]).length + Math.abs(before.length - area.value.length);
        })()"""
    )
    assert same == 1


def test_the_page_goes_on_while_a_long_check_runs(page):
    frames, verdict = page.evaluate(
        """(async () => { let turns = 0, on = true;
          const turn = () => { turns++; if (on) setTimeout(turn, 0); }; turn();
          const [verdict] = await pressed(figures[1], "Verify here"); on = false; return [turns, verdict]; })()"""
    )
    assert verdict == "confirmed"
    assert frames > 5


def test_a_check_can_be_stopped(page):
    state = page.evaluate(
        """(async () => { const [check] = figures[1].querySelectorAll("button"); check.click();
          await new Promise(done => setTimeout(done, 60)); check.click();
          return [check.textContent, figures[1].querySelector(".verify-verdict").textContent]; })()"""
    )
    assert state == ["Verify here", "Stopped."]


def test_nothing_is_asked_of_another_host_and_no_script_fails(page):
    assert page.events.found == []


@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_the_screen_and_can_be_used_by_everybody(page, width):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    faults = Axe().run(page, ".verify-here").response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []
