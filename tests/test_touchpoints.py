"""The touch-point map: from turns to stages, waits, levels, and what a customer heard and said twice."""

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
from scipy.special import ndtr
from typer.testing import CliRunner

import troth
from troth.charts import save_chart
from troth.cli import app
from troth.errors import InputError, SettingsError
from troth.intake import take_turns
from troth.settings import Settings, load_settings
from troth.touch import (
    Evidence,
    Line,
    Said,
    Spread,
    StageRule,
    find_first_answers,
    find_hand_overs,
    find_repeats,
    find_typical,
    pool_levels,
    tell_stages,
)
from troth.touch.tables import FLAT, HEARD, REPEATED, SHOWN_THERE, TOUCHPOINTS
from troth.touching import TouchMap

START = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)  # a Monday


def turn(number: int, text: str, *, side: str = "us", hours: float = 0.0, **more: Any) -> dict[str, Any]:
    return {
        "turn_id": f"t{number}",
        "conversation_id": "talk",
        "position": number,
        "sent_at": START + dt.timedelta(hours=hours),
        "speaker": "anna@us.example" if side == "us" else "cleo@acme.example",
        "channel": "mail",
        "body": text,
        "side": side,
        "circle": "customer",
        "relationship": "acme.example",
        "source": "test",
        "automatic": False,
        **dict.fromkeys(("subject", "recipients", "cc", "stage")),
        **more,
    }


def map_turns(rows: list[dict[str, Any]], *, customer: str | None = None, **stated: Any) -> TouchMap:
    with troth.open(settings=Settings(us=("us.example",), **stated)) as book:
        book.add(rows)
        return book.touchpoints(customer)


# Stages.


def stages_of(*rows: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    turns = take_turns(list(rows))
    staged = tell_stages(turns, [row["body"] for row in rows], **more)
    return list(zip(staged.stage, staged.grounds, strict=True))


def test_what_a_source_states_is_kept_and_settings_win_over_rules():
    rule = StageRule(stage="marketing", channel="ticket")
    rows = [
        turn(1, "Your invoice is attached.", channel="ticket", stage="onboarding"),
        turn(2, "Your invoice is attached.", channel="ticket"),
        turn(3, "Your invoice is attached.", conversation_id="b"),
    ]
    told = stages_of(*rows, rules=[rule])
    assert told == [("onboarding", "source"), ("marketing", "settings"), ("billing", "words")]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (StageRule(stage="billing", source="zend*"), [True, False]),
        (StageRule(stage="billing", address="acme.example"), [True, True]),
        (StageRule(stage="billing", address="desk@us.example"), [True, False]),
        (StageRule(stage="billing", address="example"), [False, False]),
        (StageRule(stage="billing", subject="*[no. 7]*"), [False, True]),
        (StageRule(stage="billing", subject="*[NO. 7]", channel="chat"), [False, False]),
    ],
)
def test_a_rule_of_the_settings_fits_by_every_condition_given(rule: StageRule, fits: list[bool]):
    rows = [
        turn(1, "Hm.", source="zendesk.json", recipients=["desk@us.example"], speaker="x@acme.example", side="them"),
        turn(2, "Hm.", source="mail.mbox", conversation_id="b", subject="Re: [no. 7] x", cc=["y@acme.example"]),
    ]
    assert [stage == "billing" for stage, _ in stages_of(*rows, rules=[rule])] == fits


def test_words_tell_a_stage_only_where_they_tell_one_alone():
    """A ticket is service; a reply's own words go before the line it carries; two stages at once tell none."""
    told = stages_of(
        turn(1, "Hello.", channel="ticket", conversation_id="a"),
        turn(2, "Could you have a look?", side="them", conversation_id="b", subject="Alarm in store 2"),
        turn(3, "Here is our offer.", conversation_id="b", subject="Re: Alarm in store 2"),
        turn(4, "Thank you.", side="them", conversation_id="b"),
        turn(5, "The pump is broken and your invoice is wrong.", side="them", conversation_id="c"),
        turn(6, "Nice weather.", conversation_id="d"),
        turn(7, "Spring news! Unsubscribe at the foot.", conversation_id="e", automatic=True),
        turn(8, "Spring news! Unsubscribe at the foot.", conversation_id="f", automatic=True, side="them"),
    )
    assert told == [
        ("service", "ticket"),
        ("service", "subject"),
        ("sales", "words"),
        ("sales", "conversation"),
        ("unknown", "unknown"),
        ("unknown", "unknown"),
        ("marketing", "automatic"),
        ("unknown", "unknown"),
    ]


