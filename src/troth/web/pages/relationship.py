"""One relationship: where it stands, what moved it and why, its conversations with what was found in their words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.errors import InputError, SettingsError
from troth.lenses import WHOLE, Lens, find_score
from troth.review import day_bounds
from troth.signals import CATALOGUE, HELD, SHOWN
from troth.surveys.sets import all_items
from troth.text import find_parts
from troth.trust import score_pillar
from troth.web.access import Need
from troth.web.downloading import offer_file
from troth.web.marking import Note, Piece, list_found, make_notes, mark_body
from troth.web.paging import cut_page
from troth.web.talks import anchor_of, find_talk, talk_at
from troth.web.view import Move, View
from troth.web.visit import Decide, Own, Visit, path_to

if TYPE_CHECKING:
    from troth.charts.look import Spec, Theme
    from troth.relationship import RelationshipTrust

router = APIRouter()

LENS_WORDS: Final = MappingProxyType(
    {
        "triangle": "Triangle", "vulnerability": "Vulnerability", "experience": "Experience",
        "equation": "Equation, shown", "equation_held": "Equation, held", "abi": "Ability, benevolence, integrity",
        "htcr": "Humanity, transparency, capability, reliability", "cognition_affect": "Cognition and affect",
    }
)  # fmt: skip
"""The lenses as the page names them; one's own by their own name."""

_LISTED: Final = 12  # sentences of the ledger
_EVENTS: Final = 100  # marked in the picture of the path, that its table names
_OPEN: Final = 8  # promises and questions that the page shows; all are on their own pages
_TURNS: Final = 50  # of a conversation on one page, or fewer where they are long
_LETTERS: Final = 60_000
_LONGEST: Final = 12_000  # characters of one turn, unless it is asked for alone
_ALONE: Final = 200_000
_NEVER: Final = 2**62  # microseconds, for a turn without a time
_BEFORE: Final = 3  # turns that a page opened at a turn shows before it
_STILL: Final = ("open", "partly")
_KINDS: Final = MappingProxyType({"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv; charset=utf-8"})

