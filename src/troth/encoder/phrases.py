"""Acts that rules find in the words of one sentence, where too few examples are known for a head to learn from.

The wordings lie in `phrases.toml`. What stands in quotation marks is somebody else's. Every pattern is matched by RE2
in time linear in the text. English only, like the heads.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import re2
from numpy.typing import NDArray

_QUOTED: Final = re2.compile(r'"[^"]*"|“[^”]*”|„[^“”]*[“”]')
_LONGEST: Final = 4_096  # characters of a sentence that are looked at, as the encoder does
_LONGEST_THANKS: Final = 60  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The wordings of one act, as RE2 patterns; `shouts` is matched against text in capitals, as it was written.

    `precision` is told beside each finding as its probability.
    """

    says: tuple[str, ...]
    unless: tuple[str, ...]
    shouts: str | None
    precision: float


@cache
def load_rules() -> Mapping[str, Rule]:
    """Act to its rule."""
    raw = _load()
    parts: dict[str, str] = raw["parts"]
    return MappingProxyType(
        {
            act: Rule(
                says=tuple(_fill_in(pattern, parts) for pattern in rule["says"]),
                unless=tuple(_fill_in(pattern, parts) for pattern in rule["unless"]),
                shouts=rule.get("shouts"),
                precision=rule["precision"],
            )
            for act, rule in raw["acts"].items()
        }
    )


def mark_rules() -> str:
    """What changes whenever a rule does: findings made with others mean something else."""
    return hashlib.sha256(_read()).hexdigest()


def find_phrases(texts: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Which of these sentences say which act: act to an array of shape (len(texts),).

    Cost: some seven microseconds a sentence. All wordings are looked for at once, by the words without which none of
    them can be there; only what holds such a word is matched.
    """
    net = _compile()
    found = {act: np.zeros(len(texts), bool) for act in load_rules()}
    for number, whole in enumerate(texts):
        text = whole[:_LONGEST]
        plain = text.lower() if "’" not in text else text.replace("’", "'").lower()
        if net.says.Match(plain):
            for act in net.find(plain):
                found[act][number] = True
        if text.isupper():
            for act in net.find_shouts(text):
                found[act][number] = True
    return found


def find_thanks(texts: Sequence[str]) -> NDArray[np.float32]:
    """How likely each of these sentences, which open their turns, is gratitude by its words alone; shape (len(texts),).

    "Thank you, Jürgen." thanks where more follows. At the end of a mail the same words are a closing, and the head,
    which does not see where a sentence stands, is unsure of both.
    """
    raw = _load()["thanks"]
    says, unless = re2.compile(raw["says"]), re2.compile(raw["unless"])
    plain = [text.lower() if len(text) <= _LONGEST_THANKS else "" for text in texts]
    is_meant = [bool(says.search(text)) and not unless.search(text) for text in plain]
    return np.where(is_meant, np.float32(raw["probability"]), np.float32(0.0))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Net:
    """Every wording compiled."""

    says: Any  # of all acts together
    act_of: tuple[str, ...]  # of each pattern in it
    unless: Mapping[str, Any]
    shouts: Mapping[str, Any]

    def find(self, plain: str) -> set[str]:
        own_words = _QUOTED.sub('""', plain)
        acts = {self.act_of[number] for number in self.says.Match(own_words) or ()}
        return {act for act in acts if not self.unless[act].search(own_words)}

    def find_shouts(self, text: str) -> set[str]:
        return {act for act, pattern in self.shouts.items() if pattern.search(text)}


@cache
def _compile() -> _Net:
    rules = load_rules()
    says = re2.Filter()
    for rule in rules.values():
        for pattern in rule.says:
            says.Add(pattern)
    says.Compile()
    return _Net(
        says=says,
        act_of=tuple(act for act, rule in rules.items() for _ in rule.says),
        unless={act: re2.compile("|".join(f"(?:{pattern})" for pattern in rule.unless)) for act, rule in rules.items()},
        shouts={act: re2.compile(rule.shouts) for act, rule in rules.items() if rule.shouts is not None},
    )


@cache
def _load() -> dict[str, Any]:
    return tomllib.loads(_read().decode("utf-8"))


@cache
def _read() -> bytes:
    return files("troth.encoder").joinpath("phrases.toml").read_bytes()


def _fill_in(pattern: str, parts: Mapping[str, str]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"{{{name}}}", part)
    return pattern
