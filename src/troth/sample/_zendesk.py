"""Lay the tickets into the pages of Zendesk's incremental exports: tickets, ticket events, users, organizations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from troth.sample._source import Person
from troth.sample._talks import Said, Talk

_FIRST_USER: Final = 380_000_001_000
_FIRST_ORGANIZATION: Final = 360_000_005_000
_FIRST_EVENT: Final = 910_000_000_000
_ENDED: Final = int(datetime(2026, 11, 20, 0, 0, tzinfo=UTC).timestamp())


def build_zendesk(
    talks: Sequence[Talk], people: Mapping[str, Person], companies: Mapping[str, str]
) -> dict[str, bytes]:
    """File name to page.

    Args:
        talks: the tickets; a talk's name is the ticket's number.
        people: by short name.
        companies: domain to the firm's name.
    """
    known = _Known(talks, people, companies)
    events = [event for number, talk in enumerate(talks) for event in known.events(talk, number)]
    pages = {
        "users": known.users(),
        "organizations": known.organizations(),
        "tickets": [known.ticket(talk) for talk in talks],
        "ticket_events": sorted(events, key=lambda event: event["id"]),
    }
    return {
        f"{name}.json": json.dumps(
            {name: rows, "count": len(rows), "end_of_stream": True, "end_time": _ENDED, "next_page": None},
            ensure_ascii=False,
            indent=1,
        ).encode()
        for name, rows in pages.items()
    }


class _Known:
    """Who is who in the help desk."""

    def __init__(self, talks: Sequence[Talk], people: Mapping[str, Person], companies: Mapping[str, str]) -> None:
        order = list(people)
        shorts = {short for talk in talks for short in (talk.fields["requester"], talk.fields["assignee"])}
        shorts |= {said.who for talk in talks for said in talk.said}
        self._people = {short: people[short] for short in sorted(shorts, key=order.index)}
        self._ids = {short: _FIRST_USER + order.index(short) for short in self._people}
        self._homes = {domain: _FIRST_ORGANIZATION + number for number, domain in enumerate(companies)}
        self._companies = companies

    def users(self) -> list[Mapping[str, Any]]:
        return [
            {
                "id": self._ids[short],
                "name": person.name,
                "email": person.address,
                "role": "agent" if person.circle == "us" else "end-user",
                "organization_id": self._homes.get(person.account or ""),
                "time_zone": person.zone,
                "active": True,
                "created_at": "2025-01-07T09:00:00Z",
                "updated_at": "2026-05-18T06:00:00Z",
            }
            for short, person in self._people.items()
        ]

    def organizations(self) -> list[Mapping[str, Any]]:
        return [
            {
                "id": home,
                "name": self._companies[domain],
                "domain_names": [domain],
                "created_at": "2025-01-07T09:00:00Z",
                "updated_at": "2025-01-07T09:00:00Z",
            }
            for domain, home in self._homes.items()
        ]

    def ticket(self, talk: Talk) -> Mapping[str, Any]:
        first, last, requester = talk.said[0], talk.said[-1], talk.fields["requester"]
        rating = {"score": talk.fields.get("rating", "offered"), "comment": talk.fields.get("comment")}
        return {
            "id": int(talk.name),
            "subject": talk.fields["subject"],
            "description": first.words,
            "status": talk.fields["status"],
            "priority": talk.fields["priority"],
            "type": "question",
            "requester_id": self._ids[requester],
            "submitter_id": self._ids[requester],
            "assignee_id": self._ids[talk.fields["assignee"]],
            "organization_id": self._homes.get(self._people[requester].account or ""),
            "tags": talk.fields["tags"].split(", "),
            "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
            "satisfaction_rating": rating,
            "created_at": _stamp(first),
            "updated_at": _stamp(last),
        }

    def events(self, talk: Talk, number: int) -> list[dict[str, Any]]:
        """One event for each comment, and one in which the ticket is solved, where it was."""
        first = _FIRST_EVENT + number * 1000
        found = [self._event(talk, said, first + 10 * place, place) for place, said in enumerate(talk.said)]
        if talk.fields["status"] in {"solved", "closed"}:
            last = talk.said[-1]
            solved = {"id": first + 10 * len(talk.said) + 1, "event_type": "Change", "status": "solved",
                      "previous_value": "open", "via": {"channel": "web"}}  # fmt: skip
            found.append(self._audit(talk, last, first + 10 * len(talk.said), [solved], talk.fields["assignee"]))
        return found

    def _event(self, talk: Talk, said: Said, event_id: int, place: int) -> dict[str, Any]:
        comment = {
            "id": event_id + 1,
            "event_type": "Comment",
            "type": "Comment",
            "author_id": self._ids[said.who],
            "body": said.words,
            "html_body": f'<div class="zd-comment" dir="auto"><p>{escape(said.words, quote=False)}</p></div>',
            "plain_body": said.words,
            "public": not said.internal,
            "attachments": [{"id": event_id + 2, "file_name": name} for name in said.attachments],
            "audit_id": event_id,
            "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": _stamp(said),
        }
        opened = {"id": event_id + 3, "event_type": "Create", "status": "new", "subject": talk.fields["subject"],
                  "via": {"channel": "web"}}  # fmt: skip
        return self._audit(talk, said, event_id, [comment, opened] if place == 0 else [comment], said.who)

    def _audit(
        self, talk: Talk, said: Said, event_id: int, child_events: list[dict[str, Any]], by: str
    ) -> dict[str, Any]:
        return {
            "id": event_id,
            "ticket_id": int(talk.name),
            "timestamp": int(said.at.timestamp()),
            "created_at": _stamp(said),
            "updater_id": self._ids[by],
            "via": "Web form",
            "event_type": "Audit",
            "child_events": child_events,
        }


def _stamp(said: Said) -> str:
    return f"{said.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
