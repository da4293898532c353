"""Trials in a book: what is stated and kept, that no score knows of it, reading, erasing, and the command line."""

from __future__ import annotations

import ast
import csv
import datetime as dt
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

import troth
from troth.book.erase import forget_names
from troth.charts import draw_suggestions, draw_trial
from troth.cli import app
from troth.desk import Desk
from troth.errors import InputError
from troth.schema import OUTCOME_STEPS, OUTCOMES, READINGS, TRIALS, empty
from troth.settings import Settings
from troth.signals import SHOWN
from troth.testing import DealRules, make_deal_world
from troth.trial.told import COLUMNS, Trial
from troth.trial.worlds import START, TrialRules, make_trial_world
from troth.trialmeasuring import Scene, measure_trial, plan_trial
from troth.trialsuggesting import COLUMNS as SUGGESTED
from troth.trialsuggesting import suggest_practices
from troth.trust import DEFAULT_MODEL
from troth.worth.deals import take_deals

UTC = dt.UTC
HOMES = [f"firm{number:02}.example" for number in range(14)]
FIRST, LAST = dt.datetime(2026, 1, 5, 9, tzinfo=UTC), dt.datetime(2026, 4, 30, 15, tzinfo=UTC)
UNTIL = dt.date(2026, 7, 31)
OURS = ("We will send the list by Friday.", "Thank you for the drawings. I will look into it.", "It is done.")
THEIRS = ("Thank you, that is very kind.", "Are you sure? Who checked this?", "Yes, agreed.", "Where is the list?")


def write_turns(since: dt.datetime, until: dt.datetime, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    turns: list[dict[str, Any]] = []
    for home in HOMES:
        for number in range(10):
            at = since + (until - since) * float(rng.random())
            for side, texts in (("us", OURS), ("them", THEIRS)):
                who, other = (f"bo@{home}", "anna@brimholt.example")
                speaker, to = (other, who) if side == "us" else (who, other)
                turns.append(
                    {
                        "turn_id": f"{home}-{seed}-{number}-{side}", "conversation_id": f"{home}-{seed}-{number}",
                        "speaker": speaker, "recipients": [to], "channel": "mail",
                        "sent_at": at + dt.timedelta(hours=side == "them"),
                        "body": texts[int(rng.integers(len(texts)))],
                    }
                )  # fmt: skip
    # The day that the book ends on is the same for every seed.
    return [*turns, turns[-1] | {"turn_id": f"last-{seed}", "sent_at": until}]


def stated_with(stated: dict[str, Any]) -> dict[str, Any]:
    return {"until": UNTIL, **stated}


def outcomes_of(homes: list[str]) -> pa.Table:
    rows = [
        {
            "outcome_id": home, "relationship": home, "kind": "deal", "state": "won" if number % 3 else "open",
            "opened_at": FIRST, "closed_at": LAST + dt.timedelta(days=30) if number % 3 else None,
        }
        for number, home in enumerate(homes)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=OUTCOMES)


def fill(book: troth.Book) -> None:
    book.add(write_turns(FIRST, LAST, 1))
    desk_of(book).store.upsert("outcomes", outcomes_of(HOMES))


def desk_of(book: troth.Book) -> Desk:
    return book._desk  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="module")
def book_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of fourteen customers until 30 April with two trials: by trust held, stopped, and by deals won."""
    path = tmp_path_factory.mktemp("trials") / "firm.duckdb"
    with troth.open(path, settings=Settings(us=("anna@brimholt.example",))) as book:
        fill(book)
        book.trials.start("date-every-promise", until=UNTIL, seed=7, by="Anna")
        book.trials.stop("date-every-promise", note="the season is over")
        book.trials.start("be-kind", words="Be kind.", seen_by="gratitude", outcome="won", until=UNTIL, seed=8)
    return path


@pytest.fixture
def copied(book_path: Path, tmp_path: Path) -> Path:
    """A book of one's own to write to."""
    return Path(shutil.copy(book_path, tmp_path))


@pytest.fixture
def book(copied: Path) -> Iterator[troth.Book]:
    with troth.open(copied, settings=Settings(us=("anna@brimholt.example",))) as opened:
        yield opened


def test_what_is_stated_beforehand_is_kept_as_it_was_stated(book: troth.Book):
    held, won = book.trials.list()
    assert (held.practice, held.by, held.seed, held.note) == ("date-every-promise", "Anna", 7, "the season is over")
    assert (held.started_at, held.until) == (
        dt.datetime(2026, 5, 1, tzinfo=UTC),
        dt.datetime(2026, 8, 1, tzinfo=UTC),
    )
    assert sorted(member.relationship or "" for member in held.members) == HOMES
    assert len(held.of_arm("practice")) == len(held.of_arm("usual")) == 7
    assert held.power is not None
    assert 0.1 < held.power.least < 5
    assert "56 days before" in held.power.basis
    told = "\n".join(held.say())
    assert "Counts from 2026-05-01 to 2026-07-31, 92 days" in told
    assert "dealing the lot anew" in told
    assert "finds a difference of" in told
    assert won.facet == "RG"
    # Who is in no trial that runs may be drawn: the first was stopped.
    assert len(won.members) == 14


