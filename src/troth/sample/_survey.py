"""Lay the answers of the autumn survey into the CSV that Qualtrics exports: three rows of headings, then answers."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from troth.sample._source import Person, read_text
from troth.sample._talks import CLOCK

# Column, its heading in words, and the id that the third row holds.
_ABOUT: Final = (
    ("StartDate", "Start Date", "startDate"),
    ("EndDate", "End Date", "endDate"),
    ("Status", "Response Type", "status"),
    ("Progress", "Progress", "progress"),
    ("Duration (in seconds)", "Duration (in seconds)", "duration"),
    ("Finished", "Finished", "finished"),
    ("RecordedDate", "Recorded Date", "recordedDate"),
    ("ResponseId", "Response ID", "_recordId"),
    ("RecipientLastName", "Recipient Last Name", "recipientLastName"),
    ("RecipientFirstName", "Recipient First Name", "recipientFirstName"),
    ("RecipientEmail", "Recipient Email", "recipientEmail"),
    ("ExternalReference", "External Data Reference", "externalDataReference"),
    ("DistributionChannel", "Distribution Channel", "distributionChannel"),
    ("UserLanguage", "User Language", "userLanguage"),
)


def build_survey(people: Mapping[str, Person]) -> bytes:
    """The export as CSV."""
    table = tomllib.loads(read_text("survey.toml"))
    wording: dict[str, str] = table["items"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(name for name, _, _ in _ABOUT), *wording])
    writer.writerow([*(words for _, words, _ in _ABOUT), *wording.values()])
    ids = [*(name for _, _, name in _ABOUT), *(f"QID{number}" for number in range(1, len(wording) + 1))]
    writer.writerow([json.dumps({"ImportId": name}, separators=(",", ":")) for name in ids])
    for number, answer in enumerate(table["answer"]):
        person = people[answer["who"]]
        first, _, last = person.name.rpartition(" ")
        seconds = 70 + 13 * (number % 5)
        ended = answer["at"].replace(tzinfo=CLOCK)
        start, end = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (ended - timedelta(seconds=seconds), ended))
        about = [
            start,
            end,
            0,
            100,
            seconds,
            1,
            end,
            f"R_brim{number + 1:03d}",
            last,
            first,
            person.address,
            "",
            "email",
        ]
        writer.writerow([*about, "EN", *answer["values"]])
    return text.getvalue().encode()
