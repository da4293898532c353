"""Promises found in labelled sets, beside a keyword rule, the encoder's head alone and the package follow-through.

    python bench/promises.py [--split test|dev] [--json src/troth/checks/promises.json]

Needs the labelled sets (../shared/data, or TROTH_SHARED) and, for one column, the package follow-through. Test rows
were never looked at for tuning; `--split dev` is what the rules were chosen on. Precision, recall and F1 are those of
`find_promises` at .5; the area under the curve is of `score_sentence`. Intervals are 95 % by bootstrap over
conversations or documents, or over sentences where a set does not say which belong together.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from troth.encoder import FLOOR, load_encoder
from troth.promises import Calendar, due, find_promises
from troth.promises.find import score_sentence
from troth.promises.resolve import FIRM
from troth.schema import FINDINGS, SENTENCES, TURNS, conform

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from training.judge import area_under_curve, bootstrap, f1, sensitivity  # noqa: E402  # training is not installed
from training.sets import read_lines  # noqa: E402

DATA = Path(os.environ.get("TROTH_SHARED", ROOT / "../shared")) / "data"
CALENDAR = Calendar()
SAID = datetime(2026, 3, 11, 10, tzinfo=UTC)
SIGNALS = ("commitment", "request", "offer", "accepts")
KEYWORDS = re.compile(r"(?i)\b(i|we)( will|['’]ll| shall|['’]m going to| am going to| are going to| promise)\b")

RIVALS = ("head alone", "keywords", "follow-through", "a digit")
GIVES = re.compile(r"(?i)donat|\bgive\b|giving|contribut|\$|\bcents?\b|dollar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sentence of one speaker."""

    conversation: str
    speaker: str
    text: str
    label: float | None  # 1 for a promise; None where the set does not say
    key: str = ""  # what is judged together; the sentence itself where empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One set and what its label means."""

    name: str
    read: Callable[[str], Iterator[Said]]
    splits: tuple[str, ...]
    note: str
    licence_class: str = "research"
    channel: str = "chat"


def file_of(name: str, split: str) -> Path:
    plain = DATA / name / f"{split}.jsonl"
    return plain if plain.exists() else plain.with_suffix(".jsonl.gz")


def tidy(text: str) -> str:
    return " ".join(text.split())


def read_business(split: str) -> Iterator[Said]:
    for turn in read_lines(file_of("business_acts", split)):
        group = (turn.get("meta") or {}).get("conversation_id") or turn["id"]
        for sentence in turn["sentences"]:
            disputed = "commitment" in (sentence.get("disputed") or ())
            label = None if disputed else float("commitment" in sentence["labels"])
            text = turn["text"][sentence["start"] : sentence["end"]]
            yield Said(conversation=str(group), speaker="one", text=tidy(text), label=label)


def read_email(split: str) -> Iterator[Said]:
    for row in read_lines(file_of("email_intent", "test" if split == "test" else "train")):
        if split == "test" or row["fold"] == 0:
            yield Said(
                conversation=row["id"], speaker="one", text=tidy(row["text"]), label=float(row["labels"]["intent"])
            )


def read_telephone(split: str) -> Iterator[Said]:
    """The test part holds no commitment at all; every third conversation of train, which nothing here learned from."""
    for number, talk in enumerate(read_lines(file_of("swda", "train" if split == "test" else "dev"))):
        if split == "test" and number % 3:
            continue
        for turn in talk["turns"]:
            label = float(turn["labels"]["act"] == "oo_co_cc")
            yield Said(conversation=talk["id"], speaker=turn["speaker"], text=tidy(turn["text"]), label=label)


def read_meetings(split: str) -> Iterator[Said]:
    for meeting in read_lines(file_of("mrda", split)):
        for turn in meeting["turns"]:
            spoken = turn["labels"]["basic"] in {"S", "Q"}
            label = float(turn["labels"]["full"] == "cc") if spoken else None
            yield Said(conversation=meeting["id"], speaker=str(turn["speaker"]), text=tidy(turn["text"]), label=label)


def read_campaigns(split: str) -> Iterator[Said]:
    for row in read_lines(file_of("campaign_acts", split)):
        yield Said(
            conversation=row["group"], speaker="one", text=tidy(row["text"]), label=float(row["labels"]["promise"])
        )


