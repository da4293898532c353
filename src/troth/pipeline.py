"""The steps in order: placed turns in, what was found, what is due, and what it says of trust out.

Each step is a function from Arrow tables to an Arrow table; a change of the encoder or of a lens re-runs only what
lies after it. The same functions run on one turn (draft check), one day (review) and a whole book.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from troth.encoder import Encoder, find_signals
from troth.intake import take_turns
from troth.lenses import LENSES, Lens, Pillar
from troth.promises import Calendar, find_promises, find_versions, found_by, settle_promises
from troth.promises.decided import lay_decisions
from troth.questions import answer_with, find_questions
from troth.readings import Reference, gather_readings, is_out, read_survey, weigh_findings
from troth.readings.follow_through import SIGNAL as _KEPT_WORD
from troth.readings.surveys import SIGNAL as _ANSWERED
from troth.review import Close, DraftCheck, check_draft, close_day, day_bounds
from troth.review.close import DAY_SCOPE, in_day
from troth.ruled import find_ruled
from troth.schema import FINDINGS, OBJECTIONS, SCORES, SENTENCES, conform, empty
from troth.settings import Watch
from troth.signals import HELD, SHOWN
from troth.surveys import learn_items
from troth.text import split_sentences
from troth.trend import find_trends, list_gaps
from troth.trust import DEFAULT_MODEL, Model, close_states, score_pillar
from troth.trust import Standing as TrustStanding
from troth.worktime import OpenHours, lay_out_hours

_RECENT = dt.timedelta(days=28)  # over which a fall of trust is told
_BATCH_TURNS = 500  # turns that go through the encoder between two reports of progress

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Turns that came into a book at one time, and those that moved for it."""

    turns: pa.Table  # placed: the new ones, and those in another conversation or relationship than before
    sentences: pa.Table  # of the new ones
    findings: pa.Table
    talks: frozenset[str]  # conversations that hold these turns, or held them
    scopes: frozenset[str]  # of all turns of these conversations, now and before; see `promises.scope.scope_keys`
    homes: frozenset[str]  # the relationships among these, "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """Turns and everything found in them."""

    turns: pa.Table  # placed
    sentences: pa.Table
    findings: pa.Table
    origin: object = field(default_factory=object, compare=False)  # one for all that turns were added to since
    came: tuple[Came, ...] = field(default=(), compare=False)  # these turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The books as of one evening."""

    now: dt.datetime
    promises: pa.Table
    questions: pa.Table
    readings: pa.Table
    objections: pa.Table = field(default_factory=lambda: empty(OBJECTIONS))
    whole: pa.Table | None = None  # READINGS with those that objections stand against; None where nothing is left out
    origin: object = field(default_factory=object, compare=False)  # one for all that were mended from one whole
    mended: tuple[frozenset[str], ...] = field(default=(), compare=False)  # the relationships touched each time since

    @property
    def all_readings(self) -> pa.Table:
        """READINGS, the contested ones too."""
        return self.readings if self.whole is None else self.whole


def understand_turns(
    turns: pa.Table, encoder: Encoder, *, progress: Progress | None = None
) -> Iterable[tuple[pa.Table, pa.Table]]:
    """Take TURNS to SENTENCES and FINDINGS, batch by batch, so that a long job can be stopped and gone on with."""
    for start in range(0, turns.num_rows, _BATCH_TURNS):
        sentences = split_sentences(turns.slice(start, _BATCH_TURNS))
        yield sentences, find_signals(sentences, encoder)
        if progress is not None:
            progress(min(start + _BATCH_TURNS, turns.num_rows), turns.num_rows)


def understand_all(
    turns: pa.Table, encoder: Encoder, *, calendar: Calendar | None = None, progress: Progress | None = None
) -> Understood:
    """`understand_turns`, in one piece, and what rules find over several turns."""
    parts = list(understand_turns(turns, encoder, progress=progress))
    sentences = pa.concat_tables([empty(SENTENCES), *(sentences for sentences, _ in parts)])
    findings = pa.concat_tables([empty(FINDINGS), *(findings for _, findings in parts)])
    ruled = find_ruled(turns, sentences, calendar=calendar or Calendar())
    return add_findings(Understood(turns=turns, sentences=sentences, findings=findings), ruled.findings)