def test_deals_tell_sales_from_onboarding_where_nothing_else_does():
    deal = {"outcome_id": "1", "relationship": "acme.example", "kind": "deal", "stage": None, "state": "won",
            "amount": None, "currency": None,
            "opened_at": START, "closed_at": START + dt.timedelta(days=10)}  # fmt: skip
    rows = [turn(day, "Hm.", hours=24.0 * day, conversation_id=str(day)) for day in (0, 5, 15, 45)]
    rows.append(turn(99, "Hm.", hours=24.0 * 5, relationship="other.example", conversation_id="o"))
    told = stages_of(*rows, outcomes=pa.Table.from_pylist([deal]))
    assert [stage for stage, _ in told] == ["sales", "sales", "onboarding", "unknown", "unknown"]


def test_settings_name_what_a_stage_rule_lacks(tmp_path: Path):
    path = tmp_path / "troth.toml"
    path.write_text('[[touchpoints]]\nstage = "billing"\n', "utf-8")
    with pytest.raises(SettingsError, match="channel, source, address or subject"):
        load_settings(path)
    path.write_text('[[touchpoints]]\nstage = "invoicing"\nchannel = "mail"\n', "utf-8")
    with pytest.raises(SettingsError, match="billing"):
        load_settings(path)


# Waits.

talks = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans(), st.integers(0, 2)), max_size=25)


@given(rows=talks)
def test_waits_agree_with_looking_at_every_pair_of_turns(rows: list[tuple[int, bool, bool, int]]):
    """By another road: each turn asks by itself who answered it, and who spoke for us before it."""
    rows = sorted(rows, key=lambda row: row[0])
    talk = np.array([row[0] for row in rows], np.int64)
    is_us, asks = (np.array([row[place] for row in rows], bool) for place in (1, 2))
    speaker = np.array([row[3] for row in rows], np.int64)
    n = len(rows)
    same = [[other for other in range(n) if talk[other] == talk[row]] for row in range(n)]
    expected: list[tuple[int, int]] = []
    for row in range(n):
        if is_us[row] or not (asks[row] or row == same[row][0]):
            continue
        back = [other for other in same[row] if other < row and is_us[other]]
        already = [o for o in same[row] if o < row and o > max(back, default=-1) and (asks[o] or o == same[row][0])]
        if not already:
            expected.append((row, next((other for other in same[row] if other > row and is_us[other]), -1)))
    found = find_first_answers(talk, is_us, asks)
    assert list(zip(found.since.tolist(), found.until.tolist(), strict=True)) == expected
    changes: list[tuple[int, int]] = []
    for row in range(n):
        before = [other for other in same[row] if other < row and is_us[other]]
        if is_us[row] and before and speaker[before[-1]] != speaker[row]:
            between = [other for other in same[row] if before[-1] < other < row]
            changes.append((row, between[0] if between else before[-1]))
    over = find_hand_overs(talk, is_us, speaker)
    assert list(zip(over.turn.tolist(), over.since.tolist(), strict=True)) == changes


def test_the_median_of_waits_that_have_all_ended_is_the_middle_one():
    hours = np.array([5.0, 1.0, 9.0, 3.0, 7.0])
    typical = find_typical(hours, np.ones(5, bool), np.arange(5))
    assert (typical.median, typical.most) == (5.0, 9.0)
    assert typical.median_low is not None
    assert typical.median_high is not None
    assert typical.median_low <= 5.0 <= typical.median_high


