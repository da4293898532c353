"""Read the hand-written mails and the people who write them from the plain files beside this module.

Every text file is a row of blocks: a line ``=== name``, a few ``field: value`` lines, an empty line and the words.
In `mails/*.txt` a block is a mail and its name the label.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One writer, with the mail program that shapes what the words look like on arrival."""

    name: str
    address: str
    circle: str  # us, customer, friend; automatic for a program
    zone: str
    client: str
    account: str | None = None
    form: str = "plain"
    charset: str = "utf-8"
    reply_prefix: str = "Re:"
    signature: str = ""
    disclaimer: str = ""

    @property
    def domain(self) -> str:
        """What stands behind the at sign."""
        return self.address.partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it was written: the sender's own words and nothing that a mail program adds."""

    label: str
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    at: datetime  # in the sender's zone
    subject: str
    words: str
    answers: str | None = None  # label
    forwards: str | None = None  # label
    attachments: tuple[str, ...] = ()
    client: str = "gmail"
    form: str = "plain"
    signed: bool = True
    automatic: str | None = None  # generated, replied, newsletter, noreply

    @property
    def message_id(self) -> str:
        """The Message-ID header, angle brackets included."""
        return f"<{self.at:%Y%m%d%H%M}.{self.label}@{self.sender.domain}>"


def read_people() -> Mapping[str, Person]:
    """Every writer of the sample by short name."""
    table = tomllib.loads(read_text("people.toml"))
    return {short: _person(entry) for short, entry in table.items()}


def read_mails() -> Mapping[str, Mail]:
    """Every mail of the sample by label, oldest first."""
    people = read_people()
    raw = {label: (fields, words) for label, fields, words in read_blocks("mails")}
    mails = [_mail(label, raw=raw, people=people) for label in raw]
    return {mail.label: mail for mail in sorted(mails, key=lambda mail: (mail.at, mail.label))}


def _person(entry: Mapping[str, Any]) -> Person:
    trimmed = {name: value.strip("\n") if isinstance(value, str) else value for name, value in entry.items()}
    return Person(**trimmed)


def read_text(*path: str) -> str:
    """A file of the sample, named by its path in this package."""
    return files("troth.sample").joinpath(*path).read_text(encoding="utf-8")


def read_blocks(folder: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Name, fields and words of every block in the text files of a folder, file by file."""
    place = files("troth.sample").joinpath(folder)
    for path in sorted(place.iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".txt"):
            continue
        for block in ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")[1:]:
            label, _, rest = block.partition("\n")
            head, _, words = rest.partition("\n\n")
            fields = dict(line.split(": ", 1) for line in head.split("\n"))
            yield label.strip(), fields, words.strip("\n")


def _mail(label: str, *, raw: Mapping[str, tuple[dict[str, str], str]], people: Mapping[str, Person]) -> Mail:
    fields, words = raw[label]
    sender = people[fields["from"]]
    at = datetime.fromisoformat(fields["at"]).replace(tzinfo=ZoneInfo(sender.zone))
    return Mail(
        label=label,
        sender=sender,
        to=_named(fields["to"], people),
        cc=_named(fields.get("cc", ""), people),
        at=at,
        subject=_subject(label, raw=raw, people=people),
        words=words,
        answers=fields.get("re"),
        forwards=fields.get("forward"),
        attachments=tuple(fields["attach"].split(", ")) if "attach" in fields else (),
        client=fields.get("style", sender.client),
        form=fields.get("form", sender.form),
        signed=fields.get("sign") != "no" and "auto" not in fields,
        automatic=fields.get("auto"),
    )


def _named(short_names: str, people: Mapping[str, Person]) -> tuple[Person, ...]:
    return tuple(people[short] for short in short_names.split(", ") if short)


def _subject(label: str, *, raw: Mapping[str, tuple[dict[str, str], str]], people: Mapping[str, Person]) -> str:
    fields, _ = raw[label]
    if "subject" in fields:
        return fields["subject"]
    if "forward" in fields:
        return f"Fwd: {_root_subject(fields['forward'], raw)}"
    return f"{people[fields['from']].reply_prefix} {_root_subject(fields['re'], raw)}"


def _root_subject(label: str, raw: Mapping[str, tuple[dict[str, str], str]]) -> str:
    fields, _ = raw[label]
    while "subject" not in fields:
        fields, _ = raw[fields["re"]]
    return fields["subject"].removeprefix("Re: ")