def test_a_trial_that_runs_keeps_its_accounts_from_another(book: troth.Book):
    with pytest.raises(InputError, match=r"too few accounts: 0 .*14 more are in a trial"):
        book.trials.start("give-the-reason", until=UNTIL)


def test_the_same_seed_draws_the_same_accounts(book: troth.Book):
    held, _ = book.trials.list()
    book.trials.stop("be-kind")
    again, other = (book.trials.start("say-it-first", until=UNTIL, seed=seed, keep=False) for seed in (7, 9))
    assert [member.arm for member in again.members] == [member.arm for member in held.members]
    assert [member.arm for member in other.members] != [member.arm for member in held.members]
    assert len(book.trials.list()) == 2, "nothing is kept of what is only planned"


@pytest.mark.parametrize(
    ("stated", "complaint"),
    [
        ({"outcome": "joy"}, "no outcome"),
        ({"circle": "colleague"}, "trials are made with"),
        ({"until": "2026-05-02"}, "28 days at least"),
        ({"until": "soon"}, "not a date"),
        ({"seed": -1}, "a seed"),
        ({"outcome": "renewed"}, "with an open renewal"),
    ],
)
def test_what_cannot_be_tried_is_refused(book: troth.Book, stated: dict[str, Any], complaint: str):
    with pytest.raises(InputError, match=complaint):
        book.trials.start("give-the-reason", **stated_with(stated))


def test_scores_are_the_same_bytes_with_and_without_a_trial(book: troth.Book):
    """The same turns in a book that never had one: no reading, no level and no score differs in a bit."""
    with troth.open(settings=Settings(us=("anna@brimholt.example",))) as plain:
        fill(plain)
        assert not plain.trials.list()
        for name in ("readings", "trust", "scores", "relationships"):
            mine, other = (sorted(map(repr, one.table(name).to_pylist())) for one in (book, plain))
            assert mine == other, name
            assert mine, name


def test_nothing_but_the_trials_reads_their_tables():
    """Of all modules only those that define, keep, erase, carry or read the tables name them."""
    root = Path(troth.__file__).parent
    names = {"trials", "trial_accounts", "trial_looks", "TRIALS", "TRIAL_ACCOUNTS", "TRIAL_LOOKS"}
    naming = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said = node.value if isinstance(node, ast.Constant) else node.id if isinstance(node, ast.Name) else None
            if isinstance(said, str) and said in names:
                naming.add(path.relative_to(root).as_posix())
    may = {"schema.py", "book/_forms.py", "book/erase.py", "forgetting.py", "sources/ours.py", "trying.py"}
    assert naming - {path for path in naming if path.startswith("web/")} == may


def test_it_is_read_on_its_day_and_not_before(book: troth.Book):
    day = dt.datetime(2026, 8, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="its last day is 2026-07-31"):
        book.trials.read("date", now=day - dt.timedelta(days=1))
    book.add(write_turns(LAST + dt.timedelta(days=1), day - dt.timedelta(days=1), 2))
    early = book.trials.read("date", early=True, now=day - dt.timedelta(days=20), deals=199)
    assert (early.verdict, early.looks) == ("too early", 1)
    assert "in 5 % of trials" in early.say()
    found = book.trials.read("date", now=day, deals=199)
    assert found == book.trials.read("date", now=day + dt.timedelta(days=400), deals=199), "later turns change nothing"
    assert (found.is_early, found.looks) == (False, 1)
    assert found.drawn == {"practice": 7, "usual": 7}
    assert np.isfinite([found.effect.value, found.effect.low, found.effect.high, found.effect.p]).all()
    assert found.effect.low < found.effect.value < found.effect.high
    assert {one.arm for one in found.doing} == {"practice", "usual"}
    assert all(one.occasions > 0 and 0 <= one.after <= 1 for one in found.doing)
    assert any("was stopped" in note for note in found.notes)
    assert [row["is_early"] for row in desk_of(book).store.table("trial_looks").sort_by("at").to_pylist()][:1] == [True]
    rows = found.list_rows()
    assert {tuple(row) for row in rows} == {COLUMNS}
    spec = json.dumps(draw_trial(rows, outcome="held").to_dict())
    assert "standard deviations" in spec