def test_waits_that_have_not_ended_count_as_longer_than_so_far():
    """Textbook values of Kaplan and Meier by hand: at 2 of 5, survival .8; at 4 of 3, .533; at 6 of 2 .267; at 8, 0."""
    hours = np.array([2.0, 3.0, 4.0, 6.0, 8.0, 8.0])
    ended = np.array([True, False, True, True, True, True])
    typical = find_typical(hours, ended, np.zeros(6, np.int64))
    assert (typical.median, typical.most) == (6.0, 8.0)
    assert typical.median_low is None  # one relationship: nothing to draw an interval from
    assert find_typical(hours, np.zeros(6, bool), np.zeros(6, np.int64)).median is None
    late = find_typical(np.arange(10.0), np.arange(10) < 6, np.arange(10))
    assert late.most is None  # four of ten still wait


# Levels.


def made_up(rng: np.random.Generator, *, customers: int, points: int, spread: Spread, ordinal: bool) -> Any:
    """A world drawn from the model, and its readings: exact ones, or only the side of a cut on which they fell."""
    shown = rng.normal(0, spread.firm**0.5) + rng.normal(0, spread.touchpoint**0.5, points)
    level = shown + rng.normal(0, spread.customer**0.5, (customers, 1))
    level = level + rng.normal(0, spread.rest**0.5, (customers, points))
    who, where = np.meshgrid(np.arange(customers), np.arange(points), indexing="ij")
    count = rng.integers(0, 7, who.shape)
    who, where = np.repeat(who.ravel(), count.ravel()), np.repeat(where.ravel(), count.ravel())
    v = rng.uniform(0.5, 4.0, len(who))
    y = level[who, where] + rng.normal(0, np.sqrt(v))
    lo = np.where(y > 0.5, 0.5, -np.inf) if ordinal else y
    hi = np.where(y > 0.5, np.inf, 0.5) if ordinal else y
    ones = np.ones(len(who))
    return shown, Evidence(
        lo=lo, hi=hi, v=v, slope=ones, alpha=0 * ones, beta=ones, customer=who.astype(np.int64),
        touchpoint=where.astype(np.int64),
    )  # fmt: skip


def test_pooling_exact_readings_agrees_with_the_whole_joint_normal():
    """By another road: every level written into one covariance matrix and conditioned at once."""
    spread = Spread()
    _, evidence = made_up(np.random.default_rng(7), customers=4, points=3, spread=spread, ordinal=False)
    pooled = pool_levels(evidence, touchpoints=3)
    who, where = evidence.customer, evidence.touchpoint
    same_point, same_customer = where[:, None] == where, who[:, None] == who
    cov = spread.firm + spread.touchpoint * same_point + spread.customer * same_customer
    cov = cov + spread.rest * (same_point & same_customer) + np.diag(evidence.v)
    cross = spread.firm + spread.touchpoint * (np.arange(3)[:, None] == where)
    gain = cross @ np.linalg.inv(cov)
    assert_allclose(pooled.mean, gain @ evidence.lo, atol=1e-6)
    prior = spread.firm + spread.touchpoint * np.eye(3)
    assert_allclose(pooled.var, np.diag(prior - gain @ cross.T), atol=1e-9)


@pytest.mark.parametrize("ordinal", [False, True])
def test_bands_hold_the_truth_as_often_as_they_say(ordinal: bool):
    """80 % bands in 150 worlds of 12 customers and 4 touch points; 600 bands have a standard error of 2 to 3 points."""
    rng, inside = np.random.default_rng(11), 0
    for _ in range(150):
        shown, evidence = made_up(rng, customers=12, points=4, spread=Spread(), ordinal=ordinal)
        pooled = pool_levels(evidence, touchpoints=4)
        inside += int((np.abs(shown - pooled.mean) <= 1.2816 * np.sqrt(pooled.var)).sum())
    assert 0.74 < inside / 600 < 0.86


def test_one_customer_tells_little_and_none_tells_nothing():
    _, evidence = made_up(np.random.default_rng(3), customers=1, points=2, spread=Spread(), ordinal=False)
    assert float(pool_levels(evidence, touchpoints=2).reliability.max()) < 0.5
    alone = pool_levels(evidence, touchpoints=2, spread=Spread().within_one())
    assert float(alone.reliability.max()) > float(pool_levels(evidence, touchpoints=2).reliability.max())
    third = pool_levels(evidence, touchpoints=3)
    assert third.reliability[2] < third.reliability[:2].min()


# What they repeat.


