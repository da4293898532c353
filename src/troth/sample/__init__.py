"""The fictional firm of the demonstration: half a year in the mailbox of one account manager, with its key.

The mails were written by hand as plain text in `mails/`; this package only dresses them as mail.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from troth.sample._key import Arc, Key, LastDay, Promise, Question, read_key
from troth.sample._mbox import build_mbox
from troth.sample._source import read_mails

__all__ = [
    "SAMPLE_DAY",
    "SAMPLE_ME",
    "SAMPLE_ZONE",
    "Arc",
    "Key",
    "LastDay",
    "Promise",
    "Question",
    "read_key",
    "sample_mailbox",
    "write_sample",
]

SAMPLE_ME: Final = "anna@brimholt.example"
"""Whose mailbox it is."""

SAMPLE_ZONE: Final = "Europe/Berlin"
"""The zone whose midnight closes its books."""

SAMPLE_DAY: Final = date(2026, 11, 20)
"""The last day of the sample, a Friday."""


def sample_mailbox() -> bytes:
    """The whole mailbox in mbox form, the same bytes every time."""
    return build_mbox(read_mails())


def write_sample(folder: Path) -> Path:
    """Write the mailbox as `brimholt.mbox` into `folder`, made if absent, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "brimholt.mbox"
    path.write_bytes(sample_mailbox())
    return path