def read_game(split: str) -> Iterator[Said]:
    """Judged by player: whether anything they wrote promises an amount."""
    for chat in read_lines(file_of("promise_chat", split)):
        for turn in chat["turns"]:
            label = chat["labels"][turn["speaker"]]["promise"]
            key = f"{chat['id']} {turn['speaker']}"
            yield Said(conversation=chat["id"], speaker=turn["speaker"], text=tidy(turn["text"]), label=label, key=key)


TASKS = (
    Task(name="business_acts", read=read_business, splits=("dev", "test"), licence_class="open",
         note="commitment to the reader, labels both of two language-model readers gave"),
    Task(name="email_intent", read=read_email, splits=("dev", "test"), licence_class="open",
         note="the label joins requests, proposals and commitments, so recall is bounded by the share of the last"),
    Task(name="mrda", read=read_meetings, splits=("dev", "test"), channel="meeting",
         note="act 'cc' among statements and questions"),
    Task(name="swda", read=read_telephone, splits=("test",), channel="call",
         note="'offers, options, commits'; the official test part has none, so every third conversation of train"),
    Task(name="campaign_acts", read=read_campaigns, splits=("dev", "test"),
         note="promises of parties, mostly in the third person"),
    Task(name="promise_chat", read=read_game, splits=("dev", "test"),
         note="by player: whether they promised an amount; an 'ok' to a proposal counts"),
)  # fmt: skip


class Heads:
    """The encoder's probabilities, each text once."""

    def __init__(self) -> None:
        self._encoder = load_encoder()
        names = [head.signal for head in self._encoder.heads]
        self._columns = [names.index(signal) for signal in SIGNALS]
        self._known: dict[str, tuple[float, ...]] = {}

    def learn(self, texts: Sequence[str]) -> None:
        fresh = sorted(set(texts) - set(self._known))
        if fresh:
            scores = self._encoder.score(fresh)[:, self._columns]
            self._known.update(zip(fresh, map(tuple, scores.tolist()), strict=True))

    def of(self, text: str) -> tuple[float, ...]:
        return self._known[text]


def make_tables(said: Sequence[Said], heads: Heads, *, channel: str = "chat") -> tuple[pa.Table, pa.Table, pa.Table]:
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number, line in enumerate(said):
        span = {"turn_id": str(number), "sentence": 0, "start": 0, "end": len(line.text)}
        turns.append({
            "turn_id": str(number), "conversation_id": line.conversation, "position": number, "sent_at": SAID,
            "speaker": line.speaker, "channel": channel, "body": line.text, "automatic": False, "source": "bench",
        })  # fmt: skip
        sentences.append({**span, "text": line.text})
        scored = zip(SIGNALS, heads.of(line.text), strict=True)
        findings += [{**span, "signal": name, "probability": p} for name, p in scored if p >= FLOOR]
        findings.append({**span, "signal": "politeness", "probability": 0.5})  # graded: a row for whatever was read
    return conform(turns, TURNS), conform(sentences, SENTENCES), conform(findings or FINDINGS.empty_table(), FINDINGS)


@dataclass(slots=True)
class Judged:
    label: list[float] = field(default_factory=list[float])
    group: list[str] = field(default_factory=list[str])
    said: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


def judge(task: Task, split: str, heads: Heads, rivals: Mapping[str, Callable[[str], float]]) -> Judged:
    """Score every sentence, or whatever the set judges together, by the best of its sentences."""
    said = [line for line in task.read(split) if line.text]
    heads.learn([line.text for line in said])
    rows = find_promises(*make_tables(said, heads, channel=task.channel), calendar=CALENDAR).to_pylist()
    found: dict[str, float] = {}
    for row in rows:
        found[row["turn_id"]] = max(found.get(row["turn_id"], 0.0), row["probability"])
        if row["origin"] == "offer accepted" and row["origin_turn_id"] and task.name == "promise_chat":
            found[row["origin_turn_id"]] = max(found.get(row["origin_turn_id"], 0.0), row["probability"])
    scores: dict[str, dict[str, float]] = {}
    label: dict[str, tuple[float, str]] = {}
    for number, line in enumerate(said):
        if line.label is None:
            continue
        key = line.key or str(number)
        label[key] = (line.label, line.conversation)
        head = heads.of(line.text)[0]
        decided = found.get(str(number), 0.0)
        one = {
            "troth": decided,
            "curve": max(decided, score_sentence(line.text, marked=head, firm=_is_firm(line.text))),
            "head alone": head,
            "length": float(len(line.text.split())),
            **{name: rival(line.text) for name, rival in rivals.items()},
        }
        kept = scores.setdefault(key, one)
        for name, value in one.items():
            kept[name] = max(kept[name], value)
    judged = Judged()
    for key, (value, group) in label.items():
        judged.label.append(value)
        judged.group.append(group)
        for name, score in scores[key].items():
            judged.said.setdefault(name, []).append(score)
    return judged


