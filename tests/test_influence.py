"""How often what we ask is taken up: asks and what became of them, rates, and made-up worlds."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.errors import InputError
from troth.influence.asks import ASKS, LONGEST_WINDOW, SHORTEST_WINDOW, START_WINDOW, find_asks, find_window
from troth.influence.rates import rate_clustered, rate_together, wilson
from troth.pipeline import Understood
from troth.schema import FINDINGS, PROMISES, READINGS, SENTENCES, TURNS, conform, empty
from troth.signals import HELD
from troth.swaying import COLUMNS, measure_influence

Said = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]
SINCE = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
LATE = SINCE + dt.timedelta(days=900)


def say(
    number: int,
    side: str,
    text: str = "Please send it.",
    *,
    day: float,
    home: str = "acme.example",
    signals: Mapping[str, float] | None = None,
) -> Said:
    """One turn of one sentence with its signals, in a conversation of its own with the customer."""
    turn_id = f"{home} {number}"
    turn = {
        "turn_id": turn_id, "conversation_id": home, "position": number, "speaker": side, "channel": "mail",
        "body": text, "automatic": False, "source": "test", "side": side, "circle": "customer", "relationship": home,
        "sent_at": SINCE + dt.timedelta(days=day),
    }  # fmt: skip
    span = {"turn_id": turn_id, "sentence": 0, "start": 0, "end": len(text)}
    found = [{**span, "signal": name, "probability": probability} for name, probability in (signals or {}).items()]
    return turn, {**span, "text": text, "language": "en"}, found


def lay_out(*said: Said) -> tuple[pa.Table, pa.Table, pa.Table]:
    return (
        conform([turn for turn, _, _ in said], TURNS),
        conform([sentence for _, sentence, _ in said], SENTENCES),
        conform([row for _, _, rows in said for row in rows], FINDINGS),
    )


def outcomes(*said: Said, now: dt.datetime = LATE, promises: pa.Table | None = None) -> list[str]:
    asks = find_asks(*lay_out(*said), empty(PROMISES) if promises is None else promises, now=now)
    return asks["outcome"].to_pylist()


@pytest.mark.parametrize(
    ("signals", "day", "became"),
    [
        ({"accepts": 0.9}, 2, "accepted"),
        ({"rejects": 0.8}, 2, "rejected"),
        ({"accepts": 0.6, "rejects": 0.8}, 2, "rejected"),
        ({"accepts": 0.49}, 2, "answered"),
        ({"accepts": 0.9}, 20, "silent"),  # after the time in which they usually answer
    ],
)
def test_what_became_of_an_ask(signals: dict[str, float], day: float, became: str):
    assert outcomes(say(0, "us", day=0, signals={"request": 0.9}), say(1, "them", day=day, signals=signals)) == [became]


def test_an_ask_whose_time_is_not_over_is_open_unless_it_was_answered():
    asked = say(0, "us", day=0, signals={"offer": 0.7})
    soon = SINCE + dt.timedelta(days=5)
    assert outcomes(asked, now=soon) == ["open"]
    assert outcomes(asked, say(1, "them", day=1, signals={"feeling": 0.9}), now=soon) == ["open"]
    assert outcomes(asked, say(1, "them", day=1, signals={"accepts": 0.9}), now=soon) == ["accepted"]


def test_the_first_of_their_turns_that_decides_counts():
    said = [
        say(0, "us", day=0, signals={"request": 0.9}),
        say(1, "them", day=1),
        say(2, "them", day=2, signals={"rejects": 0.7}),
    ]
    assert outcomes(*said, say(3, "them", day=3, signals={"accepts": 0.9})) == ["rejected"]


@pytest.mark.parametrize(("origin", "ours"), [("offer accepted", True), ("request accepted", False)])
def test_a_promise_that_came_of_it_is_a_yes(origin: str, ours: bool):
    said = [say(0, "us", day=0, signals={"request": 0.9}), say(1, "them", day=1)]
    turn, other = ("acme.example 0", "acme.example 1") if ours else ("acme.example 1", "acme.example 0")
    promise = {
        "promise_id": "p", "turn_id": turn, "start": 0, "end": 1, "text": "x", "probability": 1.0, "actor": "a",
        "side": "us" if ours else "them", "specific": True, "due_rule": "none", "observability": "O3", "state": "open",
        "decided_by": "machine", "origin": origin, "origin_turn_id": other,
    }  # fmt: skip
    assert outcomes(*said) == ["answered"]
    assert outcomes(*said, promises=conform([promise], PROMISES)) == ["accepted"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I would recommend the smaller one.", "recommendation"),
        ("Our proposal is to wait.", "recommendation"),
        ("Wir schlagen Ihnen den kleineren vor.", "recommendation"),
        ("Could you send the list?", "request"),
    ],
)
def test_the_kind_of_an_ask(text: str, kind: str):
    rows = find_asks(
        *lay_out(say(0, "us", text, day=0, signals={"request": 0.8})), empty(PROMISES), now=LATE
    ).to_pylist()
    assert [(row["kind"], row["text"]) for row in rows] == [(kind, text)]
    assert not outcomes(say(0, "them", text, day=0, signals={"request": 0.8})), "what they ask is no ask of ours"


def test_the_time_to_answer_is_theirs():
    def waits(days: list[float]) -> list[dict[str, Any]]:
        return [
            {"conversation_id": str(at), "side": side, "sent_at": SINCE + dt.timedelta(days=after)}
            for at, wait in enumerate(days)
            for side, after in (("us", 0.0), ("them", wait))
        ]

    assert find_window(waits([5.0] * 19)) == START_WINDOW
    assert find_window(waits([5.0] * 30)) == dt.timedelta(days=5)
    assert find_window(waits([0.1] * 30)) == SHORTEST_WINDOW
    assert find_window(waits([90.0] * 30)) == LONGEST_WINDOW


@given(asks=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_is_where_the_normal_test_turns(asks: int, share: float):
    """By another road: at each end inside, the share lies 1.96 of that end's own errors away."""
    taken = round(asks * share)
    for end in wilson(taken, asks):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(taken / asks - end) / np.sqrt(end * (1 - end) / asks) == pytest.approx(1.959964, abs=1e-4)