def cut_down(known: Understood, turns: pa.Table) -> Understood:
    """Some of the turns, with what was found in these."""
    ids = turns["turn_id"].combine_chunks()
    sentences, findings = (table.filter(pc.is_in(table["turn_id"], ids)) for table in (known.sentences, known.findings))
    return replace(known, turns=turns, sentences=sentences, findings=findings)


def add_findings(known: Understood, findings: pa.Table) -> Understood:
    """The same with more FINDINGS; where turns came last, they are those of these turns."""
    if known.came:
        *earlier, latest = known.came
        latest = replace(latest, findings=pa.concat_tables([latest.findings, findings]))
        known = replace(known, came=(*earlier, latest))
    return replace(known, findings=pa.concat_tables([known.findings, findings]))


def take_stock(
    known: Understood,
    *,
    reference: Reference,
    calendar: Calendar,
    now: dt.datetime,
    decided: pa.Table | None = None,
    answers: pa.Table | None = None,
    outcomes: pa.Table | None = None,
    found: pa.Table | None = None,
    objections: pa.Table | None = None,
) -> Standing:
    """Promises, questions and readings as of `now`.

    Args:
        known: what was found in the turns.
        reference, calendar: what is usual, and when the working days are.
        now: the evening. What was said after it is not there yet; what has no time is.
        decided: PROMISES whose state a person settled.
        answers: ANSWERS; those up to `now` become readings, and say what an answer is worth.
        outcomes: OUTCOMES: tickets, invoices and deals that may show a promise kept.
        found: FOUND in all of these turns, where that was done already; what came after `now` changes nothing in it.
        objections: OBJECTIONS; readings against which one stands are left out.
    """
    if found is None:
        found = find_versions(known.turns, known.sentences, known.findings, calendar=calendar)
    promises = settle_promises(
        list_made(found, decided, now),
        known.turns,
        known.sentences,
        known.findings,
        now=now,
        calendar=calendar,
        outcomes=outcomes,
    )
    questions = find_questions(known.turns, known.sentences, known.findings, now=now)
    readings = gather_readings(
        known.turns,
        known.sentences,
        known.findings,
        promises,
        reference=reference,
        now=now,
        hours=find_open_hours(known.turns, calendar, now),
        questions=questions,
    )
    if answers is not None and answers.num_rows:
        readings = pa.concat_tables([readings, read_answers(answers, now)])
    standing = Standing(now=now, promises=promises, questions=questions, readings=readings)
    return standing if objections is None else leave_out(standing, objections)


def list_made(found: pa.Table, decided: pa.Table | None, now: dt.datetime) -> pa.Table:
    """PROMISES made by `now` with what people said of them, from FOUND; nothing is settled yet."""
    promises = found_by(found, now)
    if decided is not None and (spoken_of := _by_then(decided, "said_at", now)).num_rows:
        promises = lay_decisions(promises, spoken_of, now=now)
    return promises


def read_answers(answers: pa.Table, now: dt.datetime) -> pa.Table:
    """READINGS of the ANSWERS up to `now`, each worth what these answers together show."""
    given = answers.filter(pc.less_equal(answers["answered_at"], pa.scalar(now, answers["answered_at"].type)))
    return read_survey(given, learn_items(given))


def split_readings(readings: pa.Table) -> tuple[pa.Table, pa.Table]:
    """READINGS of turns, which are the same until turns change, and behind them those of promises and of answers."""
    is_told = pc.is_in(readings["signal"], pa.array([_KEPT_WORD, _ANSWERED]))
    first = pc.index(is_told, True).as_py()
    if first < 0:
        return readings, readings.slice(readings.num_rows)
    if pc.all(is_told.slice(first)).as_py():
        return readings.slice(0, first), readings.slice(first)
    return readings.filter(pc.invert(is_told)), readings.filter(is_told)


def leave_out(standing: Standing, objections: pa.Table) -> Standing:
    """The same books without the readings that OBJECTIONS stand against; those left out before count anew."""
    whole = standing.all_readings
    out = is_out(whole, objections)
    if not out.any():
        return replace(standing, readings=whole, objections=objections, whole=None)
    return replace(standing, readings=whole.filter(pa.array(~out)), objections=objections, whole=whole)


