"""What troth finds in the whole sample, beside its key: promises, due days, states, questions, by channel.

    python bench/sample.py              # counts
    python bench/sample.py --list       # and every promise and question of the key that differs
    python bench/sample.py --mail       # its mailbox alone

The key is the author's own reading of words by the same hand: it shows what changed, not how well troth reads others.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import troth
from troth.sample import (
    SAMPLE_DAY,
    SAMPLE_ME,
    SAMPLE_ZONE,
    Key,
    Promise,
    Question,
    read_key,
    read_sample,
    sample_people,
    write_sample,
)
from troth.settings import Settings

ZONE = ZoneInfo(SAMPLE_ZONE)


def label_turns(turns: Iterable[Mapping[str, Any]], key: Key) -> dict[str, str]:
    """Turn ids to labels: mails by their Message-ID, the rest by when they were said and how they begin or end."""
    by_id = {message_id.strip("<>"): label for label, message_id in key.message_ids.items()}
    labels: dict[str, str] = {}
    for turn in turns:
        if (found := by_id.get(turn["turn_id"].strip("<>"))) is not None:
            labels[turn["turn_id"]] = found
            continue
        for label, said in key.turns.items():
            near = turn["sent_at"] is not None and abs(turn["sent_at"] - said.at) <= dt.timedelta(minutes=1)
            dated = said.channel in {"letter", "meeting"} and turn["channel"] in {"letter", "meeting"}
            words, body = _letters(said.words.removeprefix("<Media omitted>")), _letters(turn["body"])
            if (near or dated) and (words[:20] in body or words[-20:] in body) and bool(words) == bool(body):
                labels[turn["turn_id"]] = label
    return labels


def _letters(words: str) -> str:
    return "".join(letter for letter in words.casefold() if letter.isalnum())


def show_promises(
    rows: list[dict[str, Any]], wanted: Iterable[Promise], labels: Mapping[str, str], *, tell: bool
) -> None:
    wanted = list(wanted)
    states = Counter[tuple[str, str]]()
    found = due = state = evidence = 0
    known: set[str] = set()
    for promise in wanted:
        words = " ".join(promise.words.split())
        own = [row for row in rows if labels.get(row["turn_id"]) == promise.mail]
        row = next((row for row in own if words in row["text"] or row["text"] in words), None)
        states[promise.state, row["state"] if row else "not found"] += 1
        if row is None:
            if tell:
                print(f"    not found  {promise.mail} {words}")
            continue
        known.add(row["promise_id"])
        day = row["due_latest"] and row["due_latest"].astimezone(ZONE).date()
        is_state = row["state"] == {"broken": "suspected"}.get(promise.state, promise.state)
        found, due, state = found + 1, due + (day == promise.due), state + is_state
        evidence += (
            is_state and promise.evidence is not None and labels.get(row["evidence_turn_id"]) == promise.evidence
        )
        if tell and not (is_state and day == promise.due):
            print(f"    {promise.mail} due {promise.due} / {day}, {promise.state} / {row['state']}: {words}")
    held = {promise.mail for promise in wanted}
    turns = set(labels.values())
    extra = [row for row in rows if row["promise_id"] not in known and labels.get(row["turn_id"]) in turns]
    if tell:
        for row in extra:
            print(f"    not in the key  {labels[row['turn_id']]} {row['state']} {row['due_latest']}: {row['text']}")
    among = sum(labels[row["turn_id"]] in held for row in extra)
    print(
        f"  promises: {found} of {len(wanted)} found, {due} with the due day, {state} in the state, {evidence} by the "
        f"very turn; {len(extra)} found that the key does not name, {among} of them in its turns"
    )
    for (said, machine), count in sorted(states.items()):
        print(f"    {said:>10} in the key, {machine:<10} {count:>3}")


def show_questions(
    rows: list[dict[str, Any]], wanted: Iterable[Question], labels: Mapping[str, str], *, tell: bool
) -> None:
    wanted = list(wanted)
    found = kind = state = answer = 0
    for question in wanted:
        words = " ".join(question.words.split())
        own = [row for row in rows if labels.get(row["turn_id"]) == question.mail and row["spoken"]]
        row = next((row for row in own if words in row["text"] or row["text"] in words), None)
        if row is None:
            if tell:
                print(f"    not found  {question.mail} {words}")
            continue
        is_state = row["state"] == ("open" if question.answer is None else "answered")
        is_answer = labels.get(row["answer_turn_id"] or "") == question.answer
        found, kind, state, answer = (
            found + 1,
            kind + (row["kind"] == question.kind),
            state + is_state,
            answer + is_answer,
        )
        if tell and not (is_state and is_answer and row["kind"] == question.kind):
            seen = labels.get(row["answer_turn_id"] or "")
            print(f"    {question.mail} {question.kind} / {row['kind']}, {question.answer} / {row['state']} {seen}")
    print(
        f"  questions: {found} of {len(wanted)} found, {kind} of the kind, {state} in the state, {answer} by the turn"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--mail", action="store_true")
    given = parser.parse_args()
    tell = given.list
    key = read_key()
    begun = time.perf_counter(), time.process_time()
    with (
        tempfile.TemporaryDirectory() as folder,
        troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, people=sample_people())) as book,
    ):
        if given.mail:
            book.read(write_sample(Path(folder)))
        else:
            read_sample(book, Path(folder))
        close = book.review(SAMPLE_DAY.isoformat())
        spent = time.perf_counter() - begun[0], time.process_time() - begun[1]
        turns = book.turns().to_pylist()
        promises = book.list_promises(SAMPLE_DAY).to_pylist()
        questions = book.questions().to_pylist() + book.questions(side="us").to_pylist()
    labels = label_turns(turns, key)
    elsewhere = {turn_id: label for turn_id, label in labels.items() if label in key.turns}
    mails = {turn_id: label for turn_id, label in labels.items() if label in key.message_ids}
    print(f"{len(turns)} turns, {Counter(turn['channel'] for turn in turns).most_common()}")
    print(f"read, understood and reviewed in {spent[0]:.1f} s, {spent[1]:.1f} CPU s")
    print(f"labels of the key without a turn: {sorted(set(key.turns) - set(labels.values()))}")
    print(f"tomorrow: {close.tomorrow and close.tomorrow.relationship}")
    print("in mails")
    show_promises([row for row in promises if row["turn_id"] in mails], key.promises, labels, tell=tell)
    show_questions([row for row in questions if row["turn_id"] in mails], key.questions, labels, tell=tell)
    print("elsewhere")
    show_promises([row for row in promises if row["turn_id"] in elsewhere], key.promises_elsewhere, labels, tell=tell)
    show_questions(
        [row for row in questions if row["turn_id"] in elsewhere], key.questions_elsewhere, labels, tell=tell
    )


if __name__ == "__main__":
    main()
