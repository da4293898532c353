"""The model card: what the shipped weights are, what made them, and how well each head was found to work.

Reading it does not load the runtime.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from troth.encoder.phrases import mark_rules
from troth.errors import EncoderError

_REMEDY = "Install troth again; if you build the weights yourself, run `make weights`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One output of the encoder, and how its raw number becomes something to read.

    A binary head's raw number z is calibrated to the probability 1 / (1 + exp(-(scale·z + offset))).
    A graded head's becomes the value scale·z + offset, in standard deviations of the reference set; the true value
    scatters around it with standard deviation `spread`, and `median` is the reference set's median.
    """

    signal: str
    kind: Literal["binary", "graded"]
    scale: float = 1.0
    offset: float = 0.0
    median: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The model card of the shipped weights."""

    name: str
    base: Mapping[str, Any]  # name, package, licence and sha256 of the model it was fine-tuned from
    made: Mapping[str, Any]  # layers, precision, seed, versions
    heads: tuple[Head, ...]
    not_yet: Mapping[str, str]  # signal to the reason why its head is not shipped
    training: tuple[Mapping[str, Any], ...]  # every file learned from: path, sha256, rows, licence, attribution
    checks: tuple[Mapping[str, Any], ...]  # how well each head was found to work, and on what
    files: Mapping[str, str]  # name of each weight file to its sha256

    @property
    def signals(self) -> tuple[str, ...]:
        """What the encoder finds, in the order of its outputs."""
        return tuple(head.signal for head in self.heads)


@cache
def card() -> Card:
    """The card of the weights shipped in this package.

    Raises: EncoderError when it is missing or cannot be read.
    """
    place = weights_folder() / "card.json"
    try:
        return read_card(json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise EncoderError(f"the encoder's card is missing at {place}. {_REMEDY}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"the encoder's card at {place} cannot be read ({error}). {_REMEDY}") from error


def read_card(raw: Mapping[str, Any]) -> Card:
    """A card from its JSON form."""
    return Card(
        name=raw["name"],
        base=raw["base"],
        made=raw["made"],
        heads=tuple(Head(**head) for head in raw["heads"]),
        not_yet=raw["not_yet"],
        training=tuple(raw["training"]),
        checks=tuple(raw["checks"]),
        files=raw["files"],
    )


def weights_folder() -> Traversable:
    """Where the weights lie inside the installed package."""
    return files("troth.encoder") / "weights"


def verified(folder: Traversable, hashes: Mapping[str, str], names: Sequence[str]) -> list[bytes]:
    """The contents of the named weight files, each checked against its hash in the card.

    Raises: EncoderError when one is missing or was altered.
    """
    contents: list[bytes] = []
    for name in names:
        place = folder / name
        try:
            content = place.read_bytes()
        except OSError as error:
            raise EncoderError(f"the encoder's weight file {place} cannot be read ({error}). {_REMEDY}") from error
        if (found := hashlib.sha256(content).hexdigest()) != hashes[name]:
            raise EncoderError(
                f"the encoder's weight file {place} was altered: its sha256 begins {found[:12]}, "
                f"the card says {hashes[name][:12]}. {_REMEDY}"
            )
        contents.append(content)
    return contents


def encoder_id() -> str:
    """What names the shipped encoder in a book and in the reference: its name, and the hash of its weights and of the
    rules on words that find what it has no head for."""
    shipped = card()
    made_of = "".join([*sorted(shipped.files.values()), mark_rules()])
    return f"{shipped.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
