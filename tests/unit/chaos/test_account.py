"""The account of a run, as text and as a page, and what a failing minute prints."""

from html.parser import HTMLParser

from tests.chaos.account import account_html, account_lines, rate_reached
from tests.chaos.faults import FaultKind, plan
from tests.chaos.journal import Journal, MinuteResult, RunPlan
from tests.chaos.run import minute_lines


def journal(*problems: str) -> Journal:
    """Return the journal of one minute."""
    minute = MinuteResult(
        minute=1,
        faults=tuple(plan(5, 1, workers=4)),
        done={FaultKind.WORKER_PAUSE: 3},
        traffic_seconds=50.0,
        sent=1_000,
        acknowledged=900,
        receipts=100,
        figures=234,
        problems=problems,
    )
    return Journal(plan=RunPlan(seed=5)).with_minute(minute)


class Loads(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note elements that load something."""
        if tag in ("link", "script", "img", "iframe") or dict(attrs).keys() & {"src", "href"}:
            self.loaded.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


def test_the_account_has_each_count_and_each_kind_of_fault() -> None:
    """A line for each number; the rate is that of the time with traffic."""
    lines = "\n".join(account_lines(journal()))
    assert rate_reached(journal()) == 20
    assert "1000  events and records sent" in lines
    assert "3  a worker frozen (SIGSTOP), then awake" in lines
    assert "0  minutes with a difference" in lines


def test_the_page_loads_nothing_and_shows_a_difference_as_text() -> None:
    """It is one file, and what a worker said is no markup."""
    page = Loads()
    page.feed(account_html(journal("grants/<b>x</b>: audit 1, worker 2")))
    assert page.loaded == []
    assert "grants/<b>x</b>: audit 1, worker 2" in page.text
    assert "1 minutes with a difference" in page.text
    assert "worker 2" not in account_html(journal())


def test_a_failing_minute_prints_its_seed_and_its_faults() -> None:
    """One can plan it again, and sees what differed."""
    lines = minute_lines(journal("a difference"))
    assert lines[1] == "minute 1 FAILED, seed 5, faults:"
    assert [line.strip() for line in lines[2:]] == [
        *map(str, plan(5, 1, workers=4)),
        "a difference",
    ]
    assert len(minute_lines(journal())) == 1
