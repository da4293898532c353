"""The daily proof against the same answers worked out by another road, and against those who would cheat it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from commands import run
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

import troth
from troth import proving
from troth.asof import History, Sources, recall
from troth.book import Store, open_store
from troth.encoder import encoder_id
from troth.pipeline import find_open_hours, take_stock
from troth.promises import Calendar
from troth.proofpage import list_remarks, render_proof
from troth.proving import Constants, How, Proof, prove, prove_history
from troth.readings import load_reference
from troth.sample import SAMPLE_ME, SAMPLE_ZONE
from troth.schema import ANSWERS, DECISIONS, FORECASTS, PROMISES, READINGS
from troth.settings import Settings
from troth.targets import list_targets
from troth.trust import DEFAULT_MODEL, Model, follow_states
from troth.trust.calibration import measure_pit, measure_reliability
from troth.trust.forecasts import NEVER_SURE, Versions, carry_states, chance_outcomes, chance_waiting
from troth.trust.rivals import RIVALS, Memory
from troth.trust.wealth import ENOUGH, score_days, score_rivals

AFTER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
SHORT = dt.datetime(2026, 6, 21, tzinfo=dt.UTC)
START = dt.datetime(2025, 1, 1, 12, tzinfo=dt.UTC)
AS_IT_IS = Constants(model=DEFAULT_MODEL, since=None)
HOW = How(zone=SAMPLE_ZONE, encoder="test", clock=lambda: AFTER)


def moment(us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(us))


def until(sources: Sources, last: dt.datetime) -> Sources:
    """The same firm before it wrote what came later."""
    known = sources.known
    turns = known.turns.filter(pc.less_equal(known.turns["sent_at"], pa.scalar(last, known.turns["sent_at"].type)))
    ids = turns["turn_id"].combine_chunks()
    sentences, findings = (table.filter(pc.is_in(table["turn_id"], ids)) for table in (known.sentences, known.findings))
    return replace(sources, known=replace(known, turns=turns, sentences=sentences, findings=findings))


@pytest.fixture(scope="module")
def sources(sample_book: troth.Book) -> Sources:
    known, calendar = sample_book.understand(), Calendar(zone=SAMPLE_ZONE)
    return Sources(
        known=known,
        answers=ANSWERS.empty_table(),
        decided=PROMISES.empty_table(),
        decisions=DECISIONS.empty_table(),
        reference=load_reference(encoder_id()),
        calendar=calendar,
        hours=find_open_hours(known.turns, calendar, AFTER),
    )


@pytest.fixture(scope="module")
def history(sources: Sources) -> History:
    return recall(sources, last=AFTER)


@pytest.fixture(scope="module")
def short(sources: Sources) -> Sources:
    """The sample's first five weeks."""
    return until(sources, SHORT)


@pytest.fixture(scope="module")
def longer(sources: Sources) -> Sources:
    """And three more."""
    return until(sources, SHORT + dt.timedelta(days=21))


@pytest.fixture(scope="module")
def first_proof(short: Sources) -> Proof:
    """These weeks, closed for the first time."""
    return prove(open_store(None), short, constants=AS_IT_IS, segments={}, how=HOW)


@pytest.fixture
def closed(first_proof: Proof) -> tuple[Store, Callable[[Sources], Proof], Proof]:
    """A book in which these weeks were closed, the way to prove it again, and the first proof."""
    store = open_store(None)
    store.upsert("closings", first_proof.closings)
    store.upsert("forecasts", first_proof.forecasts)

    def again(sources: Sources) -> Proof:
        return prove(store, sources, constants=AS_IT_IS, segments={}, how=HOW)

    return store, again, first_proof


def in_one_order(readings: pa.Table) -> pa.Table:
    names = ("relationship", "at", "facet", "signal", "turn_id", "start", "hi")
    return readings.sort_by([(name, "ascending") for name in names])


