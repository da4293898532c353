"""The question sets: data files in `sets/`, checked once when they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from troth.errors import InputError
from troth.lenses import CHECKPOINTS
from troth.signals import HELD
from troth.told import Told

Language = Literal["en", "de"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")
NAMES: Final = ("questions", "checkpoints", "anchor", "colleague", "friend")
"""The five sets."""

_OF_LENS: Final = MappingProxyType({"equation": "questions", "equation_held": "questions", "triangle": "checkpoints"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The points an answer can take, and their names."""

    lowest: int
    highest: int
    labels: Mapping[Language, tuple[str, ...]]  # from lowest to highest

    @property
    def points(self) -> range:
        """Every value an answer can have."""
        return range(self.lowest, self.highest + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One statement to agree or disagree with."""

    id: str  # letters, digits and underscores: every survey tool takes it as a column name
    facet: str  # of HELD
    text: Mapping[Language, str]
    is_reversed: bool  # agreeing speaks against the facet
    asks_about: str | None  # the checkpoint of SHOWN that the answer can be laid beside


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """Statements that are asked together."""

    name: str
    asked_of: str  # customer, colleague, friend
    title: Mapping[Language, str]
    intro: Mapping[Language, str]
    items: tuple[Item, ...]
    scale: Scale


@cache
def load_set(name: str) -> QuestionSet:
    """The question set of this name.

    Raises: InputError naming the sets when there is none of this name.
    """
    if name not in NAMES:
        raise InputError(
            Told("there is no question set {name!r}; there are {known}.", name=name, known=", ".join(NAMES))
        )
    stated = _read(name)
    return QuestionSet(
        name=name,
        asked_of=stated["asked_of"],
        title=_both(stated["title"], name),
        intro=_both(stated["intro"], name),
        items=tuple(_read_item(item) for item in stated["items"]),
        scale=load_scale(),
    )


def set_of_lens(lens: str) -> QuestionSet:
    """The question set that asks for what a lens shows.

    Raises: InputError naming the lenses that have one.
    """
    if lens not in _OF_LENS:
        raise InputError(f"no question set belongs to a lens {lens!r}; there is one for {', '.join(_OF_LENS)}.")
    return load_set(_OF_LENS[lens])


@cache
def load_scale() -> Scale:
    """The one scale of all sets."""
    stated = _read("scale")
    scale = Scale(
        lowest=stated["lowest"],
        highest=stated["highest"],
        labels=MappingProxyType({language: tuple(stated["labels"][language]) for language in LANGUAGES}),
    )
    if any(len(labels) != len(scale.points) for labels in scale.labels.values()):
        raise InputError("scale.toml: every point of the scale needs one label in every language.")
    return scale


@cache
def all_items() -> Mapping[str, Item]:
    """Every item of every set, by id."""
    return MappingProxyType({item.id: item for name in NAMES for item in load_set(name).items})


@cache
def home_of(item_id: str) -> str | None:
    """The name of the set that an item belongs to; None when it belongs to none of ours."""
    return next((name for name in NAMES if any(item.id == item_id for item in load_set(name).items)), None)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("troth.surveys").joinpath("sets", f"{name}.toml").read_text("utf-8"))


def _read_item(stated: Mapping[str, Any]) -> Item:
    item = Item(
        id=stated["id"],
        facet=stated["facet"],
        text=_both(stated, stated["id"]),
        is_reversed=stated.get("reversed", False),
        asks_about=stated.get("asks_about"),
    )
    if item.facet not in HELD:
        raise InputError(f"item {item.id}: {item.facet!r} is no facet of HELD; those are {', '.join(HELD)}.")
    if item.asks_about is not None and item.asks_about not in {pillar.name for pillar in CHECKPOINTS}:
        raise InputError(f"item {item.id}: {item.asks_about!r} is none of the six checkpoints.")
    return item


def _both(stated: Mapping[str, Any], where: str) -> Mapping[Language, str]:
    missing = [language for language in LANGUAGES if not str(stated.get(language, "")).strip()]
    if missing:
        raise InputError(f"{where}: has no words in {', '.join(missing)}.")
    return MappingProxyType({language: stated[language] for language in LANGUAGES})
