"""A book learns from itself, keeps what it learned under a version, uses it everywhere, and forgets it on demand."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from commands import run

from troth.book import open_store
from troth.desk import MODEL_SETTING
from troth.errors import SettingsError
from troth.library import Book
from troth.pipeline import find_segments, score_relationships
from troth.schema import READINGS, conform
from troth.settings import Settings
from troth.trust import DEFAULT_MODEL, Model, Provenance, VersionedModel, close_states, read_model, write_model
from troth.tuning import tune

DAY = dt.date(2026, 11, 20)
ORIGIN = Provenance(learned_on=DAY, readings=9000, relationships=90, held_out=30, gain=0.02)
LEARNED = Model(halo=0.7, means={"CL": -0.5}, segment_means={"customer": {"CL": 0.6}})


def make_loud_readings(people: int = 80, turns: int = 60) -> pa.Table:
    """Exact readings of one facet in which a turn is a quarter as noisy as it claims."""
    rng = np.random.default_rng(1)
    n, level = people * turns, np.repeat(rng.standard_normal(people), turns)
    y = level + rng.standard_normal(n) * np.sqrt(0.5)
    columns = {"relationship": np.repeat([f"r{i:03}" for i in range(people)], turns), "facet": ["CL"] * n}
    columns |= {"at": np.datetime64("2025-01-01", "us") + np.tile(np.arange(turns), people).astype("timedelta64[D]")}
    columns |= {"signal": ["turn"] * n, "lo": y, "hi": y, "v": np.full(n, 2.0), "slope": np.ones(n)}
    columns |= {"alpha": np.zeros(n), "beta": np.ones(n), "slow_only": np.zeros(n, bool)}
    return conform(pa.table(columns), READINGS)


def test_what_is_learned_is_kept_with_its_version_and_where_it_comes_from():
    readings = make_loud_readings()
    tuning = tune(readings, {}, day=DAY, seed=3)
    assert tuning.kept is not None
    back = read_model(json.loads(json.dumps(tuning.kept)))
    assert back.version == tuning.version
    assert back.provenance.learned_on == DAY
    assert back.provenance.readings + tuning.report.held_readings == len(readings)
    assert back.provenance.gain == tuning.report.gain
    (stick,) = back.model.yardsticks
    assert stick.noise == pytest.approx(0.25, rel=0.15)
    assert tune(readings, {}, day=DAY, seed=3) == tuning


def test_a_book_uses_what_it_keeps_and_goes_back_to_the_start_values():
    """Scores, overview, path and review all move; forgetting gives the very same numbers as before."""
    store = open_store()
    with Book(store, Settings(us=("anna@firm.example",))) as book:
        turns = [
            {"body": body, "speaker": who, "recipients": [to], "sent_at": dt.datetime(2026, 11, day, 9, tzinfo=dt.UTC)}
            for day, who, to, body in (
                (2, "carl@acme.example", "anna@firm.example", "Can you send the offer by Friday? We need it."),
                (3, "anna@firm.example", "carl@acme.example", "I will send the offer on Thursday, with all prices."),
                (5, "anna@firm.example", "carl@acme.example", "Here is the offer. The price covers three seats."),
            )
        ]
        book.add(turns)
        assert book.segments() == {"acme.example": "customer"}

        def look() -> list[object]:
            path = book.trust("acme.example").path()
            return [
                book.scores(lens="triangle"),
                book.relationships(),
                book.review("2026-11-05"),
                path,
                book.table("trust"),
            ]

        before = look()
        assert book.model() is DEFAULT_MODEL
        store.set_setting(MODEL_SETTING, write_model(VersionedModel(model=LEARNED, provenance=ORIGIN)))
        assert book.model() == LEARNED
        after = look()
        assert all(was != now for was, now in zip(before, after, strict=True))
        stock = book.stock()
        standing = close_states(stock.readings, stock.now, LEARNED.within("customer"))["acme.example"]["SHOWN"]
        scores = {row["pillar"]: row for row in after[0].to_pylist()}  # type: ignore[attr-defined]
        ours = score_relationships(stock.readings, stock.now, model=LEARNED.within("customer"))
        assert ours.num_rows
        assert scores["logic_communication"]["reliability"] == pytest.approx(1 - standing.cov[1, 1], abs=1e-12)
        ledger = book.trust("acme.example").explain(of="CL")
        assert sum(ledger["contribution"].to_pylist()) == pytest.approx(standing.mean[1], abs=1e-12)
        assert book.forget_learned()
        assert not book.forget_learned()
        assert all(was == now for was, now in zip(before, look(), strict=True))
        tuning = book.learn()
        assert tuning.kept is None
        assert "too few" in tuning.report.reason
        assert book.model() is DEFAULT_MODEL


def test_altered_constants_in_a_book_are_refused_with_the_way_out():
    store = open_store()
    with Book(store, Settings(us=("anna@firm.example",))) as book:
        kept = write_model(VersionedModel(model=LEARNED, provenance=ORIGIN))
        kept["constants"]["halo"] = 0.2
        store.set_setting(MODEL_SETTING, kept)
        with pytest.raises(SettingsError, match=r"altered.*--forget"):
            book.model()
        assert book.forget_learned()
        assert book.model() is DEFAULT_MODEL


def test_the_segment_of_a_relationship_is_its_circle(sample_book: Book):
    segments = find_segments(sample_book.turns())
    assert set(segments.values()) <= {"customer", "colleague", "friend"}
    placed = {(row["relationship"], row["circle"]) for row in sample_book.relationships().to_pylist()}
    assert placed <= set(segments.items())


@pytest.mark.usefixtures("sample_at_hand")
def test_the_command_says_that_the_sample_is_too_small():
    done = run("learn", "--sample", "--format", "jsonl")
    assert (done.returncode, done.stdout) == (0, "")
    assert "too few to learn from" in done.stderr
    wrong = run("learn", "--forget", "--sample")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
