"""What a turn costs that comes into a relationship of many turns.

    python -m bench.adding 2000 20000              # processor seconds until the view shows it, by size

Some turns are first added with the relationship worked out whole each time, then others with it carried on
(`carrying`): the first of these lays it out.

The book lies in memory: the sample firm four times over, which makes about fifty usual relationships, and one customer
who wrote what all customers of the sample wrote, again and again over the days, in other words each time. Signals are
found once and copied. Each turn is written, taken in and shown as a served book does it (`web.keeper`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from bench.bigbook import SETTINGS, Base, copy_rest, copy_turns, read_base

from troth import carrying
from troth.book import Store, open_store
from troth.encoder import encoder_id
from troth.intake import take_batch
from troth.library import Book
from troth.schema import TURNS, conform
from troth.web.keeper import Keeper

HOME = "longstanding.example"
_SHIFT_S = 190_001  # between two copies of what was written: somewhat over two days
_COPIES = 4
_RARE = 3  # times that a word stands in the sample at most, so that each copy has another one for it
_WORD = r"[^\W\d_]{6,}"


def fill(store: Store, base: Base, turns: int) -> None:
    """Usual relationships, and one of so many turns."""
    store.set_setting("encoder", encoder_id())
    found = base.known.sentences, base.known.findings
    for copy in range(1, _COPIES):
        put(store, copy_turns(base.turns, copy), *(copy_rest(table, copy) for table in found))
    is_theirs = pc.equal(base.known.turns["circle"], "customer")
    some = base.known.turns.filter(pc.and_(is_theirs, pc.is_valid(base.known.turns["sent_at"])))
    counts = Counter(word for body in base.turns["body"].to_pylist() for word in re.findall(_WORD, body))
    rare = {word for word, count in counts.items() if count <= _RARE}
    for copy in range(-(-turns // some.num_rows)):
        chosen = some.slice(0, turns - copy * some.num_rows)
        ids = chosen["turn_id"].combine_chunks()
        sentences, findings = (table.filter(pc.is_in(table["turn_id"], ids)) for table in found)
        tell = vary(rare, copy)
        put(store, move(chosen, copy, tell), mark(reword(sentences, "text", tell), copy), mark(findings, copy))
        del chosen, sentences, findings


def put(store: Store, turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> None:
    with store.transaction():
        for name, table in (("turns", turns.select(TURNS.names)), ("sentences", sentences), ("findings", findings)):
            store.upsert(name, table)


def vary(rare: set[str], copy: int) -> Callable[[str], str]:
    """Other rare words of the same length, the same ones each time."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        if word not in rare:
            return word
        dice = random.Random(f"{copy} {word}")
        return word if dice.random() < 0.3 else word[0] + "".join(dice.choices("abdeiklmnoprstu", k=len(word) - 1))

    return lambda text: re.sub(_WORD, other, text)


def reword(table: pa.Table, column: str, tell: Callable[[str], str]) -> pa.Table:
    texts = pa.array([None if text is None else tell(text) for text in table[column].to_pylist()], pa.string())
    return table.set_column(table.column_names.index(column), table.schema.field(column), texts)


def move(turns: pa.Table, copy: int, tell: Callable[[str], str]) -> pa.Table:
    """The turns earlier, with ids of their own, and with one customer in the place of all."""
    known: Mapping[str, str] = {name: names[0] for names in SETTINGS.people.values() for name in names}

    def rename(name: str) -> str:
        address = known.get(name, name)
        return name if "brimholt.example" in address else f"{re.sub(r'[^a-z]', '.', address.lower())}@{HOME}"

    rows = [
        {
            **row, "speaker": rename(row["speaker"]), "side": None, "circle": None, "relationship": None,
            "speaker_name": row["speaker_name"] if "brimholt" in known.get(row["speaker"], row["speaker"]) else None,
            **{name: row[name] and [rename(each) for each in row[name]] for name in ("recipients", "cc")},
            "references": None, "body": tell(row["body"]),
        }
        for row in turns.to_pylist()
    ]  # fmt: skip
    return mark(conform(rows, TURNS), copy)


