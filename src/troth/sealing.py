"""Seals over closed days: each hashes what the books held, and the seal before it.

Readings and levels are made anew when a seal is checked, and are sealed to four decimals: what a processor rounds
otherwise must not look like another history. Forecasts are read back as they were written and sealed to the last bit.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from troth.schema import CLOSINGS
from troth.trust import State

_DECIMALS: Final = 4
_SEALED: Final = tuple(name for name in CLOSINGS.names if name != "seal")


def seal_readings(came: pa.Table, went: pa.Table) -> str:
    """SHA-256 over READINGS that came into the books and that left them, in an order that rows do not choose."""
    lines = [_line(mark, row, _round) for mark, rows in (("+", came), ("-", went)) for row in rows.to_pylist()]
    return _hash(sorted(lines))


def seal_levels(states: Mapping[str, State], homes: Iterable[str]) -> str:
    """SHA-256 over where these relationships stand: time, mean and variance of every part of every level."""
    lines: list[str] = []
    for home in sorted(homes):
        if home in states:
            for gauge, block in sorted(states[home].blocks.items()):
                numbers = [*block.mean, *np.diag(block.cov)]
                lines.append(_dump([home, gauge, block.at_us, [_round(one) for one in numbers]]))
    return _hash(lines)


def seal_forecasts(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over rows of FORECASTS of one day, in order of their number."""
    return _hash([_line("", row) for row in sorted(rows, key=lambda row: row["number"])])


def seal_closing(row: Mapping[str, Any]) -> str:
    """SHA-256 over a row of CLOSINGS without its own seal; the seal before it is in there."""
    return seal_row(row, _SEALED)


def seal_row(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """SHA-256 over these columns of a row, to the last bit."""
    return _hash([_line("", {name: row[name] for name in names})])


def check_seals(
    closings: Sequence[Mapping[str, Any]],
    scored: Mapping[str, Sequence[Mapping[str, Any]]],
    resealed: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """What is wrong with a chain of CLOSINGS in order, one plain line each; nothing where it holds.

    Args:
        closings: rows of CLOSINGS, oldest first.
        scored: day to its rows of FORECASTS.
        resealed: day to the seal of its FORECASTS since somebody was forgotten whom they named.
    """
    found: list[str] = []
    previous = ""
    for row in closings:
        if row["previous"] != previous:
            found.append(f"{row['day']}: a closed day before it was taken out, or put in.")
        if row["seal"] != seal_closing(row):
            found.append(f"{row['day']}: the closing itself was altered.")
        if resealed.get(row["day"], row["scored"]) != seal_forecasts(scored.get(row["day"], ())):
            found.append(f"{row['day']}: its forecasts were altered.")
        previous = row["seal"]
    days = {row["day"] for row in closings}
    found += [f"{day}: forecasts without a closed day." for day in sorted(set(scored) - days)]
    return found


def _line(mark: str, row: Mapping[str, Any], write: Callable[[float], str] = repr) -> str:
    return mark + _dump({name: _plain(value, write) for name, value in row.items()})


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any, write: Callable[[float], str]) -> Any:
    if isinstance(value, float):
        return write(value)
    if isinstance(value, list):
        return [_plain(one, write) for one in value]
    if isinstance(value, dt.datetime):
        return int(pa.scalar(value, pa.timestamp("us", tz="UTC")).value)
    return value


def _round(number: float) -> str:
    """Four decimals, with no sign on zero; infinities by name."""
    return f"{number:.{_DECIMALS}f}".replace("-0.0000", "0.0000") if np.isfinite(number) else str(number)


def _hash(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()