def say(number: int, text: str, *, asks: bool = False) -> Line:
    return Line(row=number, start=0, end=len(text), text=text, is_question=asks)


def repeats_of(lines: list[Line], points: list[str], heard: list[str], *, homes: str = "") -> list[tuple[str, str]]:
    said = [
        Said(relationship=homes[n : n + 1] or "c", conversation=f"k{n}", speaker="cleo", channel=point.split()[0],
             at_days=float(n), order=n)
        for n, point in enumerate(points)
    ]  # fmt: skip
    hearers = [frozenset({one} - {""}) for one in heard]
    return [(one.kind, one.where) for one in find_repeats(lines, said, touchpoint=points, heard_by=hearers)]


FAULT = "The compressor of cabinet 4 stops every night at two."


def test_a_repeat_is_the_same_again_elsewhere_or_to_another_of_us():
    again = "Every night at two the compressor of cabinet 4 stops again."
    assert repeats_of([say(0, FAULT), say(1, again)], ["chat service", "mail service"], ["", ""]) == [
        ("told again", "another touch point")
    ]
    assert repeats_of([say(0, FAULT), say(1, again)], ["mail service"] * 2, ["anna", "ben"]) == [
        ("told again", "another of us")
    ]
    assert repeats_of([say(0, FAULT), say(1, again)], ["mail service"] * 2, ["anna", "anna"]) == []
    assert repeats_of([say(0, FAULT), say(1, again)], ["chat service", "mail service"], ["", ""], homes="cd") == []
    ask = "When does the new filter arrive?", "Do you know when the new filter arrives?"
    asked = [say(number, text, asks=True) for number, text in enumerate(ask)]
    assert repeats_of(asked, ["call service", "mail sales"], ["anna", "ben"]) == [
        ("asked again", "another touch point and another of us")
    ]


def test_formulas_and_mails_sent_twice_do_not_count_as_many_repeats():
    formula = "Please note our new opening hours from Monday."
    lines = [say(number, formula) for number in range(4)]
    assert repeats_of(lines, [f"mail {number}" for number in range(4)], [""] * 4) == []
    twice = [say(row, text) for row in (0, 1) for text in (FAULT, "Our order number for the spare fan is 88213.")]
    assert len(repeats_of(twice, ["mail service", "ticket service"], ["", ""])) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("As I already told your colleague, the door does not close.", True),
        ("I have explained this twice already.", True),
        ("For the third time: the lamp is green.", True),
        ("I had to start again from scratch with the hotline.", True),
        ("I told your colleagues how happy we are.", True),
        ("The third time we open the door the lamp is green.", False),
        ("We spoke about the weather.", False),
    ],
)
def test_they_may_say_themselves_that_they_repeat(text: str, says: bool):
    assert bool(repeats_of([say(0, text)], ["mail service"], [""])) is says


# The map.

TALK = [
    turn(1, "Hello, how much is the cold room for Giesing?", side="them", subject="Cold room Giesing"),
    turn(2, "For the cold room it is 12,400 euro, delivery included.", hours=2.0, subject="Re: Cold room Giesing"),
    turn(3, "The cold room comes to 13,900 euro.", hours=30.0, channel="chat", conversation_id="chat",
         speaker="ben@us.example"),
    turn(4, "Which one is it now?", side="them", hours=31.0, channel="chat", conversation_id="chat"),
    turn(5, "I will find out.", hours=31.5, channel="chat", conversation_id="chat", speaker="cem@us.example"),
]  # fmt: skip


def test_the_map_of_a_small_book_says_what_was_said():
    found = map_turns(TALK)
    points = {(row["channel"], row["stage"]): row for row in found.points.to_pylist()}
    assert sum(row["turns_us"] + row["turns_them"] for row in points.values()) == len(TALK)
    assert points["mail", "sales"]["first_answers"] == 1
    [pair] = found.suspected.to_pylist()
    assert (pair["kind"], pair["earlier_turn_id"], pair["later_turn_id"]) == ("price", "t2", "t3")
    body = TALK[1]["body"]
    assert body[pair["earlier_start"] : pair["earlier_end"]] == pair["earlier_text"]
    chat = next(row for row in points.values() if row["channel"] == "chat")
    assert (chat["hand_overs"], chat["speakers"], chat["said_twice"], chat["suspected"]) == (1, 2, 1, 1)
    for table, schema in ((found.points, TOUCHPOINTS), (found.shown, SHOWN_THERE), (found.heard, HEARD),
                          (found.repeated, REPEATED), (found.to_table(), FLAT)):  # fmt: skip
        assert table.schema == schema


