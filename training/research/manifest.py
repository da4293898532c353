"""Exactly which files the research recipe reads: each with its hash, its licence class and what it teaches."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from training.research.sets import READERS
from training.research.tasks import EVERY

PINNED: Final = Path(__file__).parent / "manifest.json"


def describe_files(data: Path) -> list[dict[str, Any]]:
    """One entry for each file of the labelled sets, in a fixed order."""
    return [
        {
            "set": name,
            "split": split,
            "path": f"../shared/data/{path}",
            "sha256": _hash(data / path),
            "licence_class": next(task.licence_class for task in EVERY if task.set == name),
            "tasks": {task.name: task.kind for task in EVERY if task.set == name},
        }
        for name, (files, _) in READERS.items()
        for split, path in files.items()
    ]


def pin(data: Path, *, into: Path = PINNED) -> None:
    """Write the manifest for the files as they are now."""
    into.write_text(json.dumps(describe_files(data), indent=1) + "\n", encoding="utf-8")


def check_pinned(data: Path, *, pinned: Path = PINNED) -> None:
    """Each file of the manifest is found to be what was pinned.

    Raises: SystemExit naming the first file that is missing or differs.
    """
    for entry in json.loads(pinned.read_text(encoding="utf-8")):
        path = data / entry["path"].removeprefix("../shared/data/")
        if not path.is_file():
            raise SystemExit(f"{path} is missing. Give the folder of labelled sets with --data.")
        if _hash(path) != entry["sha256"]:
            raise SystemExit(f"{path} is not the pinned file. If the change is meant, give --pin too.")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
