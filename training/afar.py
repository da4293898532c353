"""Sets that nothing was trained on: they only judge, each in a domain that training did not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.sets import INTIMACY_SD, Row, read_certainty, read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class FarSet:
    """One set that only judges."""

    name: str
    file: str
    read: Callable[[Path], Iterator[Row]]
    licence_class: str
    domain: str


def _read_politeness(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        yield Row(text=row["text"], group=row["id"], targets={"politeness": row["labels"]["politeness"]})


def _read_external_intimacy(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        yield Row(text=row["text"], group=row["id"], targets={"intimacy": row["labels"]["intimacy"] / INTIMACY_SD})


def _read_tweets(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        if row["meta"]["language"] == "English":
            yield Row(text=row["text"], group=row["id"], targets={"intimacy": row["labels"]["intimacy"]})


def _read_weasels(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        yield Row(text=row["text"], group=row["id"], targets={"hedge": float(row["labels"]["uncertain"])})


def _read_meetings(path: Path) -> Iterator[Row]:
    for meeting in read_lines(path):
        for turn in meeting["turns"]:
            if turn["labels"]["basic"] in {"S", "Q"}:  # statements and questions; the rest is floor holding
                act = turn["labels"]["full"]
                targets = {"commitment": float(act == "cc"), "question": float(turn["labels"]["basic"] == "Q")}
                yield Row(text=turn["text"], group=meeting["id"], targets=targets)


_WARM: Final = frozenset("consoling sympathizing expressing_care_concern encouraging wishing expressing_relief".split())


def _read_listeners(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        intent = row["labels"]["intent"]
        targets = {"exploration": float(intent == "questioning"), "accepts": float(intent == "agreeing")}
        if intent != "acknowledging":  # half reaction, half interpretation: no fair judge of either
            targets["reaction"] = float(intent in _WARM)
        yield Row(text=row["text"], group=row["id"], targets=targets)


def _read_cancer_network(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        direction = row["labels"]["empathy_direction"]
        yield Row(text=row["text"], group=row["id"], targets={"reaction": float(direction == "providing")})


def _read_therapists(path: Path) -> Iterator[Row]:
    for row in read_lines(path):
        if row["meta"]["speaker"] == "therapist":
            behaviour = row["labels"]["behaviour"]
            targets = {
                "interpretation": float(behaviour == "reflection"),
                "exploration": float(behaviour == "question"),
            }
            yield Row(text=row["text"], group=str(row["meta"]["transcript"]), targets=targets)


FAR_SETS: Final = (
    FarSet(
        name="holistic_politeness_en",
        file="holistic_politeness_en/test.jsonl",
        read=_read_politeness,
        licence_class="research",
        domain="Wikipedia talk, any utterance and not requests alone",
    ),
    FarSet(
        name="certainty_science extra",
        file="certainty_science/extra.jsonl",
        read=read_certainty,
        licence_class="open",
        domain="findings outside the official split",
    ),
    FarSet(
        name="intimacy_questions external",
        file="intimacy_questions/test_external.jsonl",
        read=_read_external_intimacy,
        licence_class="open",
        domain="questions from books, films and Twitter",
    ),
    FarSet(
        name="mint_intimacy (English)",
        file="mint_intimacy/test.jsonl",
        read=_read_tweets,
        licence_class="research",
        domain="tweets",
    ),
    FarSet(
        name="conll2010_wiki",
        file="conll2010_wiki/test.jsonl",
        read=_read_weasels,
        licence_class="research",
        domain="Wikipedia sentences, hedges and weasel words",
    ),
    FarSet(
        name="mrda",
        file="mrda/test.jsonl.gz",
        read=_read_meetings,
        licence_class="research",
        domain="speech in research meetings",
    ),
    FarSet(
        name="ed_listener_intents",
        file="ed_listener_intents/test.jsonl",
        read=_read_listeners,
        licence_class="research",
        domain="listeners in chat about feelings",
    ),
    FarSet(
        name="iempathize",
        file="iempathize/test.jsonl",
        read=_read_cancer_network,
        licence_class="research",
        domain="an online cancer network",
    ),
    FarSet(
        name="annomi",
        file="annomi/test.jsonl",
        read=_read_therapists,
        licence_class="research",
        domain="counselling, speech",
    ),
)