def test_the_map_does_not_depend_on_the_order_of_the_turns():
    assert map_turns(TALK).to_table().equals(map_turns(TALK[::-1]).to_table())


def test_waits_are_working_hours():
    """Asked on Friday at five, answered on Monday at ten: the half hour of Friday and the hour of Monday."""
    rows = [turn(1, "Is it ready?", side="them", hours=103.0), turn(2, "Yes, it is.", hours=168.0)]
    many = [row | {"turn_id": f"{n}-{row['turn_id']}", "conversation_id": str(n)} for n in range(5) for row in rows]
    [point] = map_turns(many).points.to_pylist()
    assert (point["first_answers"], point["first_answers_open"]) == (5, 0)
    assert point["first_answer_median_h"] == pytest.approx(1.5)


def test_colleagues_friends_and_their_automatic_mail_are_no_touch_point():
    rows = [
        turn(1, "Hello.", circle="friend", relationship="ole@example.org"),
        turn(2, "Hello.", circle="colleague", relationship="ben@us.example"),
        turn(3, "I am out of office.", side="them", automatic=True),
    ]
    found = map_turns(rows)
    assert found.points.num_rows == 0
    assert "no touch point" in found.notes[0]


def test_one_customer_is_the_part_of_the_map_that_is_theirs():
    other = [row | {"turn_id": f"o{row['turn_id']}", "conversation_id": f"o{row['conversation_id']}",
                    "relationship": "other.example", "speaker": row["speaker"].replace("acme", "other")}
             for row in TALK[:2]]  # fmt: skip
    whole, mine = map_turns(TALK + other), map_turns(TALK + other, customer="acme")
    assert mine.customer == "acme.example"
    assert sum(mine.points["turns_us"].to_pylist()) == 3 < sum(whole.points["turns_us"].to_pylist())
    assert mine.heard.equals(whole.heard)
    assert any("One customer" in note for note in mine.notes)
    assert whole.points["same_words"].to_pylist()[0] == 1.0  # the same mail went to both
    with pytest.raises(InputError, match="no relationship"):
        map_turns(TALK, customer="nobody")


def test_a_later_turn_is_not_known_before_it_was_sent():
    with troth.open(settings=Settings(us=("us.example",))) as book:
        book.add(TALK)
        early = book.touchpoints(now=START + dt.timedelta(hours=3))
    assert early.points["channel"].to_pylist() == ["mail"]
    assert early.heard.num_rows == 0


@pytest.fixture(scope="module")
def sample_map(sample_book: troth.Book) -> TouchMap:
    return sample_book.touchpoints()


def test_the_sample_shows_every_price_that_was_said_otherwise_and_no_other(sample_map: TouchMap):
    """What the sample's author planted: two prices for one room, and a price that a call invented."""
    prices = [row for row in sample_map.suspected.to_pylist() if row["kind"] == "price"]
    voices = {(row["relationship"], row["later_speaker"]) for row in prices}
    assert ("morandello.example", "gesa@brimholt.example") in voices
    assert all(any(told in row["earlier_text"] for told in ("38,400", "52,300")) for row in prices)
    assert all(any(told in row["later_text"] for told in ("41,150", "56,900")) for row in prices)
    texts = [f"{row['earlier_text']} {row['later_text']}" for row in sample_map.suspected.to_pylist()]
    assert not any("here it is: 38,400" in text for text in texts)  # told as a change, with its reason