def test_a_deal_won_after_the_start_counts_and_the_difference_is_one_of_shares(book: troth.Book):
    found = book.trials.read("be-kind", now=dt.datetime(2026, 8, 1, tzinfo=UTC), deals=499)
    won = {home for number, home in enumerate(HOMES) if number % 3}
    arms = {
        arm: np.mean([member.relationship in won for member in found.trial.of_arm(arm)])
        for arm in ("practice", "usual")
    }
    assert found.levels == pytest.approx(arms)
    assert found.beside is None
    assert found.told == {"practice": 7, "usual": 7}
    assert "points" in found.say()


def test_the_trial_that_is_meant_is_found_or_the_others_are_named(book: troth.Book):
    assert book.trials.find().practice == "be-kind"
    assert book.trials.find(book.trials.list()[0].trial_id[:5]).practice == "date-every-promise"
    with pytest.raises(InputError, match=r"no trial 'zz'. There are: \w{8} \(date-every-promise\)"):
        book.trials.find("zz")
    with pytest.raises(InputError, match="stopped already"):
        book.trials.stop("date-every-promise")
    with troth.open() as new, pytest.raises(InputError, match="`troth trial start` makes one"):
        new.trials.read()


def test_who_is_forgotten_keeps_an_arm_and_no_name(tmp_path: Path):
    with troth.open(tmp_path / "firm.duckdb", settings=Settings(us=("anna@brimholt.example",))) as book:
        fill(book)
        before = book.trials.start("give-the-reason", until=UNTIL, seed=1)
        ids = [row["turn_id"] for row in book.turns().to_pylist() if row["relationship"] == HOMES[0]]
        book.drop_turns(ids[:-1])
        assert book.trials.find() == before, "somebody of the firm is still there"
        gone = book.drop_turns(ids[-1:])
        assert gone["trial_accounts"] == 1
        after = book.trials.find()
        assert [one.arm for one in after.members] == [one.arm for one in before.members]
        assert HOMES[0] not in str(desk_of(book).store.table("trial_accounts").to_pylist())
        assert forget_names(desk_of(book).store, [HOMES[1]])["trial_accounts"] == 1
        book.leave(tmp_path / "left", bare=True)
        found = book.trials.read(early=True, now=before.started_at + dt.timedelta(days=40), deals=99)
        assert any("no longer in the book" in note for note in found.notes)
        kept = book.trials.list()
    with troth.open(settings=Settings(us=("anna@brimholt.example",))) as other:
        other.read(tmp_path / "left")
        [back] = other.trials.list()
        assert back.members == kept[0].members
        assert back.power == kept[0].power


def scene_of(rules: TrialRules) -> tuple[Scene, Any]:
    world = make_trial_world(np.random.default_rng(5), rules)
    readings = world.read()
    turns = pa.table(
        {
            "relationship": readings["relationship"],
            "sent_at": readings["at"],
            "circle": pa.repeat("customer", readings.num_rows),
            "automatic": pa.repeat(False, readings.num_rows),
        }
    )
    known = troth.pipeline.Understood(turns=turns, sentences=turns, findings=turns)
    scene = Scene(known=known, readings=readings, deals=empty(OUTCOMES), model=DEFAULT_MODEL, segments={})
    return scene, world


def test_accounts_that_become_one_count_as_they_were_drawn():
    scene, world = scene_of(TrialRules(accounts=20))
    members, power = plan_trial(
        scene, start=START, until=world.until, circle="customer", outcome="held", busy=set(), seed=3
    )
    assert power is not None
    trial = Trial(
        trial_id="a", practice="x", words="Do x.", facet=None, seen_by=None, circle="customer", outcome="held",
        stated_at=START, started_at=START, until=world.until, seed=3, power=power, analysis="", by="me",
        stopped_at=None, note=None, members=members,
    )  # fmt: skip
    homes = [member.relationship for member in members]
    homes[1], homes[2] = homes[0], None
    found = measure_trial(
        trial, scene, now_homes=homes, read_at=world.until, is_early=False, promises=empty(READINGS), deals=99
    )
    assert sum(found.drawn.values()) == 20
    assert sum(found.told.values()) == 19
    told = " ".join(found.notes)
    assert "1 accounts became one" in told
    assert "1 accounts are no longer" in told
    assert "1 accounts go by another name" in told
    assert found.doing == ()


