"""The labelled sets that the encoder learns from and is judged by: one reader each, all to the same `Row`.

A *column* is one thing that a set says about a text. A column named after a signal ("gratitude") trains that
signal's head. "gratitude@goemotions" trains the same head through an offset of its own, because another set has
another base rate and a slightly other idea of the word. "goemotions/joy" trains a head that only this set has: it
shapes the encoder and is not shipped. A set that says nothing about a label gives no target for it, and no loss.

Which label of a set may stand for a signal was decided by what the codebook's annotators marked on the very same
sentences (rows of `business_acts/train` that come from casino and persuasion_for_good): "thank" is `gratitude` in 62
of 100, the inquiries are `question` in 87 to 100, "acknowledgement" is `accepts` in 60. "credibility-appeal" is
`source` in 5, "logical-appeal" is `reason` in 0: those stay heads of their own set.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from troth.signals import CATALOGUE

ACTS: Final = tuple(
    signal.name for signal in CATALOGUE.values() if signal.kind == "binary" and "business_acts" in signal.checked_on
)
"""The acts of the codebook, in the order of the catalogue."""

GRADED: Final = ("politeness", "certainty", "intimacy")

INTENT: Final = ("request", "commitment", "offer")
"""The acts that email_intent joins in one label: it is positive when any of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text with what its set says about it."""

    text: str
    group: str  # conversation, post or document: rows of one group are never on two sides, and resampled together
    targets: Mapping[str, float]  # column to 0, 1 or a score


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSet:
    """One set: where it lies, how it is read, what it is allowed for and what was published on it."""

    name: str
    files: Mapping[str, str]  # split to file, relative to the data folder; a {split} in own sets
    read: Callable[[Path], Iterator[Row]]
    licence: str
    attribution: str
    licence_class: str = "open"
    published: Mapping[str, tuple[float, str, str]] | None = None  # signal to (figure, metric, source)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, gzipped or not."""
    with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


# A question that asks for an act: the annotators call it now `request`, now `question`, and both are right.
_ASKS_TO_ACT: Final = re.compile(r"\b(?:can|could|would|will) (?:you|someone|anyone|we|i)\b", re.IGNORECASE)


def read_acts(path: Path) -> Iterator[Row]:
    """Turns marked by the codebook, one row a sentence; what only one of two annotators gave is no target."""
    for turn in read_lines(path):
        for sentence in turn["sentences"]:
            yield _mark(turn, sentence, set(sentence["labels"]), set(sentence.get("disputed") or ()))


def read_own(folder: Path) -> Iterator[Row]:
    """The turns written for this project, read a second time by another annotator; one row a sentence."""
    second = {
        (turn["id"], sentence["n"]): set(sentence["labels"])
        for turn in read_lines(folder / "second" / "labels.jsonl")
        for sentence in turn["sentences"]
    }
    for path in sorted(folder.glob("*.jsonl")):
        for turn in read_lines(path):
            for sentence in turn["sentences"]:
                first = set(sentence["labels"])
                other = second.get((turn["id"], sentence["n"]), first)
                yield _mark(turn, sentence, first & other, first ^ other)


def _mark(turn: Mapping[str, Any], sentence: Mapping[str, Any], given: set[str], disputed: set[str]) -> Row:
    group = str((turn.get("meta") or {}).get("conversation_id") or turn["id"])
    text = turn["text"][sentence["start"] : sentence["end"]]
    if "?" in text and _ASKS_TO_ACT.search(text) and len(given & {"request", "question"}) == 1:
        disputed = disputed | ({"request", "question"} - given)
    targets = {act: float(act in given) for act in ACTS if act not in disputed}
    return Row(text=" ".join(text.split()), group=group, targets=targets)


def read_email_intent(path: Path) -> Iterator[Row]:
    """Sentences of mail with one label for request, proposal or commitment."""
    for row in read_lines(path):
        intent = float(row["labels"]["intent"])
        yield Row(text=row["text"], group=row["id"], targets={"intent@email_intent": intent})


_EMOTIONS: Final = (
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval "
    "disgust embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief "
    "remorse sadness surprise neutral"
).split()
_FELT: Final = frozenset(
    "sadness joy fear nervousness grief remorse disappointment excitement love relief embarrassment desire".split()
)


def read_goemotions(path: Path) -> Iterator[Row]:
    """Reddit comments with any of 27 emotions."""
    for row in read_lines(path):
        given = set(row["labels"]["emotions"])
        targets = {f"goemotions/{name}": float(name in given) for name in _EMOTIONS}
        targets["gratitude@goemotions"] = float("gratitude" in given)
        targets["fun@goemotions"] = float("amusement" in given)
        targets["feeling@goemotions"] = float(bool(given & _FELT))
        if "caring" in given or given == {"neutral"}:
            targets["reaction@goemotions"] = float("caring" in given)
        if given & {"anger", "annoyance"} or given <= {"neutral", "gratitude", "caring", "approval"}:
            targets["discourtesy@goemotions"] = float(bool(given & {"anger", "annoyance"}))
        yield Row(text=row["text"], group=row["id"], targets=targets)


