"""The labelled sets as word pieces and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.research.packed import Packed, Pieces, Split, write_packed
from training.research.sets import Part, read_sets
from training.research.tasks import EVERY
from troth.encoder.tokenise import Tokeniser

OPENING: Final = 101  # [CLS] in BERT's vocabulary
KEPT: Final = 256
"""Word pieces kept of one text, the opening and closing marks included."""
_WORDS_AT_ONCE: Final = 40  # the shipped tokeniser stops after 128 pieces, so a long text goes through it in parts


def cut_pieces(tokeniser: Tokeniser, text: str) -> Pieces:
    """The word pieces of a text of any length, between the marks that the base models learned, at most `KEPT`."""
    words = text.split()
    numbers = [OPENING]
    for start in range(0, len(words), _WORDS_AT_ONCE):
        *pieces, closing = tokeniser.tokenise(" ".join(words[start : start + _WORDS_AT_ONCE]))
        numbers += pieces
        if len(numbers) >= KEPT:
            break
    else:
        closing = tokeniser.tokenise("")[-1]
    return np.array([*numbers[: KEPT - 1], closing], dtype=np.uint16)


def pack_part(part: Part, tokeniser: Tokeniser) -> Packed:
    """Tokenise one part and lay out what is said of it."""
    items = part.items
    _, group = np.unique(np.array([item.group for item in items], dtype=np.str_), return_inverse=True)
    said: dict[str, NDArray[np.float32]] = {}
    for task in EVERY:
        width = 1 if task.kind == "class" else len(task.outputs)
        if any(task.name in item.said for item in items):
            nothing = (np.nan,) * width
            said[task.name] = np.array([item.said.get(task.name, nothing) for item in items], dtype=np.float32)
    answers = any(item.before is not None for item in items)
    return Packed(
        texts=[cut_pieces(tokeniser, item.text) for item in items],
        before=[cut_pieces(tokeniser, item.before or "") for item in items] if answers else None,
        group=group.astype(np.int32),
        said=said,
        pairs=np.array(part.pairs, dtype=np.int32).reshape(-1, 2),
    )


def pack_all(data: Path, own: Path, *, vocabulary: Path, into: Path, rows: int | None = None) -> None:
    """Read, tokenise and write every set; with `rows`, at most so many of each split of a set, to try things out."""
    tokeniser = Tokeniser(vocabulary.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    splits: tuple[Split, ...] = ("train", "dev", "test")
    write_packed(
        into,
        {
            split: {name: pack_part(_cap(part, rows), tokeniser) for name, part in read_sets(data, own, split).items()}
            for split in splits
        },
    )


def _cap(part: Part, rows: int | None) -> Part:
    if rows is None:
        return part
    pairs = [pair for pair in part.pairs if max(pair) < rows]
    return Part(items=part.items[:rows], pairs=pairs)