_Words = Annotated[str, Query(max_length=200)]
_Theme = Literal["light", "dark"]
_Kind = Literal["svg", "png", "csv"]
_Width = Annotated[int | None, Query(ge=200, le=4000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One turn as the page shows it."""

    row: Mapping[str, Any]  # of TURNS
    anchor: str
    pieces: list[Piece]
    notes: list[Note]
    objections: Mapping[tuple[str, int | None], Mapping[str, Any]]  # by signal and start of the sentence
    left_out: int  # characters that are not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Messages between others: how many, and from which day to which; None where their time is not known."""

    first: dt.date | None
    last: dt.date | None
    count: int


@router.get("/relationships/{name:whole}/path.json")
def describe_path(visit: Own, name: str, theme: _Theme = "light", width: _Width = None) -> Response:
    """The path as a picture to be drawn."""
    return _send(_trust(visit.view, name).describe_chart(theme=theme, width=width, say=_speak(visit)))


@router.get("/relationships/{name:whole}/path")
def save_path(visit: Own, name: str, form: _Kind = "svg", theme: _Theme = "light") -> Response:
    """The path as a file."""
    spec = _trust(visit.view, name).describe_chart(theme=theme, say=_speak(visit))
    return _offer(spec, form, name="path")


@router.get("/relationships/{name:whole}/why.json")
def describe_why(
    visit: Own, name: str, of: _Words = "shown", theme: _Theme = "light", width: _Width = None
) -> Response:
    """What moved a score as a picture to be drawn."""
    return _send(_describe_why(visit, name, of, theme=theme, width=width))


@router.get("/relationships/{name:whole}/why")
def save_why(
    visit: Own, name: str, of: _Words = "shown", form: _Kind = "svg", theme: _Theme = "light"
) -> Response:  # fmt: skip
    """What moved a score as a file."""
    return _offer(_describe_why(visit, name, of, theme=theme), form, name="why")


@router.get("/relationships/{name:whole}/conversations/{conversation:whole}")
def show_conversation(
    visit: Own,
    name: str,
    conversation: str,
    at: Annotated[str, Query(max_length=2000)] = "",
    after: Annotated[str, Query(max_length=2000)] = "",
    alone: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The turns of a conversation in their own words, with what was found marked.

    `at` opens the page that holds a turn, `after` the one behind a turn, `alone` shows one turn whole.
    """
    view = visit.view
    turns = view.turns_in.rows(conversation)
    if not turns.num_rows or name not in turns["relationship"].to_pylist():
        raise HTTPException(404)
    start, end = _choose_turns(turns, at=at or alone, after=after, alone=bool(alone))
    shown = turns.slice(start, end - start)
    told = [_tell(view, row, _ALONE if alone else _LONGEST) for row in shown.to_pylist()]
    ids = turns["turn_id"]
    return visit.show(
        "conversation.html",
        name=name,
        conversation=conversation,
        subject=next((text for text in turns["subject"].to_pylist() if text), None),
        channel=turns["channel"][0].as_py(),
        told=told,
        others={} if alone else place_others(view.between_in.rows(conversation), turns, start, end, zone=view.zone),
        total=turns.num_rows,
        first=start + 1,
        alone=alone,
        previous=ids[max(start - _TURNS, 0)].as_py() if start and not alone else None,
        following=ids[end - 1].as_py() if end < turns.num_rows and not alone else None,
        may_decide=visit.who.may(Need.decide),
        is_read=lambda turn_id: _is_read(view, turn_id),
    )


@router.get("/relationships/{name:whole}")
def show_relationship(
    visit: Own, name: str, lens: _Words = "triangle", of: _Words = "", after: _Words = ""
) -> Response:  # fmt: skip
    """Where it stands, by a lens; what moved it; what is open; its conversations."""
    view = visit.view
    trust = _trust(view, name)
    row = view.by_name[name]
    chosen = view.lenses.get(lens, view.lenses["triangle"])
    moving = of or ("shown" if row["shown_low"] is not None else "held")
    since = _find_since(trust, view)
    moved = view.moves.find((name, _check_score(moving, view)), lambda: _find_move(trust, moving, since))
    talks = view.talks_of.rows(name)
    promises, questions = _list_open(view, name)
    return visit.show(
        "relationship.html",
        part="part",
        name=name,
        row=row,
        lens=chosen,
        lenses=view.lenses,
        lens_words=LENS_WORDS,
        pillars=_score(trust, chosen),
        wobble=trust.wobble() if chosen.name == "triangle" else None,
        ratios=_find_ratios(trust),
        words={pillar.name: pillar.plain for pillar in view.lenses["triangle"].pillars},
        of=moving,
        scores=_list_scores(chosen),
        since=since,
        moved=moved,
        promises=promises,
        questions=questions,
        most=_OPEN,
        sheet=cut_page(
            np.arange(talks.num_rows), key=partial(_key_of, talks), after=_read_key(after), mark=partial(_mark, talks)
        ),
        talks=talks,
        watch=view.settings.trend,
        events=_list_events(view, name, _speak(visit)),
        may_decide=visit.who.may(Need.decide),
        find_talk=partial(find_talk, view),
        objections=_objections_of(view, [one["turn_id"] for one in moved.strongest]),
        target=_target_of,
        name_reading=_name_reading,
        facet_names={**SHOWN, **HELD},
        is_read=lambda turn_id: _is_read(view, turn_id),
    )


@router.post("/relationships/{name:whole}/findings")
def say_of_finding(
    visit: Decide,
    name: str,
    turn: Annotated[str, Form(max_length=2000)],
    act: Annotated[Literal["contest", "upheld", "rejected", "undone"], Form()],
    of: Annotated[str, Form(max_length=100)] = "",
    start: Annotated[str, Form(max_length=12)] = "",
    objection: Annotated[str, Form(max_length=100)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[Literal["talk", "why"], Form()] = "talk",
) -> Response:
    """Contest what was read in a turn, or say what becomes of that."""
    view = visit.view
    rows = view.turn.rows(turn)
    if not rows.num_rows or not _is_read(view, turn) or rows["relationship"][0].as_py() != name:
        raise HTTPException(404)
    words, by = note.strip() or None, visit.who.name
    if act == "contest":
        if start and not start.isdecimal():
            raise InputError("where a sentence begins is a whole number.")
        place = int(start) if start else None
        visit.keeper.change(lambda book: book.contest_finding(turn, of, start=place, note=words, by=by))
    else:
        if objection not in view.objections_of.rows(turn)["objection_id"].to_pylist():
            raise HTTPException(404)
        visit.keeper.change(lambda book: book.decide_finding(objection, act, note=words, by=by))
    if back == "why":
        return visit.go(path_to("relationships", name) + "#why")
    return visit.go(talk_at(name, rows["conversation_id"][0].as_py(), turn))


def place_others(between: pa.Table, turns: pa.Table, start: int, end: int, *, zone: str) -> dict[int, Others]:
    """Messages between others, by how many of the turns on the page they follow.

    Args:
        between: BETWEEN of this conversation.
        turns: of the conversation, in order of time.
        start, end: those on the page.
        zone: where days begin.
    """
    at = pc.fill_null(turns["sent_at"].cast(pa.int64()), _NEVER).to_numpy()
    found: dict[int, Others] = {}
    for day, count in zip(between["day"].to_pylist(), between["count"].to_pylist(), strict=True):
        over = _NEVER if day is None else int(day_bounds(day, zone)[1].timestamp()) * 1_000_000
        place = int(np.searchsorted(at, over)) if day is not None else len(at)
        if start <= place < end or place == end == len(at):
            last = found.get(place - start, Others(first=day, last=day, count=0))
            found[place - start] = Others(first=last.first, last=day, count=last.count + count)
    return found


def _trust(view: View, name: str) -> RelationshipTrust:
    if name not in view.by_name:
        raise HTTPException(404)
    return view.trust(name)


def _is_read(view: View, turn_id: str | None) -> bool:
    """Whether what this turn says is read for this visitor; the words of colleagues are not."""
    return turn_id is not None and (view.counted is None or pc.is_in(pa.scalar(turn_id), view.counted).as_py())


def _speak(visit: Visit) -> Callable[[str], str]:
    """Our words in the visitor's language, and what stands for a statement of a survey as that statement."""
    language = visit.look.language
    items = {name: item.text["de" if language == "de" else "en"] for name, item in all_items().items()}
    return lambda text: items.get(text) or visit.say(text)


def _send(spec: Spec) -> Response:
    from troth.charts.saving import to_json  # noqa: PLC0415  # only where something is drawn

    return Response(to_json(spec), media_type="application/json")


def _offer(spec: Spec, form: _Kind, *, name: str) -> Response:
    from troth.charts.saving import to_csv, to_png, to_svg  # noqa: PLC0415

    content = to_png(spec) if form == "png" else (to_svg(spec) if form == "svg" else to_csv(spec)).encode()
    return offer_file(content, name=f"{name}.{form}", kind=_KINDS[form])


def _describe_why(visit: Visit, name: str, of: str, *, theme: Theme, width: int | None = None) -> Spec:
    view = visit.view
    trust, spoken = _trust(view, name), _speak(visit)
    since = _find_since(trust, view)
    return trust.describe_explained(of=_check_score(of, view), since=since, theme=theme, width=width, say=spoken)


def _check_score(of: str, view: View) -> str:
    try:
        find_score(of, view.lenses)
    except SettingsError as error:
        raise HTTPException(404) from error
    return of


def _find_since(trust: RelationshipTrust, view: View) -> dt.date:
    """The day from which a change is told."""
    here = ZoneInfo(view.zone)
    return (trust.now - dt.timedelta(days=view.settings.trend.days, minutes=1)).astimezone(here).date()


def _find_move(trust: RelationshipTrust, of: str, since: dt.date) -> Move:
    """The rows that moved a score most, and what is left."""
    moved = trust.explain(of=of, since=since, most=_LISTED)
    order = np.argsort(-np.abs(moved["moved"].to_numpy()), kind="stable")[:_LISTED]
    strongest = moved.take(pa.array(order)).to_pylist()
    total = pc.sum(moved["moved"]).as_py() or 0.0
    return Move(
        strongest=strongest,
        others=moved.num_rows - len(strongest),
        rest=total - sum(one["moved"] for one in strongest),
        total=total,
    )


def _list_scores(lens: Lens) -> list[tuple[str, str]]:
    """What can be explained: both gauges, and the pillars of the lens."""
    whole = [(name, pillar.plain) for name, pillar in WHOLE.items()]
    return whole + [(f"{lens.name}.{pillar.name}", pillar.plain) for pillar in lens.pillars]


def _score(trust: RelationshipTrust, lens: Lens) -> list[dict[str, Any]]:
    """Every pillar of a lens with its band; those of which nothing was read have none."""
    rows: list[dict[str, Any]] = []
    for pillar in lens.pillars:
        standing = trust.standing("SHOWN" if pillar.gauge == "SHOWN" else "HELD")
        row: dict[str, Any] = {"name": pillar.name, "plain": pillar.plain, "gauge": pillar.gauge, "score": None}
        if standing is not None:
            read = dict(zip(standing.facets, standing.readings.tolist(), strict=True))
            row["score"] = score_pillar(standing, pillar, trust.model)
            row["readings"] = sum(read[facet] for facet in pillar.weights)
        rows.append(row)
    return rows


def _find_ratios(trust: RelationshipTrust) -> list[tuple[str, Any]]:
    gauges: tuple[Literal["SHOWN"], Literal["HELD"]] = ("SHOWN", "HELD")
    return [(gauge, trust.equation(gauge)) for gauge in gauges]


def _list_open(view: View, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Promises and questions that are not settled, those of the longest standing first."""
    listed, asked = view.promises_of.rows(name), view.questions_of.rows(name)
    promises = listed.filter(pc.not_equal(listed["section"], "settled"))
    waiting = pc.and_(pc.is_in(asked["state"], pa.array(_STILL)), pc.not_equal(asked["side"], "us"))
    questions = asked.filter(pc.fill_null(waiting, False)).sort_by("asked_at")
    return promises.slice(0, _OPEN + 1).to_pylist(), questions.slice(0, _OPEN + 1).to_pylist()


def _list_events(view: View, name: str, speak: Callable[[str], str]) -> list[dict[str, Any]]:
    """What the picture of the path marks, as a table: the latest first."""
    trust = view.trust(name)
    answers = trust.answers.sort_by([("answered_at", "descending")]).slice(0, _EVENTS)
    events = [
        {"at": row["state_at"], "kind": f"promise {row['state']}", "text": row["text"]}
        for row in _latest(trust.promises, "state_at", state=("kept", "late", "suspected", "broken"), ours=True)
    ]
    events += [
        {"at": row["asked_at"], "kind": "open question", "text": row["text"]}
        for row in _latest(trust.questions, "asked_at", state=_STILL, ours=False)
    ]
    events += [
        {"at": row["answered_at"], "kind": "survey answer",
         "text": f"{speak(row['item'])}: {row['value']} ({row['lowest']}–{row['highest']})"}
        for row in answers.to_pylist()
    ]  # fmt: skip
    return sorted(events, key=lambda event: event["at"], reverse=True)[:_EVENTS]


def _latest(table: pa.Table, time: str, *, state: Sequence[str], ours: bool) -> list[dict[str, Any]]:
    is_ours = pc.fill_null(pc.equal(table["side"], "us"), False)
    chosen = pc.and_(pc.is_in(table["state"], pa.array(state)), is_ours if ours else pc.invert(is_ours))
    found = table.filter(pc.and_(chosen, pc.is_valid(table[time])))
    return found.sort_by([(time, "descending")]).slice(0, _EVENTS).select([time, "state", "text"]).to_pylist()


def _key_of(talks: pa.Table, place: int) -> tuple[int, str]:
    last = talks["last"][place].cast(pa.int64()).as_py()
    return (2**63 if last is None else -last, talks["conversation_id"][place].as_py())


def _mark(talks: pa.Table, place: int) -> str:
    time, conversation = _key_of(talks, place)
    return f"{time}.{conversation}"


def _read_key(after: str) -> tuple[int, str] | None:
    time, _, conversation = after.partition(".")
    digits = time.removeprefix("-")
    return (int(time), conversation) if digits.isdecimal() and digits.isascii() and len(digits) < 20 else None


def _choose_turns(turns: pa.Table, *, at: str, after: str, alone: bool) -> tuple[int, int]:
    """The first turn of a page, and the one behind its last."""
    ids = turns["turn_id"]
    start = pc.index(ids, after).as_py() + 1 if after else max(pc.index(ids, at).as_py() - _BEFORE, 0) if at else 0
    if alone:
        start = max(pc.index(ids, at).as_py(), 0)
        return start, start + 1
    lengths = pc.utf8_length(turns["body"].slice(start, _TURNS)).to_pylist()
    letters = np.cumsum(np.minimum(lengths, _LONGEST))
    return start, start + max(int(np.searchsorted(letters, _LETTERS)), 1)


def _tell(view: View, row: Mapping[str, Any], longest: int) -> Told:
    turn_id, body = row["turn_id"], row["body"][:longest]
    found = list_found(view.findings_of.rows(turn_id).to_pylist(), row["side"] or "")
    notes = make_notes(found, _of_turn(view.promises_of, row), _of_turn(view.questions_of, row))
    return Told(
        row=row,
        anchor=anchor_of(turn_id),
        pieces=mark_body(body, find_parts(body), notes),
        notes=[note for note in notes if note.start < len(body)],
        objections={
            (one["signal"], one["start"]): one for one in view.objections_of.rows(turn_id).to_pylist()
        },
        left_out=len(row["body"]) - len(body),
    )  # fmt: skip


def _of_turn(index: Any, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = index.rows(row["relationship"])
    return rows.filter(pc.equal(rows["turn_id"], row["turn_id"])).to_pylist()


def _objections_of(view: View, turn_ids: Sequence[str | None]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """The last word on objections to readings of these turns, by turn, facet, signal and start."""
    return {
        (row["turn_id"], row["facet"], row["signal"], row["start"]): row
        for turn_id in dict.fromkeys(turn_ids)
        for row in view.objections_of.rows(turn_id).to_pylist()
    }


def _target_of(row: Mapping[str, Any]) -> str:
    """What is contested where a row of a ledger is: a turn has one reading of each facet, but for follow-through."""
    return row["signal"] if row["facet"] == "FT" else row["facet"]


def _name_reading(row: Mapping[str, Any]) -> str:
    """A reading in a few words: its signal where that has a name, else its facet."""
    if row["signal"] in CATALOGUE:
        return str(row["signal"]).replace("_", " ")
    return {**SHOWN, **HELD}.get(row["facet"] or "", "")
