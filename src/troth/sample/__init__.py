"""The fictional firm of the demonstration: half a year of one account manager, in mail and on every other channel.

The words were written by hand as plain text in the folders beside this module; this package only dresses them as the
exports that mail programs, chats, help desks, a CRM and a survey tool write. A key says what is true of them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final, Protocol

from troth.sample._assistant import build_assistant
from troth.sample._calls import build_call
from troth.sample._crm import build_crm, read_crm
from troth.sample._key import Arc, Contradiction, Key, LastDay, Promise, Question, Repeat, read_key
from troth.sample._letters import build_letters
from troth.sample._mbox import build_mbox
from troth.sample._slack import build_slack
from troth.sample._source import read_mails, read_people
from troth.sample._survey import build_survey
from troth.sample._talks import Turn, read_talks
from troth.sample._whatsapp import build_whatsapp
from troth.sample._zendesk import build_zendesk

__all__ = [
    "SAMPLE_DAY",
    "SAMPLE_ME",
    "SAMPLE_ZONE",
    "Arc",
    "Contradiction",
    "Key",
    "LastDay",
    "Promise",
    "Question",
    "Repeat",
    "Turn",
    "read_key",
    "read_sample",
    "sample_files",
    "sample_mailbox",
    "sample_people",
    "write_sample",
]

SAMPLE_ME: Final = "anna@brimholt.example"
"""Whose mailbox it is."""

SAMPLE_ZONE: Final = "Europe/Berlin"
"""The zone whose midnight closes its books."""

SAMPLE_DAY: Final = date(2026, 11, 20)
"""The last day of the sample, a Friday."""

_MAILBOX: Final = "brimholt.mbox"
_SURVEY: Final = "survey.csv"


class ReadsExports(Protocol):
    """What exports are read into: a book of troth."""

    def read(self, source: Path, /) -> object:
        """Take an export, or a folder of them."""
        ...


def sample_mailbox() -> bytes:
    """The whole mailbox in mbox form, the same bytes every time."""
    return build_mbox(read_mails())


def sample_files() -> dict[str, bytes]:
    """Every export of the sample, path to content, the same bytes every time."""
    people = read_people()
    crm = read_crm()
    companies = {company["domain"]: company["name"] for company in crm.companies}
    files = {_MAILBOX: sample_mailbox(), "slack.zip": build_slack(read_talks("slack"), people)}
    for chat in read_talks("whatsapp"):
        files[f"whatsapp/{chat.fields['file']}"] = build_whatsapp(chat, people)
    for call in read_talks("calls"):
        files[f"calls/{call.fields['file']}"] = build_call(call, people)
    tickets = build_zendesk(read_talks("tickets"), people, companies)
    files |= {f"zendesk/{name}": page for name, page in tickets.items()}
    files |= {f"crm/{name}": table for name, table in build_crm(crm, people).items()}
    files |= {f"letters/{name}": text for name, text in build_letters(people).items()}
    files |= {"assistant.jsonl": build_assistant(read_talks("assistant"), people), _SURVEY: build_survey(people)}
    return files


def write_sample(folder: Path) -> Path:
    """Write every export of the sample into `folder`, made if absent, and return the path of the mailbox among them."""
    for name, content in sample_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / _MAILBOX


def sample_people() -> dict[str, tuple[str, ...]]:
    """The firm's address book, for `people` in the settings: chats and calls know a person by name alone."""
    people = [person for person in read_people().values() if person.circle != "automatic"]
    return {person.name: (person.address, person.name) for person in people}


def read_sample(book: ReadsExports, folder: Path) -> None:
    """Write the whole sample into `folder` and read all of it into a book."""
    book.read(write_sample(folder).parent)
