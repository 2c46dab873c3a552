"""What a reader of report.html sees and does, in a real browser."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from hil.engine.rundir import CAMPAIGN, RESULTS
from hil.model.verdicts import Gate
from hil.report.html.head import GATES

LOST = "auto/kms@C_WrapKey.7-after/rerun-after-message-1"
RECOVERED = "auto/tke@setimm.1-after/documented"
HOSTILE = "</script><img src=x onerror=alert(1)><b>bold</b>"


def _open(page: Page, folder: Path, scenario: str = "") -> None:
    fragment = f"#s={scenario}" if scenario else ""
    page.goto(f"{(folder / 'report.html').as_uri()}{fragment}")


def _square(scenario: str) -> str:
    """Selector of a square of the matrix."""
    return f'#matrix a[title^="{scenario}:"]'


def test_gate_and_counts(page: Page, campaign: Path) -> None:
    """The first line is the gate of campaign.json, and the counts below it add up to all scenarios."""
    _open(page, campaign)
    head = json.loads((campaign / CAMPAIGN).read_text())
    expect(page.locator(".gate")).to_have_text(GATES[Gate(head["gate"])])
    counted = [int(text.split(": ")[1].split()[0]) for text in page.locator(".counts li").all_inner_texts()]
    assert sum(counted) == len(head["scenarios"]) == 3


def test_matrix_follows_the_rotation(page: Page, campaign: Path) -> None:
    """Crash points stand between the two messages that they come between."""
    _open(page, campaign)
    rows = page.locator("#matrix tbody").first.locator("tr").all_inner_texts()
    places = [
        next(at for at, row in enumerate(rows) if row.startswith(start))
        for start in ("message 1", "C_WrapKey", "message 2", "setimm")
    ]
    assert places == sorted(places)


def test_expected_loss_is_no_contradiction(page: Page, campaign: Path) -> None:
    """The square of the control says that the loss is as documented, and looks so."""
    _open(page, campaign)
    square = page.locator(_square(LOST))
    expect(square).to_have_class("c loss")
    assert "loss confirmed, as documented" in (square.get_attribute("title") or "")
    expect(page.locator("#cases")).to_have_count(0)


def test_from_the_control_to_its_registers(page: Page, campaign: Path) -> None:
    """One click on the forbidden control shows its registers, one more the moment at which the keys died."""
    _open(page, campaign)
    page.click(_square(LOST))
    table = page.locator("#registers")
    expect(table).to_be_in_viewport()
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.locator("td.changed").first).to_contain_text("Full Committed")
    page.get_by_role("button", name="jump to the violation").click()
    expect(page.locator(".told")).to_contain_text("clrnew")
    expect(page.locator(".told")).to_contain_text("has left the last register that held it")


def test_lanes_show_the_kill(page: Page, campaign: Path) -> None:
    """The kill is a band across the lanes of all processes, labelled with its victim."""
    _open(page, campaign, LOST)
    expect(page.locator(".lanes .strike")).to_have_count(1)
    expect(page.locator(".lanes text.struck").first).to_have_text("✗ kms")
    names = page.locator(".lanes svg").first.locator("text").all_text_contents()
    assert names == ["operator", "tke", "kms", "key store", "unit:1", "unit:2"]
    page.get_by_role("button", name="jump to the fault").click()
    expect(page.locator(".told")).to_contain_text("kms is killed after C_WrapKey number 7")


def test_lanes_by_time(page: Page, campaign: Path) -> None:
    """Events can be laid out by time instead of by order, and the selected one stays selected."""
    _open(page, campaign, LOST)
    told = page.locator(".told").inner_text()
    ordered = page.locator(".lanes rect.box").nth(3).get_attribute("x")
    page.get_by_role("button", name="by time").click()
    expect(page.get_by_role("button", name="by order")).to_be_visible()
    assert page.locator(".lanes rect.box").nth(3).get_attribute("x") != ordered
    assert page.locator(".told").inner_text() == told
    page.locator(".lanes [role=group]").press("ArrowRight")
    expect(page.locator(".told")).not_to_have_text(told)


def test_transcript_shows_the_messages(page: Page, campaign: Path) -> None:
    """Messages stand out in the transcript, and the rule that was applied stands above it."""
    _open(page, campaign, RECOVERED)
    marks = page.locator(".transcript .message")
    expect(marks).to_have_count(2)
    expect(marks.first).to_contain_text("message 1")
    expect(page.locator("#scenario")).to_contain_text("both messages, some promoted")
    expect(page.locator("#scenario")).to_contain_text("Events are kept where keys were lost")


def test_replay_command_can_be_copied(page: Page, campaign: Path) -> None:
    """The copy button puts the replay command onto the clipboard, or selects it where there is none."""
    _open(page, campaign, LOST)
    page.get_by_role("button", name="copy").click()
    expect(page.locator(".replay [role=status]")).not_to_be_empty()
    told = page.locator(".replay [role=status]").inner_text()
    if told == "copied":
        page.context.grant_permissions(["clipboard-read"])
        text = page.evaluate("navigator.clipboard.readText()")
    else:
        text = page.evaluate("getSelection().toString()")
    assert text.startswith(f"hil replay {LOST} --run ")


def test_filter(page: Page, campaign: Path) -> None:
    """Words filter squares and list, a word after ! excludes, and the address keeps the filter."""
    _open(page, campaign)
    page.fill("#filter", "kms c_wrap")
    expect(page.locator("#found")).to_have_text("1 of 3 scenarios match")
    expect(page.locator("#matrix a.off")).to_have_count(2)
    expect(page.locator("#list li")).to_have_count(1)
    page.reload()
    expect(page.locator("#filter")).to_have_value("kms c_wrap")
    page.fill("#filter", "!forbidden !rerun !setimm")
    expect(page.locator("#list a")).to_have_text(["parts/tke@commit.1-after/documented"])


def test_keyboard(page: Page, campaign: Path) -> None:
    """Filter, matrix, scenario and the way back need no mouse."""
    _open(page, campaign)
    page.keyboard.press("/")
    page.keyboard.type("setimm")
    expect(page.locator("#found")).to_have_text("1 of 3 scenarios match")
    page.locator("#filter").fill("")
    page.keyboard.press("Escape")
    page.locator("#matrix a[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.title")
    page.keyboard.press("Enter")
    scenario = focused.partition(": ")[0]
    expect(page.locator("#scenario h2")).to_contain_text(scenario)
    page.keyboard.press("p")
    expect(page.locator("#scenario h2")).not_to_contain_text(scenario)
    page.keyboard.press("n")
    expect(page.locator("#scenario h2")).to_contain_text(scenario)
    page.keyboard.press("Escape")
    expect(page.locator("#overview")).to_be_visible()
    assert page.evaluate("document.activeElement.title") == focused


def test_one_stop_of_the_tab_key(page: Page, campaign: Path) -> None:
    """However many squares the matrix has, the Tab key stops at one of them."""
    _open(page, campaign)
    expect(page.locator("#matrix a[tabindex='0']")).to_have_count(1)
    expect(page.locator("#matrix a[tabindex='-1']")).to_have_count(2)


def test_light_and_dark(page: Page, campaign: Path) -> None:
    """The page follows the system's colours until the reader chooses, and text can be read on both."""
    _open(page, campaign)
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert dark == "rgb(13, 17, 23)"
    page.keyboard.press("t")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.keyboard.press("t")
    assert page.evaluate(paper) == dark


