"""troth validity"""

from __future__ import annotations

from typing import Any

import typer

from troth.cli.options import Format, FormatOption, stoppable

_CHECK = ("set", "split", "rows", "metric", "value", "low", "high", "length_baseline", "tfidf_baseline", "published",
          "agreement", "licence_class", "note")  # fmt: skip
_COLUMNS = ("signal", "found_by", *_CHECK, "rivals")


@stoppable
def validity(shape: FormatOption = Format.table) -> None:
    """How well each signal was found to work, on which data, beside length alone, TF-IDF and published figures.

    Example: troth validity --format jsonl
    """
    from troth.cli.output import write_rows

    rows = list_validity()
    columns = [column for column in _COLUMNS if column not in {"licence_class", "note", "rivals"}]
    write_rows(rows, shape, columns=columns if shape is Format.table else [*_COLUMNS, "published_source"])


def list_validity() -> list[dict[str, Any]]:
    """One row for each signal and check; a signal that was never checked, or is not found yet, says so."""
    from troth.encoder import card
    from troth.signals import CATALOGUE

    shipped = card()
    found = set(shipped.signals)
    rows: list[dict[str, Any]] = []
    for signal in CATALOGUE.values():
        checks = [dict(check) for check in shipped.checks if check["signal"] == signal.name]
        if signal.found_by == "encoder" and signal.name not in found:
            reason = shipped.not_yet.get(signal.name, "no head is shipped")
            rows.append({"signal": signal.name, "found_by": "not yet", "metric": reason, "note": reason})
        elif checks:
            rows += [{"found_by": signal.found_by, **check} for check in checks]
        else:
            rows.append({"signal": signal.name, "found_by": signal.found_by, "metric": "not checked yet"})
    together = [dict(check) for check in shipped.checks if check["signal"] not in CATALOGUE]
    return rows + [{"found_by": "encoder", **check} for check in together] + _stage_checks()


def _stage_checks() -> list[dict[str, Any]]:
    """What was measured of whole stages, rules and encoder together: one file each, written by `bench/`."""
    import json
    from importlib.resources import files

    folder = files("troth").joinpath("checks")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json")) if folder.is_dir() else []
    return [row for name in names for row in json.loads(folder.joinpath(name).read_text("utf-8"))]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(validity)
