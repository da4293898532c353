"""Promises on a terminal: the list of a morning, and the story of one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from troth.cli.talk import say
from troth.deciding import Event, Story
from troth.plain import clean_line, quote_promise
from troth.promises.listing import SECTIONS

_RULES = {
    "explicit": "a day or hour is named",
    "relative": "counted from when it was said",
    "conditional": "the clock starts with a condition",
    "vague": "no firm time: it can be late, never broken",
    "none": "no time is named",
}
_STYLES = {"overdue": "red", "suspected": "red", "today": "yellow"}
_DECIDED = {
    "kept": "said that it was kept",
    "late": "said that it came late",
    "broken": "said that it was broken",
    "withdrawn": "withdrew it",
    "contested": "contested it: no promise, or read wrongly",
    "undone": "took it back; the machine's reading counts",
}


def draw_promises(rows: Sequence[Mapping[str, Any]], *, day: dt.date, is_filtered: bool) -> None:
    """Print rows of LISTED, in their order, under the headings of their parts."""
    console = Console()
    console.print(Text(day.strftime("Promises on %A %-d %B %Y"), "bold"))
    if not rows:
        console.print(Text("None of this kind." if is_filtered else "Nothing is open, late or missed.", "dim"))
        return
    for section, group in groupby(rows, key=lambda row: row["section"]):
        listed = list(group)
        console.print()
        heading = Text(SECTIONS[section], f"bold {_STYLES.get(section, 'cyan')}")
        console.print(heading.append(f"  {len(listed)}", "dim not bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(max_width=18, overflow="fold")
        table.add_column(max_width=28, overflow="fold")
        table.add_column(ratio=1, overflow="fold")
        for row in listed:
            table.add_row(Text(row["id"], "cyan"), _draw_due(row), _draw_who(row), _draw_words(row))
        console.print(table)
    console.print()
    console.print(
        Text("troth promises why ID tells more; confirm, contest, withdraw and undo say what is true.", "dim")
    )


def _draw_due(row: Mapping[str, Any]) -> Text:
    due = Text(clean_line(row["due"]))
    over = row["overdue_days"]
    if row["state"] in {"open", "suspected"} and over is not None and over > 0:
        due.append(f"\n{_days(over)} over", "red")
    return due


def _draw_who(row: Mapping[str, Any]) -> Text:
    who = Text(clean_line(row["relationship"] or "nobody known"))
    if row["person"] and row["person"] != row["relationship"]:
        who.append(f"\n{clean_line(row['person'])}", "dim")
    return who


def _draw_words(row: Mapping[str, Any]) -> Text:
    words = Text(quote_promise(row["text"], row["act"]))
    said = f"  {_age(row['age_days'])}"
    if row["state"] != "open":
        said += f", {row['state']}" + (" (you said so)" if row["decided_by"] == "person" else "")
    words.append(said, "dim")
    if row["evidence_text"] and row["state"] in {"late", "suspected"}:
        words.append(f"\n→ “{clean_line(row['evidence_text'])}”", "yellow")
    if not row["is_found"]:
        words.append("\nits sentence is no longer found; kept because it was decided", "yellow")
    return words


def _age(days: int | None) -> str:
    if days is None:
        return "said at an unknown time"
    return "said today" if days <= 0 else f"said {_days(days)} ago"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def say_lost(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say which decided promises are no longer found."""
    lost = [row["id"] for row in rows if not row["is_found"]]
    if lost:
        say(
            f"{len(lost)} decided promise{'' if len(lost) == 1 else 's'} ({', '.join(lost)}) can no longer be found in "
            "the mail; what was decided is kept. troth promises undo ID lets it go."
        )