def test_without_script(browser: Browser, campaign: Path) -> None:
    """Without a script there are gate, matrix, losses and findings, and squares lead to files of evidence."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    _open(page, campaign)
    for part in (".gate", "#matrix", "#losses", "#findings"):
        expect(page.locator(part)).to_be_visible()
    expect(page.locator("#filter")).to_be_hidden()
    link = page.locator(_square(LOST)).get_attribute("href")
    assert link
    assert json.loads((campaign / link).read_text())["id"] == LOST
    context.close()


def test_time(page: Page, campaign: Path) -> None:
    """Every scenario has its place in time, on the line of the worker that played it."""
    _open(page, campaign)
    results = [json.loads(line) for line in (campaign / RESULTS).read_text().splitlines()]
    expect(page.locator("#time rect.span")).to_have_count(len(results))
    names = set(page.locator("#time svg text").all_text_contents())
    assert names == {result["worker"] for result in results}


def test_print(page: Page, campaign: Path) -> None:
    """On paper there are no buttons, and there is something to print."""
    _open(page, campaign, LOST)
    expect(page.locator("#registers")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#scenario button").first).to_be_hidden()
    assert page.pdf()[:5] == b"%PDF-"


def test_unfinished(page: Page, copy: Path, written: Callable[[Path], Path]) -> None:
    """A campaign that was broken off is called unfinished, and what has no result is hatched."""
    (copy / CAMPAIGN).unlink()
    lines = (copy / RESULTS).read_text().splitlines(keepends=True)
    (copy / RESULTS).write_text(lines[0])
    written(copy)
    _open(page, copy)
    expect(page.locator("h1")).to_contain_text("INCONCLUSIVE Unfinished: 1 of 3 scenarios have a result.")
    expect(page.locator("#matrix .missing")).to_have_count(2)
    hatched = "e => getComputedStyle(e).backgroundImage"
    assert "gradient" in page.locator("#matrix .missing").first.evaluate(hatched)


def test_contradiction_is_marked(page: Page, copy: Path, written: Callable[[Path], Path]) -> None:
    """A loss that nobody predicted stands above everything else, with its replay command."""
    lines = [json.loads(line) for line in (copy / RESULTS).read_text().splitlines()]
    for line in lines:
        if line["id"] == LOST:
            line |= {"expected": "RECOVERED", "as_documented": False}
    (copy / RESULTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    plan = (copy / "plan.jsonl").read_text().replace("DATA_LOST", "RECOVERED")
    (copy / "plan.jsonl").write_text(plan)
    (copy / CAMPAIGN).unlink()
    written(copy)
    _open(page, copy)
    expect(page.locator(".gate")).to_have_text("FAIL")
    case = page.locator("main > section").first
    expect(case).to_contain_text("DATA_LOST, expected RECOVERED, not as documented")
    expect(case.locator(".replay code")).to_contain_text(f"hil replay {LOST}")
    expect(page.locator(_square(LOST))).to_have_class("c wrong")
    case.get_by_role("link", name=LOST).click()
    expect(page.locator("#registers")).to_be_visible()


def test_text_stays_text(page: Page, copy: Path, written: Callable[[Path], Path]) -> None:
    """What a program under test printed is shown as it is, and never becomes a part of the page."""
    lines = [json.loads(line) for line in (copy / RESULTS).read_text().splitlines()]
    for line in lines:
        line["findings"] = [{"check": HOSTILE, "text": HOSTILE}]
        number = line["number"]
        (copy / "scenarios" / str(number) / "transcript.txt").write_text(f"$ {HOSTILE}\n")
    (copy / RESULTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    written(copy)
    _open(page, copy, LOST)
    expect(page.locator(".transcript")).to_contain_text(HOSTILE)
    expect(page.locator("#scenario li").filter(has_text=HOSTILE).first).to_be_visible()
    expect(page.locator("img")).to_have_count(0)


def test_policy(browser: Browser, campaign: Path) -> None:
    """The policy of the page lets no text become markup or script, even if its own script were to try."""
    page = browser.new_page()
    _open(page, campaign)
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<p>made of text</p>'")
    with pytest.raises(Error, match="TrustedScript"):
        page.evaluate("document.createElement('script').textContent = 'document.title = 1'")
    assert not page.evaluate("fetch('http://127.0.0.1:9/').then(() => true, () => false)")
    page.context.close()