def _is_firm(text: str) -> bool:
    when = due(text, SAID, calendar=CALENDAR)
    return when is not None and when.rule in FIRM


def precision(label: np.ndarray, score: np.ndarray) -> float:
    marked = score >= 0.5
    return float((label[marked] > 0).mean()) if marked.any() else float("nan")


METRICS = {"precision": precision, "recall": sensitivity, "F1": f1}


def report(task: Task, split: str, judged: Judged) -> list[dict[str, Any]]:
    label, group = np.array(judged.label), np.array(judged.group)
    score = {name: np.array(values) for name, values in judged.said.items()}
    rows = []
    for name, metric in (*METRICS.items(), ("AUC", area_under_curve)):
        own = score["curve" if name == "AUC" else "troth"]
        interval = bootstrap(metric, label, own, group)
        row: dict[str, Any] = {
            "signal": "commitment", "set": task.name, "split": split, "rows": len(label), "positives": int(label.sum()),
            "metric": name, "value": interval.value, "low": interval.low, "high": interval.high,
            "licence_class": task.licence_class, "note": task.note,
        }  # fmt: skip
        for rival in RIVALS[:3]:
            row[rival] = metric(label, score[rival]) if rival in score else None
        if name == "AUC":
            row["length_baseline"] = area_under_curve(label, score["length"])
        rows.append(row)
    return rows


def with_follow_through() -> dict[str, Callable[[str], float]]:
    """The package's verdict on one line; none where it is not installed."""
    try:
        module: Any = importlib.import_module("follow_through.extract")
    except ImportError:
        print("follow-through is not installed: its column is left empty", file=sys.stderr)
        return {}
    return {"follow-through": lambda text: float(bool(module.extract_text(text, "bench")))}


# Specific or vague


def specificity(split: str) -> list[dict[str, Any]]:
    """Whether a pledge could be checked later, against the annotators' scale; pledges alone, headings left out."""
    sets = {
        "pledge_specificity": [
            (tidy(row["text"]), row["labels"]["specificity_1_7"] >= 5)
            for row in read_lines(file_of("pledge_specificity", split))
            if row["labels"]["specificity_1_7"] >= 2
        ],
        "campaign_acts": [
            (tidy(row["text"]), row["labels"]["specificity"] == "specific")
            for row in read_lines(file_of("campaign_acts", split))
            if row["labels"]["specificity"] is not None
        ],
    }
    notes = {
        "pledge_specificity": "levels 5 to 7 against 2 to 4 of the expert scale, pledges alone",
        "campaign_acts": "specific against vague, promises of an action alone",
    }
    rows = []
    for name, pairs in sets.items():
        label = np.array([float(specific) for _, specific in pairs])
        own = np.array([is_specific_text(text) for text, _ in pairs])
        digits = np.array([float(bool(re.search(r"\d", text))) for text, _ in pairs])
        length = np.array([float(len(text.split())) for text, _ in pairs])
        alone = np.array([str(number) for number in range(len(pairs))])
        for metric_name, metric in (("AUC", area_under_curve), ("precision", precision), ("recall", sensitivity)):
            interval = bootstrap(metric, label, own, alone)
            rows.append({
                "signal": "commitment", "set": name, "split": split, "rows": len(label),
                "positives": int(label.sum()), "metric": f"specific, {metric_name}", "value": interval.value,
                "low": interval.low, "high": interval.high, "a digit": metric(label, digits),
                "length_baseline": area_under_curve(label, length) if metric_name == "AUC" else None,
                "licence_class": "research", "note": notes[name],
            })  # fmt: skip
    return rows


