"""What an analyst sees of what goes with trust: editions, frozen with the figures of a whole period.

Whoever keeps the whole book sees these figures as of now. An analyst who did could look before and after a deal was
brought in, or a person forgotten, and tell from the difference what that one was. So an analyst sees editions:

1. An edition is worked out once, with the figures of a period that were found large enough for the team as a whole
   (`troth.web.team`), from what was known by the end of that period; and only of a later period than all before.
2. Of deals, the next edition is another one only where deals of at least 10 accounts were opened, closed or corrected
   since, or of none. Else the edition before stands.
3. No part rests on fewer than 20 accounts, and none names one.
4. A trial is read by analysts on its day, once; what was read is kept and shown again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.schema import WORTH_FIGURES
from troth.web.freezing import freeze, thaw

if TYPE_CHECKING:
    from troth.begetting import Reciprocity
    from troth.library import Book
    from troth.swaying import Influence
    from troth.trial.told import Reading
    from troth.trialsuggesting import Suggestions
    from troth.worthtold import Worth

LEAST_ACCOUNTS: Final = 20
LEAST_CHANGED: Final = 10
KINDS: Final[tuple[Literal["deal", "renewal"], ...]] = ("deal", "renewal")
_MARK_BYTES: Final = 8
_MARKED: Final = ("outcome_id", "relationship", "state", "opened_at", "closed_at", "amount", "currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One part as it was published. `found`: None where it rests on too little to be given."""

    period: str
    as_of: dt.datetime
    found: Any


def find_edition(editions: pa.Table, part: str) -> Edition | None:
    """The latest edition of a part; None where there is none.

    Raises: InputError where another version published it.
    """
    rows = editions.filter(pc.equal(editions["part"], part)).sort_by([("as_of", "descending")]).slice(0, 1).to_pylist()
    if not rows:
        return None
    found = None if rows[0]["content"] is None else _thaw(rows[0]["content"])
    return Edition(period=rows[0]["period"], as_of=rows[0]["as_of"], found=found)


@lru_cache(maxsize=32)
def _thaw(content: str) -> Any:
    return thaw(content)


def work_out_editions(book: Book, period: str, end: dt.datetime, *, now: dt.datetime) -> pa.Table:
    """WORTH_FIGURES of a period whose team was found large enough; empty where a later one was published already.

    Args:
        book: a book that nobody else waits for: this takes a while.
        period: its name.
        end: when it ended; nothing later is looked at.
        now: the time of publishing.
    """
    kept = book.store.table("worth_figures", columns=["part", "as_of", "basis"])
    if kept.num_rows and pc.max(kept["as_of"]).as_py() >= end:
        return WORTH_FIGURES.empty_table()
    stated = {"period": period, "as_of": end, "published_at": now}
    rows = [stated | row for row in (*_list_worth(book, end, kept), *_list_ways(book, end))]
    return pa.Table.from_pylist(rows, schema=WORTH_FIGURES)


def _list_worth(book: Book, end: dt.datetime, kept: pa.Table) -> Iterator[dict[str, Any]]:
    """Deals and renewals, where enough of them changed since the edition before."""
    from troth.worthing import gather_evidence, measure_worth  # noqa: PLC0415  # scipy, which few pages need

    outcomes, stock = book.outcomes(), book.stock(end)
    evidence = gather_evidence(
        outcomes=outcomes, steps=book.store.table("outcome_steps"), turns=_until(book.understand().turns, end),
        readings=stock.readings, as_of=end, model=book.model(), segments=book.segments(),
    )  # fmt: skip
    for kind in KINDS:
        before = kept.filter(pc.equal(kept["part"], kind)).sort_by([("as_of", "descending")])
        basis = mark_deals(outcomes, kind, end, before=before["basis"][0].as_py() if before.num_rows else None)
        if basis is not None:
            found = bare_worth(measure_worth(evidence, kind=kind))
            yield {"part": kind, "basis": basis, "content": freeze(found) if found.accounts >= LEAST_ACCOUNTS else None}


def _list_ways(book: Book, end: dt.datetime) -> Iterator[dict[str, Any]]:
    """What rests on turns: those of the period alone are many enough, or there was no edition."""
    from troth.begetting import measure_reciprocity  # noqa: PLC0415  # scipy, which few pages need
    from troth.swaying import measure_influence  # noqa: PLC0415

    stock, known = book.stock(end), book.understand()
    main = {name: row["person"] for row in book.people().to_pylist() for name in (*row["addresses"], *row["handles"])}
    reciprocity = measure_reciprocity(
        known, stock.readings, main=lambda name: main.get(name, name), model=book.model(), segments=book.segments(),
        until=end,
    )  # fmt: skip
    yield {"part": "reciprocity", "content": freeze(bare_reciprocity(reciprocity))}
    upto = replace(known, turns=_until(known.turns, end))
    influence = measure_influence(
        upto, stock.readings, stock.promises, now=end, model=book.model(), segments=book.segments()
    )
    yield {"part": "influence", "content": freeze(bare_influence(influence))}
    yield {"part": "suggestions", "content": freeze(bare_suggestions(book.trials.suggest(now=end)))}


