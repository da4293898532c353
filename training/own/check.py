"""Check the hand-written turns: offsets, labels, ids and repeated phrasing. Run: python training/own/check.py."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

LABELS = (
    "claim reason source hedge overclaim flattery bad_news commitment offer request question done not_done feeling "
    "reaction interpretation exploration disclosure admission apology their_interest own_interest pressure courtesy "
    "discourtesy gratitude fun personal accepts rejects asks_proof chases doubts_motive good_faith"
).split()
CHANNELS = ("mail", "chat", "call", "ticket")
SIDES = ("us", "them")
SHARED_RUN = 7
"""So many words in a row may stand in one conversation only, or the set teaches a phrase instead of an act."""


def find_faults(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one plain line for each fault of the rows."""
    ids: set[str] = set()
    runs: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in rows:
        name = row["id"]
        if name in ids:
            yield f"{name}: id used twice"
        ids.add(name)
        yield from _find_row_faults(row)
        for sentence in row["sentences"]:
            words = split_words(row["text"][sentence["start"] : sentence["end"]])
            for run in {tuple(words[i : i + SHARED_RUN]) for i in range(len(words) - SHARED_RUN + 1)}:
                first, place = runs.setdefault(run, (name, row["meta"]["conversation_id"]))
                # people do take up each other's words, so an echo inside one conversation is no fault
                if first != name and place != row["meta"]["conversation_id"]:
                    yield f"{name}: shares '{' '.join(run)}' with {first}"


def _find_row_faults(row: dict[str, Any]) -> Iterator[str]:
    name, text, meta = row["id"], row["text"], row["meta"]
    if meta["channel"] not in CHANNELS or meta["side"] not in SIDES:
        yield f"{name}: unknown channel or side"
    end = 0
    for n, sentence in enumerate(row["sentences"]):
        body = text[sentence["start"] : sentence["end"]]
        if sentence["n"] != n or sentence["start"] < end or not body or body != body.strip():
            yield f"{name}: sentence {n} is out of place"
        if text[end : sentence["start"]].strip():
            yield f"{name}: words before sentence {n} belong to no sentence"
        end = sentence["end"]
        labels = sentence["labels"]
        if len(set(labels)) != len(labels) or not set(labels) <= set(LABELS):
            yield f"{name}: sentence {n} has an unknown or doubled label"
        if ("commitment" in labels) != ("commitment" in sentence):
            yield f"{name}: sentence {n} marks a commitment without its details, or the reverse"
        for promise in sentence.get("commitment", []):
            if promise["due"] is not None and promise["due"] not in body:
                yield f"{name}: sentence {n} has due words that are not its own"
    if end != len(text):
        yield f"{name}: words after the last sentence belong to no sentence"


def split_words(text: str) -> list[str]:
    """Lower-cased words of a sentence, figures and punctuation dropped."""
    return re.findall(r"[a-zà-ÿ']+", text.lower())


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """All rows of the folder's JSON Lines files, in file order."""
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """Print the faults and the count of each label; the exit status is 1 when there is a fault."""
    rows = read_rows(Path(__file__).parent)
    faults = list(find_faults(rows))
    counts = Counter(label for row in rows for sentence in row["sentences"] for label in sentence["labels"])
    print(f"{len(rows)} turns, {sum(len(row['sentences']) for row in rows)} sentences")
    for label in LABELS:
        print(f"{label:16}{counts[label]:6}")
    print("\n".join(faults) if faults else "no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