def assert_same_readings(found: pa.Table, wanted: pa.Table) -> None:
    found, wanted = in_one_order(found), in_one_order(wanted)
    assert found.num_rows == wanted.num_rows
    for name in READINGS.names:
        if pa.types.is_floating(READINGS.field(name).type):
            assert_allclose(found[name].to_numpy(), wanted[name].to_numpy(), rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert found[name].to_pylist() == wanted[name].to_pylist(), name


@pytest.mark.parametrize("share", [0.1, 0.35, 0.7, 1.0])
def test_an_evening_holds_what_the_pipeline_reads_from_that_evenings_turns_alone(
    sources: Sources, history: History, share: float
):
    """By another road: later turns are thrown away, and everything is worked out anew as of that evening."""
    day = round(share * (len(history.days) - 1))
    evening = moment(history.evenings[day])
    known = until(sources, evening).known
    stock = take_stock(known, reference=sources.reference, calendar=sources.calendar, now=evening)
    assert_same_readings(history.versions.alive(day), stock.readings)


def reading(home: str, at: dt.datetime, facet: str, lo: float, hi: float) -> dict[str, Any]:
    row: dict[str, Any] = {
        "relationship": home,
        "facet": facet,
        "at": at,
        "signal": "turn",
        "lo": lo,
        "hi": hi,
        "v": 1.5,
        "slope": 1.0,
    }
    return row | {"alpha": 0.0, "beta": 1.0, "slow_only": False}


def make_versions(seed: int, *, days: int, count: int) -> Versions:
    """Readings that come late, go again, or stand at one time with others."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, days, count)
    late = np.where(rng.random(count) < 0.2, rng.integers(0, 6, count), 0)
    goes = rng.random(count) < 0.3
    last = np.where(goes, np.minimum(first + rng.integers(1, 8, count), days), days)
    rows = [
        reading(
            f"home {rng.integers(3)}",
            START + dt.timedelta(days=int(first[row] - late[row]), hours=int(rng.integers(0, 4))),
            str(rng.choice(["RS", "CL", "HC"])),
            *((y, y) if rng.random() < 0.5 else (-np.inf, y)),
        )
        for row, y in enumerate(rng.normal(0, 1.2, count).tolist())
    ]
    table = pa.Table.from_pylist(rows, schema=READINGS)
    return Versions(readings=table, first=first.astype(np.int64), last=last.astype(np.int64))


@pytest.mark.parametrize("seed", range(4))
def test_states_carried_on_are_those_of_a_refit_every_evening(seed: int):
    """Bit for bit: the readings of each evening followed from the start."""
    versions = make_versions(seed, days=25, count=150)
    for carried in carry_states(versions, 25):
        refit = follow_states(versions.alive(carried.day))
        assert set(carried.states) == set(refit)
        for home, state in refit.items():
            assert set(carried.states[home].blocks) == set(state.blocks)
            for gauge, block in state.blocks.items():
                mine = carried.states[home].blocks[gauge]
                assert mine.at_us == block.at_us
                assert_array_equal(mine.mean, block.mean)
                assert_array_equal(mine.cov, block.cov)


def test_what_is_forecast_does_not_depend_on_what_comes_later(longer: Sources, first_proof: Proof):
    """Three more weeks in the book, or nothing of them written yet: the same forecasts."""
    whole = prove(open_store(None), longer, constants=AS_IT_IS, segments={}, how=HOW)
    early, late = (
        proof.forecasts.filter(pc.less(proof.forecasts["day"], SHORT.date().isoformat()))
        for proof in (first_proof, whole)
    )
    assert early.num_rows > 100
    assert early.select(["day", "kind", "outcome"]).equals(late.select(["day", "kind", "outcome"]))
    for name in ("model", *RIVALS):
        assert_allclose(early[name].combine_chunks().flatten(), late[name].combine_chunks().flatten(), atol=1e-9)


def test_chances_are_the_law_of_the_reading_over_all_that_it_could_have_been():
    """By another road: draws of the level, and the reading's own probability at each."""
    ends = np.array([-np.inf, -0.4, 0.9, np.inf])
    rows = [
        reading("acme", START, "HR", ends[c], ends[c + 1]) | {"alpha": 0.1 * (c + 1), "beta": 0.6} for c in range(3)
    ]
    mean, var = 0.7, 0.5
    found = chance_outcomes(
        np.array([mean]), np.array([var]), pa.Table.from_pylist(rows, schema=READINGS), np.array([0, 3])
    )
    level = norm.ppf((np.arange(20_000) + 0.5) / 20_000, mean, np.sqrt(var))[:, None]
    at = norm.cdf((ends - level) / np.sqrt(1.5))
    raw = (0.1 * np.arange(1, 4) + 0.6 * np.diff(at, axis=1)).mean(axis=0)
    assert_allclose(found, (1 - NEVER_SURE) * raw / raw.sum() + NEVER_SURE / 3, atol=1e-5)
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("before", [np.nan, 1.3])
def test_a_question_stays_open_by_the_law_of_its_wait(before: float):
    row = reading("acme", START, "FT", -np.inf, 0.4) | {"alpha": 0.15, "beta": 0.7, "slope": 0.5, "v": 0.75}
    waits = pa.Table.from_pylist([row], schema=READINGS)
    found = chance_waiting(np.array([-0.3]), np.array([0.6]), waits, np.array([before]))
    level = norm.ppf((np.arange(20_000) + 0.5) / 20_000, -0.3, np.sqrt(0.6))
    tonight, then = (0.15 + 0.7 * norm.cdf((z - 0.5 * level) / np.sqrt(0.75)) for z in (0.4, before))
    wanted = float((tonight / (1.0 if np.isnan(before) else then)).mean())
    assert float(found[0]) == pytest.approx((1 - NEVER_SURE) * wanted + NEVER_SURE / 2, abs=1e-5)


def test_every_forecast_of_the_sample_is_a_distribution(closed: tuple[Store, object, Proof]):
    for name in ("model", *RIVALS):
        for chances in closed[2].forecasts[name].to_pylist():
            assert min(chances) > 0
            assert sum(chances) == pytest.approx(1.0)


def test_rivals_learn_what_they_are_named_after():
    memory, even = Memory(), np.array([0.5, 0.5])
    for turn in range(400):  # the outcome changes every time
        outcome = turn % 2
        memory.learn("act HC", "acme", memory.previous("act HC", "acme"), outcome, 2)
    stated = memory.foretell("act HC", memory.previous("act HC", "acme"), even)
    assert stated["base"] == pytest.approx([0.5, 0.5], abs=0.01)
    assert stated["last"][1] < 0.02  # it was 1 last time, and last times never come again
    assert stated["markov"][0] > 0.97
    assert list(memory.foretell("act HC", None, even)["base"]) == list(stated["base"])


def forecasts_of(days: int, each: int, model: np.ndarray, base: np.ndarray, outcome: np.ndarray) -> pa.Table:
    """FORECASTS of readings with two outcomes; shapes (days * each,), chances of the second one."""
    lists = {name: [[1 - p, p] for p in chances] for name, chances in (("model", model), ("base", base))}
    number = np.arange(days * each)
    columns = {
        "day": [f"{day:04d}" for day in number // each],
        "number": number % each,
        "relationship": [f"home {row % 7}" for row in number],
        "facet": ["HC"] * len(number),
        "kind": ["act HC"] * len(number),
        "at": [START] * len(number),
        "turn_id": [None] * len(number),
        "previous": [None] * len(number),
        "outcome": outcome.astype(int),
        **lists,
        **dict.fromkeys(RIVALS[1:], lists["base"]),
        "pit": [None] * len(number),
        "log_density": [None] * len(number),
    }
    return pa.table({name: pa.array(columns[name], FORECASTS.field(name).type) for name in FORECASTS.names})


def test_a_rival_who_is_right_is_seldom_beaten_even_where_readings_of_a_day_hang_together():
    """Ville's bound, with six readings a day that all come out alike; the plain product breaks it there."""
    rng, runs, days, each = np.random.default_rng(5), 120, 30, 6
    reached = multiplied = 0
    for _ in range(runs):
        base = np.repeat(rng.uniform(0.2, 0.8, days), each)
        outcome = np.repeat(rng.random(days), each) < base
        model = np.clip(base + np.repeat(rng.normal(0, 0.15, days), each), 0.05, 0.95)
        daily = score_days(forecasts_of(days, each, model, base, outcome))
        own = daily.filter(pc.equal(daily["rival"], "base"))
        reached += max(own["log_wealth"].to_pylist()) >= np.log(ENOUGH)
        multiplied += max(own["log_product"].to_pylist()) >= np.log(ENOUGH)
    assert reached <= 0.05 * runs
    assert multiplied > 0.05 * runs


def test_wealth_and_scores_are_the_sums_that_they_say():
    rng = np.random.default_rng(2)
    model, base, outcome = rng.uniform(0.1, 0.9, 30), rng.uniform(0.1, 0.9, 30), rng.random(30) < 0.4
    forecasts = forecasts_of(10, 3, model, base, outcome)
    daily = score_days(forecasts)
    score = score_rivals(forecasts, daily)[0]
    ours, theirs = (np.where(outcome, p, 1 - p) for p in (model, base))
    assert score.gain == pytest.approx(np.mean(np.log(ours / theirs)))
    assert score.brier == pytest.approx(np.mean(2 * (1 - ours) ** 2))
    assert score.log_product == pytest.approx(np.log(ours / theirs).sum())
    path = np.cumsum(np.log((ours / theirs).reshape(10, 3).mean(axis=1)))
    assert score.log_wealth == pytest.approx(path[-1])
    assert score.log_lowest == pytest.approx(min(0.0, path.min()))
    bins = measure_reliability(forecasts)
    assert sum(one.count for one in bins) == 60
    assert sum(one.share * one.count for one in bins) == pytest.approx(30)


def simulate(sources: Sources, *, noise: float, level_sd: float = 1.0, seed: int = 3) -> Proof:
    """A firm whose readings follow the filter's own law, or noisier ones than they claim."""
    rng, model, rows, days = np.random.default_rng(seed), Model(fast_share=0.0), list[dict[str, Any]](), 60
    for home in range(40):
        level = level_sd * rng.normal()  # the slow part alone, over a span in which it hardly moves
        for day in range(days):
            y = float(level + rng.normal() * np.sqrt(1.5 * noise))
            rows.append(reading(f"home {home}", START + dt.timedelta(days=day, minutes=home), "RS", y, y))
    table, count = pa.Table.from_pylist(rows, schema=READINGS), len(rows)
    evenings = [START + dt.timedelta(days=day, hours=11) for day in range(days)]
    came = np.tile(np.arange(days), 40)
    history = History(
        days=tuple(evening.date() for evening in evenings),
        evenings=np.array([int(evening.timestamp() * 1e6) for evening in evenings], np.int64),
        versions=Versions(readings=table, first=came, last=np.full(count, days)),
        promises=PROMISES.empty_table(),
        is_promise=np.zeros(count, bool),
        waits=READINGS.empty_table(),
        wait_day=np.zeros(0, np.int64),
        wait_before=np.zeros(0),
        wait_asked=np.zeros(0, np.int64),
        is_answered=np.zeros(0, bool),
        lessons=np.zeros(days, np.int64),
    )
    return prove_history(
        open_store(None), history, list_targets(sources, history),
        constants=Constants(model=model, since=None), segments={}, how=HOW,
    )  # fmt: skip


def test_a_filter_that_is_right_wins_and_its_readings_spread_evenly(sources: Sources):
    proof = simulate(sources, noise=1.0)
    assert all(one.has_won for one in proof.rivals)
    assert proof.pit is not None
    assert proof.pit.distance < proof.pit.limit
    assert not any(one.is_off for one in proof.reliability if one.count > 100)


def test_a_filter_that_is_wrong_is_shown_to_lose(sources: Sources):
    """Readings four times as noisy as they claim, of relationships that do not differ at all."""
    proof = simulate(sources, noise=4.0, level_sd=0.0)
    base = proof.rivals[0]
    assert base.gain < 0
    assert base.log_product < -np.log(ENOUGH)
    assert base.gain < -3 * (base.gain_error or np.inf)
    assert not base.has_won
    assert proof.pit is not None
    assert proof.pit.distance > 2 * proof.pit.limit
    assert any("beaten none" in line for line in (render_proof(proof, whose="us", made_with="test"),))


def test_closing_again_changes_nothing(short: Sources, closed: tuple[Store, Callable[[Sources], Proof], Proof]):
    _, again, first = closed
    second = again(short)
    assert second.closings.equals(first.closings)
    assert second.forecasts.equals(first.forecasts)
    assert not second.changes
    assert not second.broken


def test_later_days_are_added_to_the_chain(longer: Sources, closed: tuple[Store, Callable[[Sources], Proof], Proof]):
    _, again, first = closed
    later = again(longer)
    days = first.closings.num_rows
    assert later.closings.slice(0, days).equals(first.closings)
    assert later.closings["previous"][days].as_py() == first.closings["seal"][days - 1].as_py()
    assert not later.broken


def test_an_altered_forecast_an_altered_day_and_a_missing_day_are_found(
    short: Sources, closed: tuple[Store, Callable[[Sources], Proof], Proof]
):
    store, again, first = closed
    row = first.forecasts.to_pylist()[40]
    store.upsert("forecasts", pa.Table.from_pylist([row | {"model": row["base"]}], schema=FORECASTS))
    assert [line.partition(":")[0] for line in again(short).broken] == [row["day"]]
    store.upsert("forecasts", pa.Table.from_pylist([row], schema=FORECASTS))
    assert not again(short).broken
    day = first.closings.slice(9, 1)
    taken = day.set_column(4, day.schema.field(4), pa.array([day["readings"][0].as_py() + 1]))
    store.upsert("closings", taken)
    assert any(day["day"][0].as_py() in line and "altered" in line for line in again(short).broken)
    store.replace("closings", day.slice(0, 0), keys_column="day", keys=day["day"].to_pylist())
    proof = again(short)
    assert any("taken out" in line for line in proof.broken)
    assert any(is_alarm and "altered" in line for is_alarm, line in list_remarks(proof))


def test_mail_that_is_read_later_is_named_and_rewrites_nothing(
    short: Sources, closed: tuple[Store, Callable[[Sources], Proof], Proof]
):
    store, again, first = closed
    first_turn = short.known.turns.sort_by("sent_at").slice(3, 1)
    absent = pc.invert(pc.equal(short.known.turns["turn_id"], first_turn["turn_id"][0]))
    less = replace(short, known=replace(short.known, turns=short.known.turns.filter(absent)))
    proof = again(less)
    assert proof.forecasts.equals(first.forecasts)
    assert proof.closings.equals(first.closings)
    named = [change for change in proof.changes if change.why == "readings"]
    assert named[0].day == first_turn["sent_at"][0].as_py().date().isoformat()
    assert f"would now be {named[0].would_be}" in named[0].text
    assert not proof.broken
    assert store.table("closings").num_rows == first.closings.num_rows


def test_stopped_midway_whole_days_stay_closed_and_the_rest_follows(
    short: Sources, closed: tuple[Store, Callable[[Sources], Proof], Proof], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proving, "_BATCH_FORECASTS", 30)
    store = open_store(None)

    def stop(done: int, total: int) -> None:
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(store, short, constants=AS_IT_IS, segments={}, how=HOW, progress=stop)
    kept = store.table("closings").sort_by("day")
    counted = dict(zip(kept["day"].to_pylist(), kept["forecasts"].to_pylist(), strict=True))
    assert 0 < len(counted) < closed[2].closings.num_rows
    scored = store.table("forecasts")["day"].to_pylist()
    assert {day: scored.count(day) for day in counted} == counted
    assert set(scored) <= set(counted)
    whole = prove(store, short, constants=AS_IT_IS, segments={}, how=HOW)
    assert whole.closings.equals(closed[2].closings)
    assert whole.forecasts.equals(closed[2].forecasts)


def test_days_closed_on_their_evening_are_told_from_those_made_up_later(short: Sources):
    """A book that is closed every night, by a clock that goes along with it."""
    store = open_store(None)
    nights = [dt.datetime(2026, 6, day, 3, tzinfo=dt.UTC) for day in (1, 2, 3, 4, 5)]
    proofs: list[Proof] = []
    for night in nights:
        how = replace(HOW, clock=lambda night=night: night)
        proofs.append(prove(store, until(short, night), constants=AS_IT_IS, segments={}, how=how))
    proof = proofs[-1]
    late = [row for row in proof.closings.to_pylist() if row["evening"] < nights[0] - dt.timedelta(days=1)]
    assert 0 < len(late) == proof.closings.num_rows - proof.on_time
    last = proof.forecasts.filter(pc.greater(proof.forecasts["day"], "2026-05-31"))
    assert 0 < proof.ahead <= last.num_rows


def test_a_turn_that_answers_one_of_another_conversation_has_its_outcomes(sources: Sources):
    """Every turn in a conversation of its own, tied to the others by its stated parent alone."""
    turns = sources.known.turns
    apart = pa.array([f"c{number:05d}" for number in range(turns.num_rows)])
    turns = turns.set_column(turns.schema.get_field_index("conversation_id"), "conversation_id", apart)
    sources = replace(sources, known=replace(sources.known, turns=turns.cast(sources.known.turns.schema)))
    history = recall(sources, last=AFTER)
    readings, targets = history.versions.readings, list_targets(sources, history)
    empathy = pc.and_(pc.equal(readings["facet"], "AT"), pc.equal(readings["signal"], "turn"))
    assert targets.kind.count("words AT") == readings.filter(empathy).num_rows > 0


def test_an_empty_book_has_nothing_to_prove():
    with troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE)) as book:
        proof = book.proof(now=AFTER)
    assert proof.closings.num_rows == 0
    assert proof.say(AFTER.date()) == ""
    assert "No day has been closed yet" in render_proof(proof, whose="us", made_with="test")
    assert measure_pit(proof.forecasts) is None


