"""Worth as people ask for it: of the sample firm, of a table of deals without a word, and of bad input."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import troth
from troth.charts import draw_forest, draw_freeze, draw_incidence
from troth.cli import app
from troth.errors import InputError
from troth.schema import OUTCOME_STEPS, OUTCOMES, READINGS, empty
from troth.testing import DealRules, make_deal_world
from troth.worth.deals import take_deals
from troth.worth.facts import ADJUSTMENT, AccountFacts
from troth.worth.hazards import fit_hazards, shift_intercepts
from troth.worth.incidence import count_course, follow_course
from troth.worth.periods import WEEK_US, Deals, Periods, cut_weeks, thin_weeks
from troth.worth.timeline import Timeline
from troth.worthing import gather_evidence, measure_worth
from troth.worthtold import COLUMNS, Worth

UTC = dt.UTC
DAY = dt.datetime(2026, 6, 1, tzinfo=UTC)
DAY_US = WEEK_US // 7


@pytest.fixture(scope="module")
def large() -> Worth:
    """A made-up firm with a clear link."""
    world = make_deal_world(np.random.default_rng(1), DealRules(accounts=200, effect=0.8))
    return measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        ),
        draws=60,
    )


def test_the_sample_firm_has_too_few_deals_and_says_so(sample_book: troth.Book):
    found = sample_book.worth()
    assert found.say().startswith("Not enough to say")
    assert (found.book.seen, len(found.book.ids)) == (9, 7)
    assert {one.outcome_id for one in found.left_out} == {"hubspot:deal:7203", "hubspot:deal:7204"}
    rows = found.list_rows()
    assert not [row for row in rows if row["part"] in ("ratio", "chance", "control") and row["value"] is not None]
    assert not [row for row in rows if row["part"] == "money"]
    with pytest.raises(InputError, match="not enough"):
        found.chart()
    renewals = sample_book.worth("renewal")
    assert (renewals.book.seen, renewals.won, renewals.lost) == (3, 1, 0)
    with pytest.raises(InputError, match="no kind"):
        sample_book.worth("ticket")  # type: ignore[arg-type]


def test_rows_have_one_shape_and_say_what_the_result_says(large: Worth):
    rows = large.list_rows()
    assert {tuple(row) for row in rows} == {COLUMNS}
    won = large.ratio("won")
    assert won is not None
    [row] = [row for row in rows if row["part"] == "ratio" and row["end"] == "won" and row["lag_days"] == 28]
    assert (row["value"], row["low"], row["high"]) == (won.ratio, won.low, won.high)
    assert row["e_value"] > row["e_value_of_interval"] > 1
    basis = {row["name"]: row["value"] for row in rows if row["part"] == "basis"}
    assert basis["won"] + basis["lost"] + basis["open"] == basis["counted on"]
    assert [row["name"] for row in rows if row["part"] == "adjusted for"] == list(ADJUSTMENT)


def test_the_table_fits_a_terminal(large: Worth, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(troth.Book, "worth", lambda *_: large)
    monkeypatch.setattr(troth.Book, "understand", lambda *_, **__: None)
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, ["worth", "--book", ":memory:"])
    assert told.exit_code == 0, told.output
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "28 days before (told)" in told.stdout
    assert "A link is no cause" in told.stdout


def test_the_command_gives_jsonl_and_csv(sample_book: troth.Book, monkeypatch: pytest.MonkeyPatch):
    found = sample_book.worth()
    monkeypatch.setattr(troth.Book, "worth", lambda *_: found)
    monkeypatch.setattr(troth.Book, "understand", lambda *_, **__: None)
    lines = CliRunner().invoke(app, ["worth", "--book", ":memory:", "--format", "jsonl"])
    assert lines.exit_code == 0, lines.output
    assert len(lines.stdout.splitlines()) == len(found.list_rows())
    assert json.loads(lines.stdout.splitlines()[0])["name"] == "outcomes seen"
    table = CliRunner().invoke(app, ["worth", "--book", ":memory:", "--format", "csv"])
    assert next(csv.reader(io.StringIO(table.stdout))) == list(COLUMNS)


def test_pictures_have_units_on_both_axes(large: Worth):
    for name, draw, units in (
        ("incidence", draw_incidence, ("days after opening", "share of deals")),
        ("freeze", draw_freeze, ("days that trust is frozen", "odds ratio")),
        ("forest", draw_forest, ("odds ratio",)),
    ):
        for theme in ("light", "dark"):
            spec = json.dumps(draw(large.list_rows(), theme=theme).to_dict())
            assert all(unit in spec for unit in units), name
        assert large.chart(name).to_dict()["layer"]  # type: ignore[arg-type]


def row_of(name: str, **said: Any) -> dict[str, Any]:
    return {
        "outcome_id": name, "relationship": "a.example", "kind": "deal", "stage": None, "state": "open",
        "amount": None, "currency": None, "opened_at": DAY - dt.timedelta(days=70), "closed_at": None,
    } | said  # fmt: skip


def step_of(name: str, days: int, state: str = "open", amount: float | None = None) -> dict[str, Any]:
    at = DAY - dt.timedelta(days=70 - days)
    return {"outcome_id": name, "at": at, "stage": None, "state": state, "amount": amount, "source": "crm"}


def test_deals_that_cannot_be_counted_on_are_named():
    outcomes = [
        row_of("fine", amount=5.0, currency="EUR"),
        row_of("silent", relationship="nobody.example"),
        row_of("again", state="open"),
        row_of("early"),
        row_of("later", state="open"),
    ]
    steps = [
        *(step_of("again", days, state) for days, state in ((0, "open"), (20, "won"), (30, "open"))),
        step_of("early", -9),
        step_of("later", 0),
        step_of("later", 400, "won"),  # after the day that is looked at
    ]
    turns = pa.table({"relationship": ["a.example"], "sent_at": pa.array([DAY], pa.timestamp("us", tz="UTC"))})
    found = measure_worth(
        gather_evidence(outcomes=outcomes, steps=steps, turns=turns, readings=empty(READINGS), as_of=DAY)
    )
    assert found.book.ids == ["fine", "later"]
    assert {one.outcome_id: one.reason.split(":")[0] for one in found.left_out} == {
        "silent": "no turn with its account was read",
        "again": "won or lost, and later something else",
        "early": "a stage dated before it was opened",
    }
    assert found.share == 2 / 5
    assert found.notes[0].startswith("1 amounts have no date")
    assert found.say().startswith("Not enough")
    nothing = measure_worth(
        gather_evidence(
            outcomes=empty(OUTCOMES), steps=empty(OUTCOME_STEPS), turns=turns, readings=empty(READINGS), as_of=DAY
        )
    )
    assert (nothing.weeks, nothing.share, nothing.curve) == (0, 0.0, ())
    assert nothing.list_rows()


def test_facts_are_those_known_before_the_week_and_before_trust_is_frozen():
    outcomes = [
        row_of("a", amount=300.0, currency="EUR"),
        row_of("b", state="won", amount=50.0, currency="EUR", closed_at=DAY - dt.timedelta(days=40)),
    ]
    steps = [step_of("a", 0, amount=100.0), step_of("a", 21, amount=300.0)]
    sent = [DAY - dt.timedelta(days=days) for days in (100, 60, 45, 44, 43, 10)]
    turns = pa.table({"relationship": ["a.example"] * 6, "sent_at": pa.array(sent, pa.timestamp("us", tz="UTC"))})
    book = take_deals(outcomes, as_of=DAY)
    facts = AccountFacts(book, turns=turns, steps=steps)
    place = book.ids.index("a")
    moment = int((DAY - dt.timedelta(days=30)).timestamp()) * 1_000_000
    of = {lag: facts.look_up(np.array([place]), np.array([moment]), lag) for lag in (0.0, 14.0)}
    assert np.expm1([of[lag]["turns before"][0] for lag in (0.0, 14.0)]) == pytest.approx([3, 2])
    assert np.expm1([of[lag]["deals won before"][0] for lag in (0.0, 14.0)]) == pytest.approx([1, 0])
    assert np.expm1(of[14.0]["time known"][0]) == pytest.approx(100 - 44)
    assert np.expm1(of[0.0]["log amount"][0]) == pytest.approx(300)
    start = facts.look_up(np.array([place, 1 - place]), book.deals.opened[[place, 1 - place]], 0.0)
    assert np.expm1(start["log amount"][0]) == pytest.approx(100)
    assert start["amount not known"].tolist() == [
        0.0,
        1.0,
    ]  # no step says the amount of b: perhaps it was said at the end


events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=15)


@given(events, st.integers(-1, 4), st.integers(-2, 32), st.integers(0, 12))
def test_a_timeline_finds_what_a_search_through_all_finds(rows: list[tuple[int, int]], who: int, now: int, back: int):
    owner, at = (np.array([row[part] for row in rows], dtype=np.int64) for part in (0, 1))
    line = Timeline(owner, at)
    last = line.find_last(np.array([who]), np.array([now]))[0]
    before = sorted(when for whose, when in rows if whose == who and when < now)
    assert (line.at[last] if last >= 0 else None) == (before[-1] if before else None)
    if who >= 0:
        counted = line.count(np.array([who]), np.array([now - back]), np.array([now]))[0]
        assert counted == sum(now - back <= when for when in before)
        assert line.count_before(np.array([who]), np.array([now]))[0] == len(before)
    if rows:  # many owners over a long time: keys are then made of ranks
        far = Timeline(owner * (1 << 40), at * (1 << 30))
        mine = far.find_last(np.array([max(who, 0) * (1 << 40)]), np.array([now * (1 << 30)]))[0]
        assert far.owner.tolist() == (line.owner * (1 << 40)).tolist()
        assert (mine >= 0) == (bool(before) if who >= 0 else any(when < now for whose, when in rows if whose == 0))


def made_up_deals(seed: int, count: int = 300) -> Deals:
    rng = np.random.default_rng(seed)
    opened = rng.integers(0, 50, count) * DAY_US
    end = rng.integers(0, 3, count)
    return Deals(
        opened=opened,
        ended=opened + rng.integers(0, 90, count) * DAY_US,
        end=end,
        account=rng.integers(0, 40, count),
        entered=opened,
    )


def test_counting_is_what_a_fit_with_an_indicator_for_each_week_gives():
    """Two roads to Aalen and Johansen's estimate."""
    periods = cut_weeks(made_up_deals(1))
    weeks = int(periods.week.max()) + 1
    both = [
        week for week in range(weeks) if all(((periods.week == week) & (periods.event == end)).any() for end in (1, 2))
    ]
    assert both == list(range(weeks))  # no week is without an end, so every indicator has an answer
    design = np.eye(weeks)[periods.week]
    open_too = [week for week in range(weeks) if ((periods.week == week) & (periods.event == 0)).any()]
    fitted = fit_hazards(design, periods.event, periods.account, prior_sd=np.full(weeks, 1e4))
    course, counted = follow_course(np.eye(weeks), fitted.coefficients), count_course(periods)
    upto = len(open_too) + 1
    assert_allclose(course.won[:upto], counted.won[:upto], atol=1e-6)
    assert_allclose(course.lost[:upto], counted.lost[:upto], atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_counting_agrees_with_lifelines():
    """Aalen and Johansen's estimate at the end of every week; lifelines parts ties by moving them a little."""
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    deals = made_up_deals(2)
    periods = cut_weeks(deals)
    last = np.zeros(len(deals), dtype=np.int64)
    np.maximum.at(last, periods.deal, periods.week + 1)
    how = np.zeros(len(deals), dtype=np.int64)
    np.maximum.at(how, periods.deal, periods.event)
    watched = last > 0
    counted = count_course(periods)
    for end, ours in ((1, counted.won), (2, counted.lost)):
        theirs = lifelines.AalenJohansenFitter(calculate_variance=False, seed=1, jitter_level=1e-6)
        theirs.fit(last[watched].astype(float), how[watched], event_of_interest=end)
        curve = theirs.cumulative_density_.iloc[:, 0]
        for week in range(1, len(ours)):
            assert curve[curve.index <= week + 0.5].iloc[-1] == pytest.approx(ours[week], abs=1e-6)


def test_counting_agrees_with_r():
    """R's `summary(survfit(Surv(time, status) ~ 1, data = subset(aml, x == "Maintained")))` of the survival package."""
    weeks = (9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161)
    ended = (1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0)
    surviving = {9: 0.909, 13: 0.818, 18: 0.716, 23: 0.614, 31: 0.491, 34: 0.368, 48: 0.184}
    deal = np.repeat(np.arange(len(weeks)), weeks)
    week = np.concatenate([np.arange(length) for length in weeks])
    is_last = week == np.array(weeks)[deal] - 1
    event = np.where(is_last, np.array(ended)[deal], 0)
    counted = count_course(Periods(deal=deal, week=week, start=week, event=event, account=deal))
    assert_allclose([1 - counted.won[at] for at in surviving], list(surviving.values()), atol=0.0005)
    assert not counted.lost.any()


def test_a_share_of_the_quiet_weeks_says_the_same():
    rng = np.random.default_rng(3)
    count = 60_000
    x = rng.standard_normal(count)
    chance = np.array([0.03, 0.02])[None] * np.exp(0.4 * x)[:, None]
    draw = rng.random(count)
    event = np.where(draw < chance[:, 0], 1, np.where(draw < chance.sum(axis=1), 2, 0))
    number = np.arange(count)
    periods = Periods(deal=number, week=number % 20, start=number, event=event, account=number // 20)
    thin = thin_weeks(periods, most_open=10_000)
    assert (thin.event > 0).sum() == (event > 0).sum()
    assert (thin.event == 0).mean() < 0.9
    prior = np.full(2, 10.0)
    both = [
        shift_intercepts(
            fit_hazards(np.column_stack([np.ones(len(one)), x[one.deal]]), one.event, one.account, prior_sd=prior),
            one.open_share,
        )
        for one in (periods, thin)
    ]
    assert_allclose(both[0].coefficients, both[1].coefficients, atol=0.05)
    assert (both[1].errors[:, 1] < 1.2 * both[0].errors[:, 1]).all()
    assert thin_weeks(thin, most_open=100_000) is thin


def test_a_real_table_of_deals_is_counted(shared: Path):
    """8,800 opportunities of a fictitious firm, outcomes only: what is left out, and chances by counting."""
    path = shared / "data/interactions/crm_sales_pipeline/sales_pipeline.csv"
    if not path.exists():
        pytest.skip("needs ../shared/data/interactions/crm_sales_pipeline")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    day = dt.datetime(2018, 1, 1, tzinfo=UTC)

    def moment(text: str) -> dt.datetime | None:
        return dt.datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None

    states = {"Engaging": "open", "Won": "won", "Lost": "lost"}
    outcomes = [
        row_of(
            row["opportunity_id"],
            relationship=row["account"],
            state=states[row["deal_stage"]],
            amount=float(row["close_value"]) if row["close_value"] else None,
            currency="USD",
            opened_at=moment(row["engage_date"]),
            closed_at=moment(row["close_date"]),
        )
        for row in rows
        if row["engage_date"]
    ]
    assert len(rows) - len(outcomes) == 500  # prospects, with whom nothing was opened yet
    book = take_deals(outcomes, as_of=day)
    nameless = sum(not row["account"] for row in rows if row["engage_date"])
    assert book.seen == 8300
    assert len(book.left_out) == nameless
    assert {one.reason for one in book.left_out} == {"no account that the book knows"}
    course = count_course(cut_weeks(book.deals))
    # By hand, from the days themselves: with no deal censored within 90 days, a share of deals.
    early = [
        at for at in range(len(book.ids)) if book.deals.opened[at] < int(day.timestamp()) * 1_000_000 - 182 * DAY_US
    ]
    part = count_course(cut_weeks(book.deals.take(np.array(early))))
    lasted = (book.deals.ended - book.deals.opened)[early]
    won = (book.deals.end[early] == 1) & (lasted < 84 * DAY_US)
    assert part.won_by(84.0) == pytest.approx(won.mean(), abs=1e-9)
    assert 0.2 < course.won_by(90.0) < 0.6
    assert_allclose(course.won + course.lost + course.open, 1.0)
    # A lost one is worth 0 in this table and an open one nothing: an amount that knows the end. It is not adjusted for.
    none = pa.table({"relationship": pa.array([], pa.string()), "sent_at": pa.array([], pa.timestamp("us", tz="UTC"))})
    facts = AccountFacts(book, turns=none, steps=empty(OUTCOME_STEPS))
    assert facts.look_up(np.arange(5), book.deals.opened[:5], 28.0)["amount not known"].all()
