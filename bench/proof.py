"""What the daily proof costs: the first pass over a history, and an ordinary morning on top of it, as books grow.

    python bench/proof.py [READINGS ...]        # forecasts in all, about; 5,000 and 50,000
    python bench/proof.py --giant 5000          # all mail in one relationship

The book is the sample firm's mail again and again, with other counterparts beside each other and, from three copies on,
in three laps of 17 weeks one after the other. Signals are found once: the encoder's time is `bench/encoder.py`'s. An
ordinary morning closes one more day of a chain that is closed up to it, with the books of the review at hand.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import troth
from troth.asof import Sources
from troth.book import open_store
from troth.encoder import encoder_id
from troth.pipeline import Understood, find_open_hours, take_stock
from troth.promises import Calendar, find_promises
from troth.proving import Constants, How, close_days, prove
from troth.readings import load_reference
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, write_sample
from troth.schema import ANSWERS, DECISIONS, PROMISES
from troth.settings import Settings
from troth.trust import DEFAULT_MODEL

AFTER = dt.datetime(2028, 1, 1, tzinfo=dt.UTC)
LAP = dt.timedelta(days=119)
EACH = 1250  # forecasts that one copy of the sample gives, about


def read_once() -> Understood:
    own = Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE)
    with tempfile.TemporaryDirectory() as folder, troth.open(settings=own) as book:
        book.read(write_sample(Path(folder)))
        return book.understand()


def tag(table: pa.Table, ending: str, *columns: str) -> pa.Table:
    for name in columns:
        place = table.schema.get_field_index(name)
        tagged = pc.binary_join_element_wise(table[name], ending, "")
        table = table.set_column(place, table.schema.field(name), tagged)
    return table


def multiply(one: Understood, copies: int, *, giant: bool) -> Understood:
    laps = 3 if copies >= 3 else 1
    turns: list[pa.Table] = []
    sentences: list[pa.Table] = []
    findings: list[pa.Table] = []
    for copy in range(copies):
        lap, firm = copy % laps, copy // laps
        said = tag(one.turns, f"~{copy}", "turn_id", "conversation_id", "parent_id")
        said = said if giant else tag(said, f".{firm}", "relationship")
        if giant:
            place = said.schema.get_field_index("relationship")
            same = pc.if_else(pc.is_valid(said["relationship"]), "one", pa.scalar(None, pa.string()))
            said = said.set_column(place, said.schema.field("relationship"), same)
        shift = pa.scalar(lap * LAP + dt.timedelta(seconds=37 * firm), pa.duration("us"))
        place = said.schema.get_field_index("sent_at")
        turns.append(said.set_column(place, said.schema.field("sent_at"), pc.add(said["sent_at"], shift)))
        sentences.append(tag(one.sentences, f"~{copy}", "turn_id"))
        findings.append(tag(one.findings, f"~{copy}", "turn_id"))
    tables = (pa.concat_tables(parts).combine_chunks() for parts in (turns, sentences, findings))
    return Understood(**dict(zip(("turns", "sentences", "findings"), tables, strict=True)))


def measure(one: Understood, readings: int, *, giant: bool) -> None:
    known = multiply(one, max(1, round(readings / EACH)), giant=giant)
    calendar, reference = Calendar(zone=SAMPLE_ZONE), load_reference(encoder_id())
    found = find_promises(known.turns, known.sentences, known.findings, calendar=calendar)
    sources = Sources(
        known=known, answers=ANSWERS.empty_table(), decided=PROMISES.empty_table(), decisions=DECISIONS.empty_table(),
        reference=reference, calendar=calendar, hours=find_open_hours(known.turns, calendar, AFTER), found=found,
    )  # fmt: skip
    how = How(zone=SAMPLE_ZONE, encoder="bench", clock=lambda: AFTER)
    constants = Constants(model=DEFAULT_MODEL, since=None)
    with open_store(None) as store, open_store(None) as other:
        began = time.process_time()
        proof = prove(store, sources, constants=constants, segments={}, how=how)
        first = time.process_time() - began
        days, last = proof.closings.num_rows, proof.closings["day"][-1].as_py()
        other.upsert("closings", proof.closings.slice(0, days - 1))
        other.upsert("forecasts", proof.forecasts.filter(pc.less(proof.forecasts["day"], last)))
        evening = proof.closings["evening"][-1].as_py() + dt.timedelta(microseconds=1)
        stock = take_stock(known, reference=reference, calendar=calendar, now=evening, found=found)
        began = time.process_time()
        close_days(
            other, replace(sources, standing=stock), since="", last=AFTER, constants=constants, segments={}, how=how
        )
        morning = time.process_time() - began
        same = other.table("closings").sort_by("day").equals(proof.closings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    homes = pc.count_distinct(known.turns["relationship"]).as_py()
    print(
        f"{known.turns.num_rows:>9,} {homes:>14,} {days:>6,} {proof.forecasts.num_rows:>10,} {first:>14.1f} "
        f"{1e3 * first / proof.forecasts.num_rows:>16.2f} {morning:>16.2f} {'yes' if same else 'NO':>11} {peak:>8.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readings", nargs="*", type=int, default=[5_000, 50_000])
    parser.add_argument("--giant", action="store_true", help="all mail in one relationship")
    stated = parser.parse_args()
    one = read_once()
    print(
        f"{'turns':>9} {'relationships':>14} {'days':>6} {'forecasts':>10} {'first, CPU s':>14} "
        f"{'ms a forecast':>16} {'a morning, CPU s':>16} {'same seals':>11} {'peak MB':>8}"
    )
    for readings in stated.readings:
        measure(one, readings, giant=stated.giant)


if __name__ == "__main__":
    main()