def test_the_page_escapes_and_says_what_the_proof_says(closed: tuple[Store, object, Proof]):
    page = render_proof(closed[2], whose='<script>alert("x")</script>\x1b[2J', made_with="test")
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("<polyline") == len(RIVALS)
    assert page.count('<circle class="dot') == len(closed[2].reliability)
    assert closed[2].closings["seal"][-1].as_py() in page


def test_the_command_keeps_what_it_closed_and_prints_daily_scores(tmp_path: Path):
    book, page = tmp_path / "book.duckdb", tmp_path / "proof.html"
    turns = [
        {
            "turn_id": f"t{number}",
            "conversation_id": "one",
            "speaker": ("anna@firm.example", "tom@acme.example")[number % 2],
            "recipients": [("tom@acme.example", "anna@firm.example")[number % 2]],
            "sent_at": dt.datetime(2026, 5, 4 + number, 9, tzinfo=dt.UTC),
            "body": "I think this is right because we measured it twice. Could you send me the report by Friday?",
        }
        for number in range(8)
    ]
    with troth.open(book, settings=Settings(us=("anna@firm.example",))) as opened:
        opened.add(turns)
    (tmp_path / "troth.toml").write_text('us = ["anna@firm.example"]\nzone = "UTC"\n')
    runs = [
        run("proof", "--book", book, "--format", *more, folder=tmp_path)
        for more in (["jsonl", "--html", str(page)], ["table"])
    ]
    assert [done.returncode for done in runs] == [0, 0]
    rows = [json.loads(line) for line in runs[0].stdout.splitlines()]
    assert {row["rival"] for row in rows} == set(RIVALS)
    assert all(len(row["seal"]) == 64 for row in rows)
    assert "base rate" in runs[1].stdout
    with troth.open(book, settings=Settings(us=("anna@firm.example",))) as opened:
        again = opened.proof().closings
    kept = {row["day"]: row["seal"] for row in again.to_pylist()}
    assert all(kept[row["day"]] == row["seal"] for row in rows)  # closed_at is in there: nothing was closed anew
    assert "The daily proof" in page.read_text("utf-8")


