"""What no sentence tells by itself: findings by rule, from laying each turn beside those that came before it.

Each finding of a turn rests on that turn and on earlier ones alone, so that the books of an evening hold what they
held that evening. They are found anew from the book; nothing of them is kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.between import Between
from troth.people import TEAM
from troth.promises import Calendar, due
from troth.readings.firsts import Firsts, Said, list_said
from troth.readings.memory import Hashes, Layer, Memory, lay_down, pack
from troth.readings.particulars import Telling, find_their_facts, list_names, list_places, list_words, read_telling
from troth.readings.templates import Runs, find_templates, list_runs, pack_tails
from troth.readings.wording import Words, code_values, hash_values, lay_out_words, read_flags
from troth.schema import FINDINGS, conform, empty
from troth.signals import RULED
from troth.touch import Day
from troth.touch.facts import ReadDay

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

PROBABILITY: Final = MappingProxyType(
    {"elsewhere": 1.0, "contradiction": 0.7, "facts_agree": 0.9, "told_again": 0.9, "their_facts": 0.9, "template": 0.9}
)
"""How sure a finding is, told beside it. How far it moves a score follows from what was measured (`readings`)."""

_PART: Final = 100_000  # turns of a large book that are looked at together: their words take half a gigabyte
_MOST_SENTENCES: Final = 25  # of a turn in our own words
_LANGUAGES: Final = ("en", "de")  # and what is too short to tell; the rules' words and cases are of these
_LONGEST: Final = 4_000  # characters of a sentence that is laid beside others; a longer one is a pasted text

assert set(PROBABILITY) == set(RULED)  # noqa: S101 -- a misspelt signal must not go unseen


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Heard:
    """What was heard and said in a relationship, as far as later turns are laid beside it."""

    between: Between
    firsts: Firsts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ruled:
    """What rules found, and what is remembered for turns that come later."""

    findings: pa.Table  # FINDINGS
    memory: Memory
    heard: Mapping[str, Heard] = field(default_factory=dict[str, Heard])  # by relationship, these turns too


def find_ruled(
    turns: pa.Table,
    sentences: pa.Table,
    *,
    calendar: Calendar,
    near: pa.Array | None = None,
    before: Memory | None = None,
    heard: Mapping[str, Heard | None] = MappingProxyType({}),
) -> Ruled:
    """Take placed TURNS and their SENTENCES to FINDINGS of the signals in `RULED`.

    Turns that nobody placed, and those that a program wrote, are left out; so are sentences in another language than
    English and German. Inside a team who says what to whom is no
    matter of joining up, and a team's text that goes round is no template; there one's own facts are those told in
    the same conversation.

    Args:
        turns: of a whole book, or all turns of some of its relationships (of the team: of some conversations).
        sentences: of these turns; those of other turns are passed over.
        calendar: our working days, in which days that are named are read.
        near: ids of the turns that are not remembered yet; all, if not given.
        before: what is remembered of the turns before these, of all relationships.
        heard: by relationship, what was heard and said before the turns `near`, where that is at hand; of each it is
            told again as it is with these turns. Its turns `near` come later than all others of it.

    Cost: a few sorts of all words, and linear in the sentences with figures of customers who met two of us or two
    channels.
    """
    memory = before or Memory()
    spoken = _choose_spoken(turns, sentences)
    if spoken is None:
        return Ruled(findings=empty(FINDINGS), memory=memory)
    is_new = np.ones(len(spoken.is_us), bool) if near is None else read_flags(pc.is_in(spoken.turns["turn_id"], near))
    known = {home: one for home, one in heard.items() if one is not None}
    said = {home: _list_new(spoken, is_new & _is_of(spoken, home)) for home in known}
    spoken_near = _leave_out(spoken, is_new, {home: known[home].firsts.find(what) for home, (what, _) in said.items()})
    laid = _lay_out(spoken_near)
    found, memory = _find_in_words(spoken_near, laid, memory, is_new=is_new)
    is_apart = read_flags(pc.is_in(spoken.turns["relationship"], pa.array(list(heard), pa.string())))
    read_day = make_day_reader(calendar)
    between = [_find_between(spoken, Between(read_day), spoken.is_out & ~is_apart)]
    after: dict[str, Heard] = {}
    for home, one in heard.items():
        is_own = _is_of(spoken, home)
        own = spoken.is_out & is_own
        some = None if one is None else _go_on(spoken, one.between, own & is_new, own)
        here = Between(read_day) if one is None or some is None else one.between
        between.append(_find_between(spoken, here, own) if some is None else some)
        if one is None:
            what = list_said(laid.telling, laid.runs, is_us=spoken.is_us, chosen=is_own)
            firsts = Firsts.none().having(what, spoken.turns["turn_id"])
        else:
            firsts = one.firsts.having(*said[home])
        after[home] = Heard(between=here, firsts=firsts)
    return Ruled(findings=pa.concat_tables([found, *between]), memory=memory, heard=after)


def find_all_ruled(turns: pa.Table, sentences: pa.Table, *, calendar: Calendar) -> pa.Table:
    """FINDINGS of a whole book, as `find_ruled` gives them, some relationships at a time.

    Cost: twice that of the words of a part, whose memory is free for the next one.
    """
    memory, nobody = remember_all(turns, sentences), pa.array([], pa.string())
    parts = _cut_parts(turns, sentences)
    return pa.concat_tables(
        [empty(FINDINGS)]
        + [find_ruled(*part, calendar=calendar, near=nobody, before=memory).findings for part in parts]
    )


def remember_all(turns: pa.Table, sentences: pa.Table) -> Memory:
    """What is remembered of a whole book, some relationships at a time."""
    memory = Memory()
    for part in _cut_parts(turns, sentences):
        spoken = _choose_spoken(*part)
        if spoken is not None:
            words = _lay_out(spoken)
            memory = memory.with_layer(_remember(words, memory, spoken, is_new=np.ones(len(spoken.is_us), bool)))
    return memory


def _cut_parts(turns: pa.Table, sentences: pa.Table) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Turns and their sentences, all turns of a relationship (of the team: of a conversation) together."""
    if turns.num_rows <= _PART:
        yield turns, sentences
        return
    scope = code_values(scope_turns(turns))
    part = (np.cumsum(np.bincount(scope)) // _PART)[scope]
    for number in np.unique(part).tolist():
        some = turns.filter(pa.array(part == number))
        yield some, sentences.filter(pc.is_in(sentences["turn_id"], some["turn_id"].combine_chunks()))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Spoken:
    """Turns of people and sentences that are looked at; shape (n_turns,) each whether we said it, and to outsiders."""

    turns: pa.Table
    sentences: pa.Table
    is_us: Bools
    is_out: Bools


def _choose_spoken(turns: pa.Table, sentences: pa.Table) -> _Spoken | None:
    turns = turns.filter(pc.and_(pc.is_valid(turns["side"]), pc.invert(turns["automatic"])))
    here = pc.is_in(sentences["turn_id"], turns["turn_id"].combine_chunks())
    is_read = pc.is_in(sentences["language"], pa.array([None, *_LANGUAGES], pa.string()))
    sentences = sentences.filter(
        pc.and_(pc.and_(here, is_read), pc.less_equal(pc.utf8_length(sentences["text"]), _LONGEST))
    )
    is_us = read_flags(pc.equal(turns["side"], "us"))
    is_out = read_flags(pc.not_equal(pc.fill_null(turns["relationship"], TEAM), TEAM))
    is_out &= ~read_flags(pc.equal(turns["circle"], "colleague"))
    return _Spoken(turns=turns, sentences=sentences, is_us=is_us, is_out=is_out) if sentences.num_rows else None


def rule_anew(
    before: pa.Table,
    turns: pa.Table,
    sentences: pa.Table,
    *,
    around: pa.Table,
    fresh: pa.Table,
    memory: Memory,
    calendar: Calendar,
    last: dt.date,
    heard: Mapping[str, Heard | None] = MappingProxyType({}),
) -> Ruled | None:
    """What the rules find in turns that came into a book in which all others were looked at.

    Args:
        before: FINDINGS of the book as it was.
        turns: all of it now.
        sentences: of these turns.
        around: the turns of the conversations that the new ones came into.
        fresh: the new turns.
        memory: of all turns but these.
        calendar: our working days.
        last: the last day on which something was said, in UTC, as `review.find_last_day` tells it: turns dated far
            ahead are left aside, for nothing of theirs counts before their day.
        heard: long relationships, each with what was heard and said in it before the new turns, where that is at hand.

    Returns: FINDINGS of the new turns; None where others may read otherwise for them: they are of an earlier day than
        the last, or have no time.
    Cost: of the relationships around, and a look at every scope.
    """
    first: dt.datetime | None = pc.min(fresh["sent_at"]).as_py()
    if fresh["sent_at"].null_count or (first is not None and first.astimezone(dt.UTC).date() < last):
        return None
    ids = fresh["turn_id"].combine_chunks()
    near = turns.filter(pc.is_in(scope_turns(turns), pc.unique(scope_turns(around))))
    said = sentences.filter(pc.is_in(sentences["turn_id"], near["turn_id"].combine_chunks()))
    apart = {home: known for home, known in heard.items() if _stands_alone(turns, home, ids)}
    ruled = find_ruled(near, said, calendar=calendar, near=ids, before=memory, heard=apart)
    is_fresh = pc.is_in(ruled.findings["turn_id"], ids)
    looked = near.filter(
        pc.fill_null(pc.invert(pc.is_in(near["relationship"], pa.array(list(apart), pa.string()))), True)
    )
    held = before.filter(pc.is_in(before["signal"], pa.array(RULED)))
    was, now = (
        table.filter(pc.is_in(table["turn_id"], looked["turn_id"].combine_chunks()))
        for table in (held, ruled.findings.filter(pc.invert(is_fresh)))
    )
    if not _in_order(was).equals(_in_order(now)):
        return None
    return replace(ruled, findings=ruled.findings.filter(is_fresh))


def _stands_alone(turns: pa.Table, home: str, fresh: pa.Array) -> bool:
    """Whether the new turns of a relationship come later than all others of it, in conversations of it alone."""
    is_own = pc.fill_null(pc.equal(turns["relationship"], home), False)
    own = turns.filter(is_own)
    is_fresh = pc.is_in(own["turn_id"], fresh)
    first, last = (
        pc.min(own["sent_at"].filter(is_fresh)).as_py(),
        pc.max(own["sent_at"].filter(pc.invert(is_fresh))).as_py(),
    )
    shared = pc.and_(pc.invert(is_own), pc.is_in(turns["conversation_id"], pc.unique(own["conversation_id"])))
    return (first is None or last is None or first > last) and not pc.any(shared, min_count=0).as_py()


def _in_order(findings: pa.Table) -> pa.Table:
    names = ("turn_id", "sentence", "signal")
    return findings.sort_by([(name, "ascending") for name in names]).combine_chunks()


def scope_turns(turns: pa.Table) -> pa.ChunkedArray:
    """Who must be looked at together: a relationship, or inside the team a conversation."""
    home = pc.fill_null(turns["relationship"], TEAM)
    talk = pc.binary_join_element_wise(TEAM, turns["conversation_id"], "\n")
    return pc.if_else(pc.equal(home, TEAM), talk, home)


def make_day_reader(calendar: Calendar) -> ReadDay:
    """What reads the firm time ahead that a sentence names."""

    def read_day(text: str, said_at: dt.datetime) -> Day | None:
        found = due(text, said_at, calendar=calendar)
        if (
            found is None
            or found.rule not in {"explicit", "relative"}
            or found.latest is None
            or found.earliest is None
        ):
            return None
        first, last, today = (calendar.local(moment).date() for moment in (found.earliest, found.latest, said_at))
        return Day(first=last if first <= today else first, last=last, start=found.start, end=found.end)

    return read_day


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Words:
    """The words of some turns, with who said them to whom; shape (n_turns,) each."""

    words: Words
    scope: pa.ChunkedArray
    home: Hashes
    speaker: Hashes
    telling: Telling
    runs: Runs


def _lay_out(spoken: _Spoken) -> _Words:
    words, scope = lay_out_words(spoken.turns, spoken.sentences), scope_turns(spoken.turns)
    home, speaker = hash_values(scope), hash_values(spoken.turns["speaker"])
    return _Words(
        words=words,
        scope=scope,
        home=home,
        speaker=speaker,
        telling=read_telling(words, home=home),
        runs=list_runs(words, speaker=speaker, home=home, chosen=spoken.is_us & spoken.is_out),
    )


def _is_of(spoken: _Spoken, home: str) -> Bools:
    """Turns of a relationship, shape (n_turns,)."""
    return read_flags(pc.equal(spoken.turns["relationship"], home))


def _list_new(spoken: _Spoken, chosen: Bools) -> tuple[Said, pa.ChunkedArray]:
    """What some turns say by themselves, and the ids of the rows that it speaks of."""
    turns = spoken.turns.filter(pa.array(chosen))
    is_here = pc.is_in(spoken.sentences["turn_id"], turns["turn_id"].combine_chunks())
    some = replace(
        spoken, turns=turns, sentences=spoken.sentences.filter(is_here),
        is_us=spoken.is_us[chosen], is_out=spoken.is_out[chosen],
    )  # fmt: skip
    laid = _lay_out(some)
    said = list_said(laid.telling, laid.runs, is_us=some.is_us, chosen=np.ones(len(some.is_us), bool))
    return said, turns["turn_id"]


def _leave_out(spoken: _Spoken, is_new: Bools, firsts: Mapping[str, pa.Array]) -> _Spoken:
    """The same turns without what was said in these relationships, but for the new turns and those firsts."""
    out = np.zeros(len(is_new), bool)
    for home, ids in firsts.items():
        out |= _is_of(spoken, home) & ~is_new & ~read_flags(pc.is_in(spoken.turns["turn_id"], ids))
    if not out.any():
        return spoken
    gone = spoken.turns["turn_id"].filter(pa.array(out)).combine_chunks()
    return replace(spoken, sentences=spoken.sentences.filter(pc.invert(pc.is_in(spoken.sentences["turn_id"], gone))))


def _find_in_words(spoken: _Spoken, laid: _Words, before: Memory, *, is_new: Bools) -> tuple[pa.Table, Memory]:
    """What replies take up of this reader, and what others got before."""
    turns, sentences = spoken.turns, spoken.sentences
    memory = before.with_layer(_remember(laid, before, spoken, is_new=is_new)) if is_new.any() else before
    names = list_names(laid.words, turns, code_values(laid.scope))
    taken = find_their_facts(laid.telling, is_us=spoken.is_us, names=names, memory=memory)
    copied = find_templates(laid.runs, memory)
    replies = _list_replies(turns, laid)
    ids = turns["turn_id"].take(pa.array(np.flatnonzero(replies))).combine_chunks()
    both = [
        _tabulate(sentences, _leave_pasted(sentences, taken), "their_facts"),
        _tabulate(sentences, copied, "template"),
    ]
    found = pa.concat_tables(both)
    return found.filter(pc.is_in(found["turn_id"], ids)), memory


def _remember(laid: _Words, before: Memory, spoken: _Spoken, *, is_new: Bools) -> Layer:
    """What the new turns said, as `Memory` keeps it."""
    telling, runs, home, speaker = laid.telling, laid.runs, laid.home, laid.speaker
    row_of_rank = np.argsort(telling.words.rank_of)
    new_run = is_new[row_of_rank[runs.rank[runs.first]]]
    some = replace(
        runs, first=runs.first[new_run],
        **{name: getattr(runs, name)[new_run] for name in ("mark", "home", "speaker", "day", "in_tail")},
    )  # fmt: skip
    new_word, (word, whose, day) = is_new[telling.words.row], list_words(telling)
    own = new_word[list_places(telling)]
    days = telling.words.day_of
    spoke = is_new & spoken.is_us & spoken.is_out
    return lay_down(
        runs=(some.mark, some.home, some.day),
        tails=pack_tails(some),
        spoken=pack(speaker[spoke], days[spoke]),
        words=(word[own], whose[own], day[own]),
        homes=(home[is_new], days[is_new]),
        before=before,
    )


def _leave_pasted(sentences: pa.Table, rows: Ints) -> Ints:
    """These rows but for those of turns as long as an article: in so many words something is always in common."""
    size = sentences.group_by("turn_id", use_threads=False).aggregate([("sentence", "max")])
    long = size.filter(pc.greater_equal(size["sentence_max"], _MOST_SENTENCES))["turn_id"].combine_chunks()
    return rows[~read_flags(pc.is_in(sentences["turn_id"].take(pa.array(rows)), long))]


def _list_replies(turns: pa.Table, laid: _Words) -> Bools:
    """Turns before which something was said in their conversation to the same people, shape (n_turns,)."""
    talk, rank = (
        code_values(pc.binary_join_element_wise(laid.scope, turns["conversation_id"], "\n")),
        laid.words.rank_of,
    )
    first = np.full(int(talk.max()) + 1, len(rank))
    np.minimum.at(first, talk, rank)
    return rank > first[talk]


def _tabulate(sentences: pa.Table, rows: Ints, signal: str) -> pa.Table:
    chosen = sentences.select(["turn_id", "sentence", "start", "end"]).take(pa.array(rows))
    chosen = chosen.append_column("signal", pa.repeat(signal, len(rows)))
    return conform(
        chosen.append_column("probability", pa.repeat(pa.scalar(PROBABILITY[signal], pa.float32()), len(rows))),
        FINDINGS,
    )


def _find_between(spoken: _Spoken, between: Between, chosen: Bools) -> pa.Table:
    """What a customer heard twice, and what they had to say twice, over people and channels, in the turns chosen."""
    found = _go_on(spoken, between, chosen, chosen)
    return empty(FINDINGS) if found is None else found


def _go_on(spoken: _Spoken, between: Between, chosen: Bools, around: Bools) -> pa.Table | None:
    """The same in turns that come later than those that are known; None where these have to be looked at, too."""
    met = spoken.turns.filter(pa.array(chosen))
    if not met.num_rows:
        return empty(FINDINGS)
    context = spoken.turns.filter(pa.array(around)), spoken.sentences
    found = between.find(met, spoken.sentences, spoken.is_us[chosen], around=context)
    if found is None:
        return None
    return pa.concat_tables([_tabulate(spoken.sentences, rows, signal) for signal, rows in found.items()])