def test_a_map_made_of_a_few_turns_at_a_time_is_the_same(
    sample_map: TouchMap, sample_book: troth.Book, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("troth.touchjoins._PART", 7)
    again = sample_book.touchpoints()
    for name in ("points", "heard", "repeated"):
        assert getattr(again, name).equals(getattr(sample_map, name)), name
    assert sample_map.heard.num_rows >= 5
    assert sample_map.repeated.num_rows > 2


def test_what_the_sample_shows_is_withheld_where_too_little_was_read(sample_map: TouchMap):
    shown = sample_map.shown.to_pylist()
    assert all(row["low"] <= (row["percentile"] or row["low"]) <= row["high"] for row in shown)
    assert all((row["percentile"] is None) == (row["reliability"] < 0.5) for row in shown)


def test_the_sample_of_every_channel_joins_up_as_its_author_wrote_it(sample_map: TouchMap, sample_book: troth.Book):
    """The key's planted call, the dates that were told twice, and what had to be said again."""
    if len(sample_book.turns()["channel"].unique()) == 1:
        pytest.skip("this sample holds mail alone")
    heard, repeated = sample_map.heard.to_pylist(), sample_map.repeated.to_pylist()
    assert any(
        row["later_channel"] == "call" and "56,900" in row["later_text"] for row in sample_map.suspected.to_pylist()
    )
    assert {row["later_channel"] for row in heard if row["verdict"] == "same"} >= {"chat", "ticket"}
    assert any("line 6" in row["later_text"] and "line 6" in (row["earlier_text"] or "") for row in repeated)
    assert any("your assistant told me" in row["later_text"] for row in repeated)
    assert len(repeated) <= 8


# The command.

HOSTILE = [
    turn(1, "The room costs 12,400 euro \x1b[2J.", speaker="=cmd@us.example"),
    turn(2, "The room costs 13,900 euro.", hours=1.0, channel="chat", conversation_id="b", speaker="ben@us.example"),
]


@pytest.fixture(scope="module")
def hostile_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.duckdb"
    with troth.open(path, settings=Settings(us=("us.example",))) as book:
        book.add(HOSTILE)
    return path


def run(*arguments: str, width: str = "80") -> str:
    done = CliRunner(env={"COLUMNS": width, "TERM": "dumb", "NO_COLOR": "1"}).invoke(app, ["touchpoints", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_fits_eighty_columns_and_shows_both_sentences(hostile_book: Path):
    out = run("--book", str(hostile_book), "--all")
    assert max(map(len, out.splitlines())) <= 80
    assert "suspected · price · acme.example" in out
    assert "\x1b" not in out
    assert "12,400" in out
    assert "13,900" in out


def test_the_command_writes_rows_that_programs_read(hostile_book: Path):
    rows = [json.loads(line) for line in run("--book", str(hostile_book), "--format", "jsonl").splitlines()]
    assert {row["part"] for row in rows} >= {"touch point", "heard", "note"}
    table = list(csv.DictReader(io.StringIO(run("--book", str(hostile_book), "--format", "csv"))))
    assert len(table) == len(rows)
    [heard] = [row for row in table if row["part"] == "heard"]
    assert heard["earlier_speaker"] == "'=cmd@us.example"


def test_the_sample_as_a_picture_and_as_its_figures(sample_map: TouchMap, tmp_path: Path):
    found = sample_map
    for name in ("map.svg", "map.csv"):
        save_chart(lambda theme: found.chart(theme=theme), tmp_path / name)
    drawn = (tmp_path / "map.svg").read_text("utf-8")
    assert "percentile among relationships" in drawn
    assert "follow-through" in drawn
    figures = list(csv.DictReader(io.StringIO((tmp_path / "map.csv").read_text("utf-8"))))
    assert len([row for row in figures if row["facet"] != "facet"]) == found.shown.num_rows


def test_nothing_to_draw_is_said_in_a_sentence():
    with pytest.raises(InputError, match="nothing to draw"):
        map_turns([turn(1, "Hello.", circle="friend")]).chart()


def test_band_ends_are_percentiles_of_the_level():
    """A level of 0 with the prior's spread is the 50th percentile, its band that of the prior."""
    none = np.array([], np.float64)
    empty = Evidence(lo=none, hi=none, v=none, slope=none, alpha=none, beta=none, customer=none.astype(np.int64),
                     touchpoint=none.astype(np.int64))  # fmt: skip
    pooled = pool_levels(empty, touchpoints=2)
    assert_allclose(100 * ndtr(pooled.mean), 50.0)
    assert_allclose(pooled.var, pooled.prior_var)