def mark(table: pa.Table, copy: int) -> pa.Table:
    for name in ("turn_id", "conversation_id", "parent_id", "sent_at"):
        if name in table.column_names:
            place, field = table.column_names.index(name), table.schema.field(name)
            shift = pa.scalar(copy * _SHIFT_S * 1_000_000, pa.duration("us"))
            if name == "sent_at":
                moved = pc.subtract(table[name], shift)
            else:
                moved = pc.binary_join_element_wise(f"g{copy}.", table[name], "")
            table = table.set_column(place, field, moved)
    return table


def make_added(turns: pa.Table, most: int) -> list[dict[str, object]]:
    """Turns that come after all others of the long relationship, on the last day of the book."""
    own = turns.filter(pc.equal(turns["relationship"], HOME)).sort_by([("sent_at", "descending")])
    last, days = own.slice(0, 1).to_pylist()[0], own.slice(200, 1).to_pylist()[0]
    end = pc.max(turns["sent_at"]).as_py()
    texts = (
        ("them", None, "When will the new drawing be ready? We still wait for the offer."),
        ("us", None, "I'll send you the drawing on Friday."),
        ("them", last, "Thank you, that works. Can you also call me about the compressor?"),
        ("us", last, "Here is the drawing. The compressor was repaired today."),
        ("us", days, "We will repair the door by Wednesday."),
        ("them", days, "That took long enough. Did you check the seals?"),
        ("them", None, "The room has held its temperature all week."),
        ("us", None, "Good to hear. I have checked the seals and they are fine."),
    )
    return [
        {
            "turn_id": f"added-{number}", "conversation_id": talk["conversation_id"] if talk else f"added-{number}",
            "speaker": "anna@brimholt.example" if side == "us" else f"bo@{HOME}",
            "recipients": [f"bo@{HOME}" if side == "us" else "anna@brimholt.example"], "body": text,
            "sent_at": end + dt.timedelta(seconds=number + 1), "channel": talk["channel"] if talk else "mail",
            "position": 100_000 + number, "automatic": False, "source": "bench",
        }
        for number, (side, talk, text) in enumerate(texts[:most])
    ]  # fmt: skip


def measure(base: Base, turns: int, *, most: int, whole: int) -> None:
    with open_store(":memory:") as store:
        fill(store, base, turns)
        keeper = Keeper(store, SETTINGS, open_book=Book)
        began = time.process_time()
        view = keeper.view()
        new_s, own = time.process_time() - began, view.by_name[HOME]["turns"]
        time.sleep(2.0)  # for what goes on behind the view
        rows = make_added(view.known.turns, whole + most)
        print(f"{own:,} of {view.known.turns.num_rows:,} turns; a new book takes {new_s:.1f} s", flush=True)
        ways = (("worked out whole", rows[:whole], sys.maxsize), ("carried on", rows[whole:], carrying.LONG))
        for name, chosen, least in ways:
            carrying.LONG, before_mb = least, read_mb()
            spent = [add(keeper, conform([row], TURNS)) for row in chosen]
            told = " ".join(f"{one:6.2f}" for one in spent)
            print(f"    {name:17s} {told} s  memory {read_mb() - before_mb:+,.0f} MB", flush=True)
        keeper.close()


def add(keeper: Keeper, batch: pa.Table) -> float:
    """Write a turn and wait for the view with it; processor seconds of that."""
    ids, came = batch["turn_id"].to_pylist(), len(keeper.view().known.came)
    began = time.process_time()
    keeper.change(lambda book: take_batch(book.store, batch), added=ids, patience_s=0.0)
    while keeper.is_behind:
        time.sleep(0.02)
    spent = time.process_time() - began
    assert ids[0] in keeper.view().turn
    assert len(keeper.view().known.came) == came + 1, "everything was worked out anew"
    time.sleep(0.5)
    return spent


def read_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turns", nargs="*", type=int)
    parser.add_argument("--added", type=int, default=6, metavar="TURNS")
    parser.add_argument("--whole", type=int, default=2, metavar="TURNS")
    given = parser.parse_args()
    base = read_base()
    for turns in given.turns or [2_000, 20_000]:
        measure(base, turns, most=given.added, whole=given.whole)


if __name__ == "__main__":
    main()