def _until(turns: pa.Table, end: dt.datetime) -> pa.Table:
    return turns.filter(pc.fill_null(pc.less(turns["sent_at"], pa.scalar(end, turns["sent_at"].type)), False))


def mark_deals(outcomes: pa.Table, kind: str, end: dt.datetime, *, before: str | None) -> str | None:
    """What tells deals as they stood at `end` from how they stand in another edition; None where too few changed.

    Args:
        outcomes: OUTCOMES.
        kind: deal or renewal.
        end: until when deals were watched.
        before: the marks of the edition before; None where there was none.

    Returns: hashes under a salt that goes along; they tell nothing without the book, and the book holds the deals.
    """
    old: dict[str, Any] = {"salt": secrets.token_hex(16), "marks": []} if before is None else json.loads(before)
    marks = {_mark(row, old["salt"]): row["relationship"] for row in _stand(outcomes, kind, end)}
    if before is not None:
        new, gone = marks.keys() - set(old["marks"]), set(old["marks"]) - marks.keys()
        if (new or gone) and len({marks[mark] for mark in new}) < LEAST_CHANGED:
            return None
    return json.dumps({"salt": old["salt"], "marks": sorted(marks)})


def _stand(outcomes: pa.Table, kind: str, end: dt.datetime) -> Iterator[dict[str, Any]]:
    """Deals as they stood at a time: what closed later is open."""
    opened = pc.less_equal(outcomes["opened_at"], pa.scalar(end, outcomes["opened_at"].type))
    chosen = pc.fill_null(pc.and_(pc.equal(outcomes["kind"], kind), opened), False)
    for row in outcomes.filter(chosen).to_pylist():
        is_over = row["closed_at"] is not None and row["closed_at"] <= end
        yield row if is_over else row | {"state": "open", "closed_at": None}


def _mark(row: Mapping[str, Any], salt: str) -> str:
    told = "\0".join([salt, *(str(row[name]) for name in _MARKED)])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).hexdigest()


def bare_worth(found: Worth) -> Worth:
    """The same figures without the deals and accounts that they rest on."""
    from troth.worth.periods import Deals  # noqa: PLC0415

    book = found.book
    none = book.amounts[:0]
    deals = Deals(**{name: none.astype(getattr(book.deals, name).dtype) for name in Deals.__dataclass_fields__})
    left = tuple(replace(one, outcome_id="") for one in book.left_out)
    bare = replace(book, deals=deals, ids=[""] * len(book.ids), relationships=[], amounts=none, left_out=left)
    money = None if found.money is None else replace(found.money, ids=(), relationships=(), deals=())
    return replace(found, book=bare, money=money)


def bare_reciprocity(found: Reciprocity) -> Reciprocity:
    """The same without single customers, and without circles of a few."""
    large = {
        circle: both for circle, both in found.circles.items()
        if min(one.relationships for one in both) >= LEAST_ACCOUNTS
    }  # fmt: skip
    return replace(found, circles=large, firms={})


def bare_influence(found: Influence) -> Influence:
    """The same without single customers, kinds and months."""
    return replace(found, customers=(), kinds=(), months=(), asks=found.asks.slice(0, 0))


def bare_suggestions(found: Suggestions) -> Suggestions:
    """The same slopes without the single months of relationships that they rest on."""
    rows = ("pull", "exposure", "stretch")
    return replace(
        found,
        facets=tuple(
            replace(one, link=replace(one.link, **{name: getattr(one.link, name)[:0] for name in rows}))
            for one in found.facets
        ),
    )


def bare_reading(found: Reading) -> Reading:
    """What a trial came to without the accounts that were drawn."""
    return replace(found, trial=replace(found.trial, members=()))


def read_once(book: Book, trial: str, *, now: dt.datetime) -> Reading:
    """A trial as analysts see it: read on its day, once, and shown again from then on.

    Raises: InputError before its day, or where it has too few accounts.
    """
    chosen = book.trials.find(trial)
    kept = book.store.table("worth_figures", where={"part": "trial", "period": chosen.trial_id}).to_pylist()
    if kept:
        return _thaw(kept[0]["content"])
    if len(chosen.members) < LEAST_ACCOUNTS:
        raise InputError(f"trial {chosen.trial_id} has fewer than {LEAST_ACCOUNTS} accounts; it tells of single ones.")
    found = bare_reading(book.trials.read(chosen.trial_id))
    row = {
        "period": chosen.trial_id, "part": "trial", "as_of": found.read_at, "published_at": now,
        "content": freeze(found), "basis": None,
    }  # fmt: skip
    with book.store.transaction():
        if not book.store.table("worth_figures", where={"part": "trial", "period": chosen.trial_id}).num_rows:
            book.store.upsert("worth_figures", pa.Table.from_pylist([row], schema=WORTH_FIGURES))
    return found