_MARK: Final = re.compile(r"<U\+([0-9A-Fa-f]{4})>")


def _restore(match: re.Match[str]) -> str:
    # The release writes Windows' quotation marks as <U+0092>; anything else unreadable becomes a space.
    return {"0091": "'", "0092": "'", "0093": '"', "0094": '"', "0096": "-", "0097": "-", "0085": "..."}.get(
        match.group(1), " "
    )


def restore_marks(text: str) -> str:
    """The text with the marks back that the release of OffMyChest lost."""
    return _MARK.sub(_restore, text)


def read_offmychest(path: Path) -> Iterator[Row]:
    """Sentences of Reddit comments with disclosure and support."""
    for row in read_lines(path):
        labels = row["labels"]
        targets = {
            f"offmychest/{name}": float(labels[name])
            for name in ("emotional_disclosure", "information_disclosure", "emo_support", "info_support")
        }
        targets["reaction@offmychest"] = float(labels["emo_support"])
        targets["disclosure@offmychest"] = float(labels["emotional_disclosure"])
        yield Row(text=restore_marks(row["text"]), group=row["meta"]["post"], targets=targets)


def read_politeness(path: Path) -> Iterator[Row]:
    """Requests from Wikipedia talk pages or Stack Exchange with a normalised score."""
    corpus = path.parent.name.removeprefix("stanford_politeness_")
    for row in read_lines(path):
        yield Row(
            text=row["text"], group=row["id"], targets={f"politeness@{corpus}": row["labels"]["politeness"] / 0.75}
        )


CERTAINTY_MEAN: Final = 4.552
CERTAINTY_SD: Final = 1.034


def read_certainty(path: Path) -> Iterator[Row]:
    """Findings of science with sentence certainty 1-6, in standard deviations of the training part."""
    for row in read_lines(path):
        labels, targets = row["labels"], dict[str, float]()
        if labels.get("sentence_certainty") is not None:
            targets["certainty"] = (labels["sentence_certainty"] - CERTAINTY_MEAN) / CERTAINTY_SD
        if labels.get("aspect_probability") is not None:
            targets["hedge@certainty_science"] = float(labels["aspect_probability"] == "Uncertain")
        yield Row(text=row["text"], group=row["id"], targets=targets)


INTIMACY_SD: Final = 0.321


def read_intimacy(path: Path) -> Iterator[Row]:
    """Questions with an intimacy score, in standard deviations of the training part."""
    for row in read_lines(path):
        yield Row(text=row["text"], group=row["id"], targets={"intimacy": row["labels"]["intimacy"] / INTIMACY_SD})


_STRATEGIES: Final = (
    "small-talk self-need promote-coordination vouch-fair other-need elicit-pref showing-empathy no-need uv-part"
).split()


def read_casino(path: Path) -> Iterator[Row]:
    """Turns of negotiations by chat with their strategies."""
    for dialogue in read_lines(path):
        for turn in dialogue["turns"]:
            if not turn.get("labels"):
                continue
            given = set(turn["labels"]["strategies"])
            targets = {f"casino/{name}": float(name in given) for name in _STRATEGIES}
            targets["their_interest@casino"] = float(bool(given & {"no-need", "other-need", "showing-empathy"}))
            targets["own_interest@casino"] = float(bool(given & {"uv-part"}))
            targets["exploration@casino"] = float("elicit-pref" in given)
            yield Row(text=turn["text"], group=dialogue["id"], targets=targets)


_PERSUASION: Final = (
    "credibility-appeal positive-reaction-to-donation acknowledgement greeting donation-information ask-org-info "
    "logical-appeal thank task-related-inquiry emotion-appeal positive-to-inquiry proposition-of-donation off-task "
    "personal-related-inquiry provide-donation-amount negative-reaction-to-donation agree-donation "
    "negative-to-inquiry source-related-inquiry ask-donation-procedure closing praise-user self-modeling "
    "foot-in-the-door personal-story ask-donation-amount neutral-to-inquiry disagree-donation"
).split()
_INQUIRIES: Final = frozenset(
    "ask-org-info task-related-inquiry personal-related-inquiry source-related-inquiry ask-donation-procedure "
    "ask-donation-amount proposition-of-donation ask-not-donate-reason ask-persuader-donation-intention".split()
)
_IMPERSONAL: Final = frozenset("credibility-appeal donation-information ask-org-info logical-appeal thank".split())