def is_specific_text(text: str) -> float:
    from troth.promises.acts import read_act  # noqa: PLC0415
    from troth.promises.find import is_specific  # noqa: PLC0415

    return float(is_specific(text, read_act(text), due(text, SAID, calendar=CALENDAR)))


# Promised against paid


def donations(split: str, heads: Heads) -> list[dict[str, Any]]:
    """Does a promise found in what the persuadee wrote separate those who then paid from those who did not?"""
    talks = list(read_lines(file_of("persuasion_for_good", split)))
    extra = [talk for talk in read_lines(file_of("persuasion_for_good", "extra")) if talk.get("split") == split]
    said, paid = [], {}
    for talk in talks + extra:
        donation = talk["outcome"]["persuadee_donation"]
        if donation is None:
            continue
        paid[talk["id"]] = float(donation > 0)
        said += [
            Said(conversation=talk["id"], speaker=turn["speaker"], text=tidy(turn["text"]), label=None)
            for turn in talk["turns"]
            if turn["text"]
        ]
    heads.learn([line.text for line in said])
    found = {
        said[int(row["turn_id"])].conversation
        for row in find_promises(*make_tables(said, heads), calendar=CALENDAR).to_pylist()
        if row["actor"] == "persuadee" and (GIVES.search(row["act"]) or GIVES.search(row["text"]))
    }
    theirs: dict[str, list[str]] = {name: [] for name in paid}
    for line in said:
        if line.speaker == "persuadee":
            theirs[line.conversation].append(line.text)
    names = sorted(paid)
    label = np.array([paid[name] for name in names])
    own = np.array([float(name in found) for name in names])
    key = np.array([
        float(any(KEYWORDS.search(text) and GIVES.search(text) for text in theirs[name])) for name in names
    ])  # fmt: skip
    length = np.array([float(sum(len(text.split()) for text in theirs[name])) for name in names])
    group = np.array(names)
    note = "a promise to give found in the persuadee's words against what was really paid"
    rows = []
    for metric_name, metric in (("AUC", area_under_curve), ("precision", precision), ("recall", sensitivity)):
        interval = bootstrap(metric, label, own, group)
        rows.append({
            "signal": "commitment", "set": "persuasion_for_good", "split": split, "rows": len(label),
            "positives": int(label.sum()), "metric": f"paid, {metric_name}", "value": interval.value,
            "low": interval.low, "high": interval.high, "keywords": metric(label, key),
            "length_baseline": area_under_curve(label, length) if metric_name == "AUC" else None,
            "licence_class": "open", "note": note,
        })  # fmt: skip
    return rows


def show(row: Mapping[str, Any]) -> str:
    rivals = " ".join(
        f"{name} {row[name]:.2f}"
        for name in (*RIVALS, "length_baseline")
        if row.get(name) is not None and not np.isnan(row[name])
    )
    head = f"{row['signal']:<20}{row['set']:<22}{row['split']:<6}{row['rows']:>6}{row['positives']:>6}  "
    return f"{head}{row['metric']:<16}{row['value']:>5.2f} ({row['low']:.2f}–{row['high']:.2f})  {rivals}"


def as_check(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as `troth validity` shows it, the rivals joined in one column."""
    shown = {name: round(v, 4) if isinstance(v, float) else v for name, v in row.items() if name not in RIVALS}
    rivals = [f"{name} {row[name]:.2f}" for name in RIVALS if row.get(name) is not None and not np.isnan(row[name])]
    return {"found_by": "rules and encoder", **shown, "rivals": ", ".join(rivals) or None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    given = parser.parse_args()
    if not DATA.is_dir():
        print(f"no labelled sets at {DATA}: nothing is measured")
        return
    heads = Heads()
    rivals = {"keywords": lambda text: float(bool(KEYWORDS.search(text))), **with_follow_through()}
    rows: list[dict[str, Any]] = []
    for task in TASKS:
        if given.split in task.splits:
            rows += report(task, given.split, judge(task, given.split, heads, rivals))
    rows += specificity(given.split)
    rows += donations(given.split, heads)
    for row in rows:
        print(show(row))
    if given.json is not None:
        lines = ",\n".join(json.dumps(as_check(row), ensure_ascii=False, allow_nan=False) for row in rows)
        given.json.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