def _by_then(table: pa.Table, column: str, now: dt.datetime) -> pa.Table:
    """The rows whose time is up to `now`, or not known."""
    in_time = pc.less_equal(table[column], pa.scalar(now, table[column].type))
    return table.filter(pc.fill_null(in_time, True))


def find_open_hours(turns: pa.Table, calendar: Calendar, now: dt.datetime) -> OpenHours:
    """Our working hours from the first dated turn to `now`."""
    first = pc.min(turns["sent_at"]).as_py()
    return lay_out_hours(
        (now if first is None else min(first, now)).date(),
        now.date() + dt.timedelta(days=1),
        is_open=calendar.is_open,
        to_utc=calendar.to_utc,
        starts=calendar.starts,
        ends=calendar.ends,
    )


def score_relationships(
    readings: pa.Table,
    at: dt.datetime,
    *,
    lenses: Sequence[Lens] = (LENSES["equation"], LENSES["equation_held"]),
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
) -> pa.Table:
    """READINGS to SCORES: every pillar of these lenses for every relationship, at one time.

    `segments` gives each relationship the one whose means the model may hold (`find_segments`).
    """
    rows = [
        {"scope": relationship, "at": at, "lens": lens.name} | _score_row(pillar, standings[pillar.gauge], model)
        for relationship, standings in close_states(readings, at, model, segments=segments).items()
        for lens in lenses
        for pillar in lens.pillars
        if pillar.gauge in standings
    ]
    return conform(rows, SCORES) if rows else empty(SCORES)


def find_segments(turns: pa.Table) -> dict[str, str]:
    """The segment of each relationship in placed TURNS: its circle."""
    placed = turns.filter(pc.and_(pc.is_valid(turns["relationship"]), pc.is_valid(turns["circle"])))
    pairs = placed.group_by(["relationship", "circle"], use_threads=False).aggregate([]).to_pylist()
    return {row["relationship"]: row["circle"] for row in pairs}


def close_books(
    known: Understood,
    standing: Standing,
    day: dt.date,
    *,
    zone: str,
    circles: Sequence[str],
    model: Model = DEFAULT_MODEL,
    watch: Watch | None = None,
    trends: pa.Table | None = None,
    falls: Mapping[str, float] | None = None,
) -> Close:
    """The close of one day.

    `standing` is as of that day's evening; `watch` says from when a trend is named, and `trends` are those over its
    days, in any order, where they are at hand, as are the `falls` (`find_falls`).
    """
    bounds = day_bounds(day, zone)
    today = in_day(known.turns, "sent_at", bounds)
    here = pc.is_in(known.sentences["turn_id"], today["turn_id"].combine_chunks())
    scores = score_relationships(
        _by_circle(in_day(standing.readings, "at", bounds), known.turns), bounds[1],
        lenses=[LENSES["triangle"]], model=model,
        segments={DAY_SCOPE + circle: circle for circle in model.segment_means},
    )  # fmt: skip
    return close_day(
        day,
        zone=zone,
        turns=known.turns,
        sentences=known.sentences.filter(here),
        evidence=_evidence_of(known, today, standing.objections),
        promises=standing.promises,
        questions=standing.questions,
        scores=scores,
        circles=circles,
        falls=falls
        if falls is not None
        else find_falls(standing.readings, bounds[1], model=model, segments=find_segments(known.turns)),
        gaps=_find_gaps(known, standing, circles, model=model, watch=watch or Watch(), trends=trends),
    )