def draw_story(story: Story, *, zone: str) -> None:
    """Print everything known of one promise."""
    console, row, here = Console(), story.promise, ZoneInfo(zone)
    who = row["person"] or row["relationship"] or "nobody known"
    whose = f"{who} promised" if row["side"] == "them" else f"Promised to {who}"
    console.print(Text(f"{row['id']}  {clean_line(whose)}", "bold").append(f"  {row['state']}", "cyan"))
    source = f"{story.channel} “{story.subject}”" if story.subject else str(story.channel)
    said = f"by {row['actor']}, {_moment(row['said_at'], here)}" + ("" if story.channel is None else f", {source}")
    console.print(Text(clean_line(said), "dim"))
    console.print()
    for text, style in ((story.before, "dim"), (row["text"], "bold"), (story.after, "dim")):
        if text:
            console.print(Text(f"  {clean_line(text)}", style))
    if story.act is not None:
        console.print(Text(f"  → “{clean_line(story.act)}”", "bold"))
    if not row["is_found"]:
        console.print(Text("  This sentence can no longer be found; the decision is kept.", "yellow"))
    console.print()
    words = f" (“{clean_line(row['due_words'])}”)" if row["due_words"] else ""
    console.print(Text("Due       ", "cyan").append(f"{clean_line(row['due'])}{words}: {_rule(row)}", "default"))
    for name in ("condition", "observability", "probability"):
        if row[name] is not None:
            shown = f"{row[name]:.2f} that this is a promise" if name == "probability" else clean_line(str(row[name]))
            console.print(Text(f"{_NAMES[name]:10}", "cyan").append(shown, "default"))
    console.print(Text("Evidence  ", "cyan").append(_evidence(story, here), "default"))
    console.print()
    for event in story.events:
        console.print(Text(f"  {_moment(event.at, here):22}  ", "dim").append(_tell(event), "default"))


_NAMES = {"condition": "If", "observability": "Visible", "probability": "Chance"}


def _rule(row: Mapping[str, Any]) -> str:
    return _RULES.get(str(row["due_rule"]), str(row["due_rule"]))


def _evidence(story: Story, here: ZoneInfo) -> str:
    row = story.promise
    if row["evidence_text"] is None and row["evidence_turn_id"] is None:
        return "a person said so" if row["decided_by"] == "person" else "none found"
    words = f"“{clean_line(row['evidence_text'])}” " if row["evidence_text"] else "an attachment "
    if story.evidence_by is None:
        return words + "(its turn is no longer in the book)"
    return words + clean_line(f"{story.evidence_by}, {_moment(story.evidence_at, here)}")


def _tell(event: Event) -> str:
    text = f": “{clean_line(event.text)}”" if event.text else ""
    if event.kind == "said":
        return f"said{text}"
    if event.kind == "due":
        return "due"
    state = event.state or ""
    if event.kind == "state":
        return f"{state}, as the machine reads it{text}"
    return f"{clean_line(event.by)} {_DECIDED.get(state, state)}{text}"


def _moment(moment: dt.datetime | None, here: ZoneInfo) -> str:
    return "at an unknown time" if moment is None else moment.astimezone(here).strftime("%a %-d %b %Y %H:%M")


def list_story(story: Story) -> list[dict[str, Any]]:
    """The story as flat rows: the promise, its context and evidence, and each event."""
    row = story.promise
    first = {
        "kind": "promise", "at": row["said_at"], "state": row["state"], "by": row["actor"], "text": row["text"],
        "promise_id": row["promise_id"], "turn_id": row["turn_id"], "due_latest": row["due_latest"],
        "due_rule": row["due_rule"], "due_words": row["due_words"], "is_found": row["is_found"],
        "act": story.act, "before": story.before, "after": story.after, "noted_at": None,
    }  # fmt: skip
    empty = dict.fromkeys(first)
    rows = [first]
    if row["evidence_turn_id"] is not None:
        rows.append(empty | {
            "kind": "evidence", "at": story.evidence_at, "by": story.evidence_by, "text": row["evidence_text"],
            "promise_id": row["promise_id"], "turn_id": row["evidence_turn_id"],
        })  # fmt: skip
    for event in story.events:
        rows.append(empty | {
            "kind": event.kind, "at": event.at, "state": event.state, "by": event.by, "text": event.text,
            "promise_id": row["promise_id"], "noted_at": event.noted_at,
        })  # fmt: skip
    return rows