def read_persuasion(path: Path) -> Iterator[Row]:
    """Sentences of persuasion dialogues with the act of each."""
    for dialogue in read_lines(path):
        for turn in dialogue["turns"]:
            if not turn.get("labels"):
                continue
            given = {turn["labels"]["act"], turn["labels"]["act_2"]} - {None}
            targets = {f"persuasion/{name}": float(name in given) for name in _PERSUASION}
            targets["question@persuasion_for_good"] = float(bool(given & _INQUIRIES))
            targets["gratitude@persuasion_for_good"] = float("thank" in given)
            if "personal-story" in given or given & _IMPERSONAL:
                targets["disclosure@persuasion_for_good"] = float("personal-story" in given)
            targets["accepts@persuasion_for_good"] = float(
                bool(given & {"acknowledgement", "agree-donation", "confirm-donation"})
            )
            targets["rejects@persuasion_for_good"] = float("disagree-donation" in given)
            yield Row(text=turn["text"], group=dialogue["id"], targets=targets)


def read_vira(path: Path) -> Iterator[Row]:
    """Messages to a service bot by the trust they show."""
    for row in read_lines(path):
        trust = row["labels"]["trust"]
        targets = {"vira/low": float(trust.startswith("low")), "vira/high": float(trust == "high_trust")}
        yield Row(text=row["text"], group=row["id"], targets=targets)


def _splits(name: str, *, train: str = "train.jsonl", dev: str | None = "dev.jsonl") -> dict[str, str]:
    files = {"train": f"{name}/{train}", "test": f"{name}/test.jsonl"}
    return files if dev is None else {**files, "dev": f"{name}/{dev}"}


SETS: Final = (
    SourceSet(
        name="business_acts",
        files=_splits("business_acts"),
        read=read_acts,
        licence="CC BY 4.0 (labels)",
        attribution="Acts of trust in business messages, labels by two language-model annotators, no person among them",
    ),
    SourceSet(
        name="email_intent",
        files=_splits("email_intent", dev=None),
        read=read_email_intent,
        licence="Apache-2.0",
        attribution="Parakweet Labs, EmailIntentDataSet",
    ),
    SourceSet(
        name="goemotions",
        files=_splits("goemotions", train="train.jsonl.gz"),
        read=read_goemotions,
        licence="Apache-2.0",
        attribution="Demszky et al., GoEmotions, ACL 2020",
    ),
    SourceSet(
        name="offmychest",
        files=_splits("offmychest"),
        read=read_offmychest,
        licence="CC BY 4.0",
        attribution="Jaidka et al., CL-Aff OffMyChest, 2020",
    ),
    SourceSet(
        name="stanford_politeness_wiki",
        files=_splits("stanford_politeness_wiki"),
        read=read_politeness,
        licence="CC BY 4.0",
        attribution="Danescu-Niculescu-Mizil et al., Stanford Politeness Corpus, ACL 2013; split of TyDiP",
    ),
    SourceSet(
        name="stanford_politeness_se",
        files=_splits("stanford_politeness_se"),
        read=read_politeness,
        licence="CC BY 4.0",
        attribution="Danescu-Niculescu-Mizil et al., Stanford Politeness Corpus, ACL 2013",
    ),
    SourceSet(
        name="certainty_science",
        files=_splits("certainty_science"),
        read=read_certainty,
        licence="MIT",
        attribution="Pei and Jurgens, Certainty in Science Communication, EMNLP 2021",
    ),
    SourceSet(
        name="intimacy_questions",
        files=_splits("intimacy_questions"),
        read=read_intimacy,
        licence="MIT",
        attribution="Pei and Jurgens, Quantifying Intimacy in Language, EMNLP 2020",
        published={"intimacy": (0.87, "Pearson r", "Pei and Jurgens 2020, abstract")},
    ),
    SourceSet(
        name="casino",
        files=_splits("casino", train="train.jsonl.gz"),
        read=read_casino,
        licence="CC BY 4.0",
        attribution="Chawla et al., CaSiNo, NAACL 2021",
    ),
    SourceSet(
        name="persuasion_for_good",
        files=_splits("persuasion_for_good"),
        read=read_persuasion,
        licence="Apache-2.0",
        attribution="Wang et al., Persuasion for Good, ACL 2019",
    ),
    SourceSet(
        name="vira_trust",
        files=_splits("vira_trust"),
        read=read_vira,
        licence="CDLA-Sharing 1.0",
        attribution="Friedman et al., VIRATrustData, 2022",
    ),
)
"""Every set that shipped weights may learn from, in reading order."""