def find_falls(
    readings: pa.Table, at: dt.datetime, *, model: Model = DEFAULT_MODEL, segments: Mapping[str, str] | None = None
) -> dict[str, float]:
    """By how much the last four weeks' evidence lowered trust held, in standard deviations, by relationship.

    The mean of HELD as it stands, against where forgetting alone would have left what was known four weeks earlier:
    so silence is no fall. Only relationships whose level fell are named.
    """
    held = readings.filter(pc.is_in(readings["facet"], pa.array(list(HELD))))
    earlier = held.filter(pc.less_equal(held["at"], pa.scalar(at - _RECENT, held["at"].type)))
    fresh = held.filter(pc.greater(held["at"], pa.scalar(at - _RECENT, held["at"].type)))
    moved = pc.unique(fresh["relationship"])
    now, before = (
        close_states(some.filter(pc.is_in(some["relationship"], moved)), at, model, segments=segments)
        for some in (held, earlier)
    )
    falls: dict[str, float] = {}
    for home, standings in now.items():
        if home in before and "HELD" in standings and "HELD" in before[home]:
            fall = float(before[home]["HELD"].mean.mean() - standings["HELD"].mean.mean())
            if fall > 0:
                falls[home] = fall
    return falls


def _find_gaps(
    known: Understood,
    standing: Standing,
    circles: Sequence[str],
    *,
    model: Model,
    watch: Watch,
    trends: pa.Table | None,
) -> list[dict[str, object]]:
    """Relationships of these circles in which SHOWN rose and HELD did not, over the days that `watch` looks back."""
    segments = find_segments(known.turns)
    if trends is None:
        trends = find_trends(standing.readings, standing.now, days=watch.days, model=model, segments=segments)
    return [row for row in list_gaps(trends, watch) if segments.get(str(row["relationship"])) in circles]


def _evidence_of(known: Understood, today: pa.Table, objections: pa.Table) -> pa.Table:
    """EVIDENCE of one day's turns that nobody contests.

    Whole conversations are weighed, since an answer leans on what it answers.
    """
    conversations = today["conversation_id"].combine_chunks()
    turns = known.turns.filter(pc.is_in(known.turns["conversation_id"], conversations))
    ids = turns["turn_id"].combine_chunks()
    evidence = weigh_findings(
        turns,
        known.sentences.filter(pc.is_in(known.sentences["turn_id"], ids)),
        known.findings.filter(pc.is_in(known.findings["turn_id"], ids)),
    )
    evidence = evidence.filter(pc.is_in(evidence["turn_id"], today["turn_id"].combine_chunks()))
    return evidence.filter(pa.array(~is_out(evidence, objections)))


def _by_circle(readings: pa.Table, turns: pa.Table) -> pa.Table:
    """SHOWN readings of one day with the circle as their relationship: the day starts from what is typical."""
    shown = readings.filter(pc.is_in(readings["facet"], pa.array(list(SHOWN))))
    of_turn = pc.index_in(shown["turn_id"], turns["turn_id"].combine_chunks())
    circles = pc.take(turns["circle"].combine_chunks(), of_turn)
    scope = pc.binary_join_element_wise(DAY_SCOPE.rstrip(":"), circles, ":")
    scoped = shown.set_column(shown.schema.get_field_index("relationship"), shown.schema.field("relationship"), scope)
    return scoped.filter(pc.is_valid(scope))


def _score_row(pillar: Pillar, standing: TrustStanding, model: Model) -> dict[str, object]:
    score = score_pillar(standing, pillar, model)
    read = dict(zip(standing.facets, standing.readings.tolist(), strict=True))
    return {
        "pillar": pillar.name,
        "gauge": pillar.gauge,
        "percentile": None if score.withheld else score.percentile,
        "low": score.low,
        "high": score.high,
        "reliability": score.reliability,
        "readings": sum(read[facet] for facet in pillar.weights),
    }


def check_text(
    text: str,
    encoder: Encoder,
    *,
    calendar: Calendar,
    now: dt.datetime,
    questions: pa.Table,
    pledged: pa.Table,
) -> DraftCheck:
    """Check a draft that would be sent at `now`; QUESTIONS and PROMISES are those of the relationship it goes to."""
    draft = {"body": text, "speaker": "me", "sent_at": now, "side": "us", "circle": "customer", "relationship": "draft"}
    turns = take_turns([draft])
    sentences = split_sentences(turns)
    findings = find_signals(sentences, encoder)
    promises = find_promises(turns, sentences, findings, calendar=calendar)
    left = answer_with(questions, sentences)
    return check_draft(
        sentences, findings, promises, questions=left, pledged=pledged, local=calendar.local, is_open=calendar.is_open,
    )  # fmt: skip