def test_customers_that_differ_widen_the_rate_of_the_whole():
    alike = rate_clustered(np.array([5] * 10), np.array([10] * 10))
    unlike = rate_clustered(np.array([10, 0] * 5), np.array([10] * 10))
    assert alike.rate == unlike.rate == 0.5
    assert alike.high - alike.low < (unlike.high - unlike.low) / 2


@pytest.mark.simulated
def test_rates_drawn_together_cover_and_lie_nearer():
    rng = np.random.default_rng(3)
    covered, ours, plain = [], [], []
    for _ in range(15):
        truth, asks = rng.beta(3, 6, 25), rng.integers(1, 12, 25)
        taken = rng.binomial(asks, truth)
        rates = rate_together(taken, asks)
        covered += [one.low <= true <= one.high for one, true in zip(rates, truth, strict=True)]
        ours += [(one.rate - true) ** 2 for one, true in zip(rates, truth, strict=True)]
        plain += ((taken / asks - truth) ** 2).tolist()
    assert 0.89 < np.mean(covered) < 0.98  # 60 such worlds gave .937, standard error .007
    assert np.mean(ours) < 0.6 * np.mean(plain)


def test_a_customer_of_whom_nothing_is_known_gets_what_is_known_of_the_others():
    rates = rate_together(np.array([8, 9, 7, 0]), np.array([10, 10, 10, 0]))
    assert 0.6 < rates[3].rate < 0.9
    assert rates[3].high - rates[3].low > rates[0].high - rates[0].low


@pytest.mark.simulated
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_being_taken_up_goes_with_trust_where_it_does(effect: float):
    """Trust is read before any ask; whether asks are taken up follows it, or not."""
    rng = np.random.default_rng(9)
    said, answers = [], []
    for customer in range(40):
        home, level = f"firm{customer}.example", rng.standard_normal()
        answers += [
            {"relationship": home, "facet": facet, "at": SINCE + dt.timedelta(days=day), "signal": "survey_answer",
             "lo": level, "hi": level, "v": 0.2, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False}
            for facet in HELD
            for day in (60, 120, 180)
        ]  # fmt: skip
        for ask in range(12):
            day = 220 + 10 * ask
            yes = rng.random() < 1 / (1 + np.exp(0.3 - effect * level))
            said.append(say(2 * ask, "us", day=day, home=home, signals={"request": 0.9}))
            said.append(say(2 * ask + 1, "them", day=day + 1, home=home, signals={"accepts": 0.9} if yes else {}))
    turns, sentences, findings = lay_out(*said)
    known = Understood(turns=turns, sentences=sentences, findings=findings)
    found = measure_influence(known, conform(answers, READINGS), empty(PROMISES), now=LATE)
    link = next(one for one in found.links if (one.what, one.end, one.lag) == ("trust held", "accepted", 28.0))
    assert link.enough
    assert (link.low > 1.3) if effect else (link.low < 1.0 < link.high)
    assert ("goes with trust" in found.say()[1]) == bool(effect)
    assert found.whole.rate.asks == 480


def test_a_book_without_asks_says_so():
    known = Understood(turns=empty(TURNS), sentences=empty(SENTENCES), findings=empty(FINDINGS))
    found = measure_influence(known, empty(READINGS), empty(PROMISES), now=LATE)
    assert found.asks.schema == ASKS
    assert "0 asks of ours are over" in found.say()[0]
    with pytest.raises(InputError, match="nothing to draw"):
        found.chart()


def test_the_sample_counts_add_up(sample_book: troth.Book):
    found = sample_book.influence()
    over = [row for row in found.asks.to_pylist() if row["outcome"] != "open"]
    assert found.whole.rate.asks == len(over) == sum(one.rate.asks for one in found.customers)
    assert found.whole.rate.taken == sum(row["outcome"] == "accepted" for row in over)
    bodies = dict(zip(*(sample_book.turns()[name].to_pylist() for name in ("turn_id", "body")), strict=True))
    for row in found.asks.to_pylist():
        assert " ".join(bodies[row["turn_id"]][row["start"] : row["end"]].split()) == row["text"]
        assert row["answered_at"] is None or row["answered_at"] >= row["at"]
    assert all(list(row) == list(COLUMNS) for row in found.list_rows())


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize("command", ["reciprocity", "influence"])
def test_the_commands_answer_in_every_shape(
    command: str, sample_book: troth.Book, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """On the book that is open already: the options' own road to it is tested elsewhere."""
    monkeypatch.setattr(f"troth.cli.{command}.open_book", lambda *_, **__: nullcontext(sample_book))
    monkeypatch.setenv("COLUMNS", "80")
    told = {
        shape: CliRunner().invoke(app, [command, "--sample", "--format", shape]) for shape in ("table", "csv", "jsonl")
    }
    assert [one.exit_code for one in told.values()] == [0, 0, 0], told
    assert max(map(len, told["table"].stdout.splitlines())) <= 80
    assert "not enough to say" in " ".join(told["table"].stdout.split())
    rows = [json.loads(line) for line in told["jsonl"].stdout.splitlines()]
    assert len(rows) == len(told["csv"].stdout.splitlines()) - 1
    picture = CliRunner().invoke(app, [command, "--sample", "--picture", str(tmp_path / "it.csv")])
    assert (picture.exit_code == 0) == (command == "influence")
