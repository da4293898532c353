"""A table of accounts that a firm keeps itself: who belongs to which account, and who looks after it; a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from troth.errors import SettingsError

_WHO: Final = ("address", "domain", "email", "who", "handle", "phone")
_TOLD: Final = ("account", "circle", "owner", "segment")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTable:
    """What the file says of addresses, domains, handles and phones, in lower case."""

    account: dict[str, str] = field(default_factory=dict[str, str])
    circle: dict[str, str] = field(default_factory=dict[str, str])
    owner: dict[str, str] = field(default_factory=dict[str, str])
    segment: dict[str, str] = field(default_factory=dict[str, str])


def read_account_table(path: Path, *, circles: tuple[str, ...]) -> AccountTable:
    """Read a CSV with a column `address`, `domain`, `handle` or `phone`, and any of account, circle, owner, segment.

    Raises: SettingsError naming the file, the row and what is expected.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            heads = [head.strip().casefold() for head in next(rows, [])]
            keys = [place for place, head in enumerate(heads) if head in _WHO]
            told = {name: heads.index(name) for name in _TOLD if name in heads}
            if not keys or not told:
                raise SettingsError(
                    f"{path}: needs a heading row with one of {', '.join(_WHO)} and one of {', '.join(_TOLD)}; "
                    f"found {', '.join(heads[:8]) or 'nothing'}."
                )
            return _read_rows(path, rows, keys, told, circles)
    except OSError as error:
        raise SettingsError(f"{path}: the table of accounts cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: the table of accounts is no CSV file in UTF-8: {error}.") from error


def _read_rows(
    path: Path, rows: Iterable[list[str]], keys: list[int], told: dict[str, int], circles: tuple[str, ...]
) -> AccountTable:
    found: dict[str, dict[str, str]] = {name: {} for name in _TOLD}
    for line, row in enumerate(rows, start=2):
        for key in keys:
            who = row[key].strip().lower().removeprefix("@") if key < len(row) else ""
            for name, place in told.items():
                value = row[place].strip() if place < len(row) else ""
                if not who or not value:
                    continue
                if name == "circle" and value not in circles:
                    raise SettingsError(
                        f"{path}: row {line}: there is no circle {value!r}; there are {', '.join(circles)}."
                    )
                if found[name].setdefault(who, value) != value:
                    raise SettingsError(f"{path}: row {line}: another row says another {name} of {who!r}.")
    return AccountTable(**found)