def test_suggestions_find_the_facet_that_trust_follows():
    """Readings of eleven facets over two years; HELD's news follows those of reasoning, and of nothing else."""
    rng = np.random.default_rng(2)
    homes, periods = [f"firm{number}.example" for number in range(60)], 26
    rows, pushed = [], np.zeros(len(homes))
    for period in range(periods):
        shown = rng.standard_normal((len(homes), len(SHOWN)))
        for number, home in enumerate(homes):
            at = FIRST + dt.timedelta(days=28.0 * period + float(rng.uniform(1, 27)))
            values = dict(zip(SHOWN, shown[number].tolist(), strict=True)) | {
                code: 1.5 * pushed[number] + float(rng.standard_normal()) for code in ("HC", "HR")
            }
            rows += [
                {
                    "relationship": home, "facet": code, "at": at, "signal": "turn", "lo": value, "hi": value, "v": 1.0,
                    "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False,
                }
                for code, value in values.items()
            ]  # fmt: skip
        pushed = shown[:, 0]
    turns = [
        {"relationship": row["relationship"], "sent_at": row["at"], "circle": "customer", "automatic": False}
        for row in rows
    ]
    found = suggest_practices(
        readings=pa.Table.from_pylist(rows, schema=READINGS), turns=pa.Table.from_pylist(turns),
        as_of=FIRST + dt.timedelta(days=28 * periods), deals=take_deals(empty(OUTCOMES), as_of=LAST),
        steps=empty(OUTCOME_STEPS), shuffles=199,
    )  # fmt: skip
    assert found.facets[0].facet == "RS"
    assert found.facets[0].verdict == "goes with"
    assert sum(one.verdict in ("goes with", "goes against") for one in found.facets[1:]) <= 1
    assert all(abs(one.slope) <= abs(one.link.slope) + 0.01 for one in found.facets[1:]), "drawn together"
    assert "reasoning" in found.say()[0]
    assert "lot" in found.say()[-1]
    rows = found.list_rows()
    assert {tuple(row) for row in rows} == {SUGGESTED}
    assert json.dumps(draw_suggestions(rows, theme="dark").to_dict())


def test_the_odds_of_winning_are_told_by_facet_where_there_are_deals():
    world = make_deal_world(np.random.default_rng(1), DealRules(accounts=60, deals=2.0, weeks=80))
    place = pc.index_in(world.readings["facet"], pa.array(["HC", "HR", "HI", "HS"]))
    shown = world.readings.set_column(1, READINGS.field("facet"), pa.array(["RS", "CL", "CA", "CO"]).take(place))
    turns = world.turns.append_column("circle", pa.repeat("customer", world.turns.num_rows)).append_column(
        "automatic", pa.repeat(False, world.turns.num_rows)
    )
    found = suggest_practices(
        readings=shown, turns=turns, as_of=world.as_of, deals=take_deals(world.outcomes, as_of=world.as_of),
        steps=world.steps, shuffles=19,
    )  # fmt: skip
    told = {one.facet: one.won for one in found.facets if one.won is not None and one.won.enough}
    assert {"RS", "CL", "CA", "CO"} <= set(told)
    assert all(one.low < one.ratio < one.high for one in told.values())
    assert all(one.verdict == "not enough to say" for one in found.facets), "nobody's trust held was read"
    [row] = [row for row in found.list_rows() if row["facet"] == "RS" and row["what"] == "odds of won"]
    assert row["value"] == told["RS"].ratio


def test_the_sample_has_too_few_accounts_and_says_so(sample_book: troth.Book):
    with pytest.raises(InputError, match="too few accounts: 8"):
        sample_book.trials.start("date-every-promise", keep=False)
    found = sample_book.trials.suggest()
    assert found.say()[0].startswith("Not enough to say")
    assert [one.facet for one in found.facets] == list(SHOWN)
    with pytest.raises(InputError, match="not enough"):
        found.chart()


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, ["trial", *map(str, arguments)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def test_the_commands_say_what_the_book_says(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    Path("troth.toml").write_text('us = ["anna@brimholt.example"]\n', "utf-8")
    listed = run("list", "--book", copied, "--format", "csv").stdout
    assert [row["practice"] for row in csv.DictReader(io.StringIO(listed))] == ["date-every-promise", "be-kind"]
    assert "firm00.example" in run("show", "be-kind", "--book", copied).stdout
    stated = [json.loads(line) for line in run("show", "--book", copied, "--format", "jsonl").stdout.splitlines()]
    assert {tuple(row) for row in stated} == {COLUMNS}
    told = run("read", "date", "--book", copied, "--picture", "result.csv")
    assert "Result" in told.stdout
    assert "firm00" not in told.stdout, "who was drawn is no part of the result"
    assert Path("result.csv").read_text("utf-8").startswith("high,label,low,value\n")
    for shown in (told, run("list", "--book", copied), run("suggest", "--book", copied)):
        assert max(map(len, shown.stdout.splitlines())) <= 80


def test_tables_of_trials_can_be_exported(book: troth.Book):
    assert book.table("trials").schema == TRIALS
    assert book.table("trial_accounts").num_rows == 28