def test_a_survey_answer_is_forecast_from_the_answers_of_earlier_days_alone(short: Sources):
    """Nobody is asked about the future: the chances of the first weeks stay when more is answered later."""
    rng = np.random.default_rng(8)
    rows: list[dict[str, Any]] = [
        {
            "answer_id": f"a{number}/anchor_hc", "relationship": f"home {number % 4}", "person": f"p{number}",
            "item": "anchor_hc", "facet": "HC", "value": int(rng.integers(1, 8)), "lowest": 1, "highest": 7,
            "answered_at": dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC) + dt.timedelta(days=number // 3),
        }
        for number in range(60)
    ]  # fmt: skip
    nobody = until(short, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    proofs = [
        prove(
            open_store(None), replace(nobody, answers=pa.Table.from_pylist(some, schema=ANSWERS)),
            constants=AS_IT_IS, segments={}, how=HOW,
        ).forecasts
        for some in (rows[:36], rows)
    ]  # fmt: skip
    assert [table.num_rows for table in proofs] == [36, 60]
    in_order = sorted(rows, key=lambda row: (row["answered_at"], row["relationship"]))
    assert proofs[1]["outcome"].to_pylist() == [row["value"] - 1 for row in in_order]
    assert (
        proofs[1].slice(0, 36).select(["outcome", "base", "last"]).equals(proofs[0].select(["outcome", "base", "last"]))
    )
    assert_allclose(
        proofs[0]["model"].combine_chunks().flatten(), proofs[1]["model"].combine_chunks().flatten()[: 36 * 7]
    )
