"""One reader a set, all to the same `Item`: a text, the turn before where the set has one, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.data import falls_to_dev, own_split
from training.research.packed import Split
from training.research.tasks import ACTS_TASK, ASPECTS, EMOTIONS, EVERY, QUALITIES, STRATEGIES
from training.sets import ACTS, Row, read_acts, read_lines, read_own, restore_marks

NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One text.

    Attributes:
        group: conversation, post or author: never on two sides, and resampled together.
        said: task to the number of the class, or one number for each output; NaN where the set says nothing.
        before: the turn that it answers; None where there is none or the set does not tell.
    """

    text: str
    group: str
    said: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One split of one set. `pairs`: numbers of two items, the more convincing first, and their group."""

    items: list[Item]
    pairs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def _last(row: Mapping[str, Any]) -> str | None:
    context = row.get("context") or []
    return context[-1]["text"] if context else None


def _class(task: str, name: str) -> tuple[float, ...]:
    outputs = next(entry.outputs for entry in EVERY if entry.name == task)
    return (float(outputs.index(name)),)


def _known(values: list[Any]) -> tuple[float, ...]:
    return tuple(NAN if value is None else float(value) for value in values)


def _read_epitome(row: Mapping[str, Any]) -> Item:
    said = {
        f"epitome/{task}": _known([row["labels"][name]])
        for task, name in (
            ("reaction", "emotional_reaction"),
            ("interpretation", "interpretation"),
            ("exploration", "exploration"),
        )
    }
    return Item(text=row["text"], group=row["meta"]["seeker_post"], said=said, before=_last(row))


def _read_politeness(name: str) -> Callable[[Mapping[str, Any]], Item]:
    def read(row: Mapping[str, Any]) -> Item:
        labels = row["labels"]
        said = {
            f"{name}/polite": _known([labels["polite_binary"]]),
            f"{name}/politeness": _known([labels["politeness"]]),
        }
        return Item(text=row["text"], group=row["id"], said=said)

    return read


def _read_intimacy(row: Mapping[str, Any]) -> Item:
    said = {"intimacy_questions/intimacy": _known([row["labels"]["intimacy"]])}
    return Item(text=row["text"], group=row["id"], said=said)


def _read_offmychest(row: Mapping[str, Any]) -> Item:
    names = ("emotional_disclosure", "information_disclosure", "emo_support", "info_support")
    said = {f"offmychest/{name}": _known([row["labels"][name]]) for name in names}
    return Item(text=restore_marks(row["text"]), group=row["meta"]["post"], said=said)


def _read_goemotions(row: Mapping[str, Any]) -> Item:
    given = set(row["labels"]["emotions"])
    said = {"goemotions/emotions": tuple(float(name in given) for name in EMOTIONS)}
    return Item(text=row["text"], group=row["id"], said=said)


def _read_certainty(row: Mapping[str, Any]) -> Item:
    labels = row["labels"]
    aspects = [labels.get(f"aspect_{aspect}") for aspect in ASPECTS]
    marks = [None if at is None else at == how for at in aspects for how in ("Certain", "Uncertain")]
    said = {
        "certainty_science/certainty": _known([labels.get("sentence_certainty")]),
        "certainty_science/aspects": _known(marks),
    }
    return Item(text=row["text"], group=row["id"], said=said)


def _read_vira(row: Mapping[str, Any]) -> Item:
    name = row["labels"]["trust"].removesuffix("_trust")
    return Item(text=row["text"], group=row["id"], said={"vira_trust/trust": _class("vira_trust/trust", name)})


def _read_hosts(row: Mapping[str, Any]) -> Item:
    labels = row["labels"]
    said = {
        "airbnb_host_trust/trust": _known([labels["trust"]]),
        "airbnb_host_trust/parts": _known([labels[name] for name in ("ability", "benevolence", "integrity")]),
    }
    return Item(text=row["text"], group=row["id"], said=said)


def _read_annomi(row: Mapping[str, Any]) -> Item:
    labels = row["labels"]
    task, name = ("annomi/behaviour", labels["behaviour"]) if "behaviour" in labels else ("annomi/talk", labels["talk"])
    group = str(row["meta"]["transcript"])
    return Item(text=row["text"], group=group, said={task: _class(task, name)}, before=_last(row))


def _read_intent(row: Mapping[str, Any]) -> Item:
    return Item(text=row["text"], group=row["id"], said={"email_intent/intent": _known([row["labels"]["intent"]])})


def _read_complaint(row: Mapping[str, Any]) -> Item:
    said = {"complaints/complaint": _known([row["labels"]["complaint"]])}
    return Item(text=row["text"], group=row["id"], said=said)


def _read_qualities(row: Mapping[str, Any]) -> Item:
    said = {"argquality_novice/qualities": _known([row["labels"][name] for name in QUALITIES])}
    return Item(text=row["text"], group=row["id"], said=said)


def _read_pledge(row: Mapping[str, Any]) -> Item:
    said = {"pledges/pledge": _known([row["labels"]["pledge"]])}
    return Item(text=row["text"], group=row["id"], said=said, before=_last(row))


def _by_row(read: Callable[[Mapping[str, Any]], Item]) -> Callable[[Path], Part]:
    return lambda path: Part(items=[read(row) for row in read_lines(path)])


def _read_persuasion(path: Path) -> Part:
    return Part(items=list(_walk_persuasion(path)))


def _walk_persuasion(path: Path) -> Iterator[Item]:
    for dialogue in read_lines(path):
        before: str | None = None
        for turn in dialogue["turns"]:
            act = (turn.get("labels") or {}).get("act")
            if act in STRATEGIES:
                said = {"persuasion_for_good/act": _class("persuasion_for_good/act", act)}
                yield Item(text=turn["text"], group=dialogue["id"], said=said, before=before)
            before = turn["text"]


_MEETING_ACTS: Final = ("cc", "cs", "co")


def _read_meetings(path: Path) -> Part:
    return Part(items=list(_walk_meetings(path)))


def _walk_meetings(path: Path) -> Iterator[Item]:
    for meeting in read_lines(path):
        before: str | None = None
        for turn in meeting["turns"]:
            if turn["labels"]["basic"] not in {"S", "Q"}:  # the rest is floor holding and broken off
                continue
            act = turn["labels"]["full"]
            said = {"mrda/acts": tuple(float(act == name) for name in _MEETING_ACTS)}
            yield Item(text=turn["text"], group=meeting["id"], said=said, before=before)
            before = turn["text"]


def _read_pairs(path: Path) -> Part:
    numbers: dict[str, int] = {}
    items: list[Item] = []
    pairs: list[tuple[int, int]] = []
    for row in read_lines(path):
        for text in (row["text"], row["text_b"]):
            if text not in numbers:
                numbers[text] = len(items)
                items.append(Item(text=text, group=row["group"]))
        first, second = numbers[row["text"]], numbers[row["text_b"]]
        pairs.append((first, second) if row["labels"]["more_convincing"] == "a" else (second, first))
    return Part(items=items, pairs=pairs)


def _mark_acts(rows: Iterator[Row]) -> list[Item]:
    return [
        Item(
            text=row.text,
            group=row.group,
            said={ACTS_TASK.name: tuple(row.targets.get(act, NAN) for act in ACTS)},
        )
        for row in rows
    ]


def _read_business(path: Path) -> Part:
    return Part(items=_mark_acts(read_acts(path)))


def _files(name: str, *, zipped: tuple[str, ...] = (), dev: bool = True) -> dict[str, str]:
    splits = ("train", "dev", "test") if dev else ("train", "test")
    return {split: f"{name}/{split}.jsonl{'.gz' if split in zipped else ''}" for split in splits}


READERS: Final[Mapping[str, tuple[Mapping[str, str], Callable[[Path], Part]]]] = {
    "epitome": (_files("epitome"), _by_row(_read_epitome)),
    "stanford_politeness_se": (
        _files("stanford_politeness_se"),
        _by_row(_read_politeness("stanford_politeness_se")),
    ),
    "stanford_politeness_wiki": (
        _files("stanford_politeness_wiki"),
        _by_row(_read_politeness("stanford_politeness_wiki")),
    ),
    "intimacy_questions": (_files("intimacy_questions"), _by_row(_read_intimacy)),
    "offmychest": (_files("offmychest"), _by_row(_read_offmychest)),
    "goemotions": (_files("goemotions", zipped=("train",)), _by_row(_read_goemotions)),
    "certainty_science": (_files("certainty_science"), _by_row(_read_certainty)),
    "vira_trust": (_files("vira_trust"), _by_row(_read_vira)),
    "airbnb_host_trust": (_files("airbnb_host_trust"), _by_row(_read_hosts)),
    "ukp_convarg1_pairs": (_files("ukp_convarg1_pairs", zipped=("train", "test")), _read_pairs),
    "annomi": (_files("annomi", zipped=("train",)), _by_row(_read_annomi)),
    "persuasion_for_good": (_files("persuasion_for_good"), _read_persuasion),
    "email_intent": (_files("email_intent", dev=False), _by_row(_read_intent)),
    "complaints": (_files("complaints"), _by_row(_read_complaint)),
    "argquality_novice": (_files("argquality_novice"), _by_row(_read_qualities)),
    "mrda": (_files("mrda", zipped=("train", "dev", "test")), _read_meetings),
    "pledges": (_files("pledges", zipped=("train",)), _by_row(_read_pledge)),
    "business_acts": (_files("business_acts"), _read_business),
}
"""Set to its files, relative to the data folder, and how one of them is read."""


def read_sets(data: Path, own: Path, split: Split) -> dict[str, Part]:
    """The rows of one split, by set; the turns written for this project teach the same task as `business_acts`.

    A set without a dev part of its own gives the tenth of its training part that a hash of the group picks.
    """
    parts: dict[str, Part] = {}
    for name, (files, read) in READERS.items():
        if split in files and ("dev" in files or split == "test"):
            parts[name] = read(data / files[split])
        else:
            items = read(data / files["train"]).items
            parts[name] = Part(items=[item for item in items if falls_to_dev(item.group) == (split == "dev")])
    parts["own"] = Part(items=_mark_acts(row for row in read_own(own) if own_split(row.group) == split))
    return parts
