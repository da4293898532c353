"""troth show"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    SampleOption,
    SettingsOption,
    choose_settings,
    open_book,
    stoppable,
)

if TYPE_CHECKING:
    from troth.library import Book

_COLUMNS = (
    "kind", "relationship", "lens", "pillar", "facet", "at", "percentile", "low", "high", "reliability", "mean",
    "readings", "signal", "share", "contribution", "side", "state", "due_latest", "asked_at", "text", "turn_id",
)  # fmt: skip
_LISTED = 8


@stoppable
def show(
    name: Annotated[str, typer.Argument(help="A relationship, or enough of its name.")],
    facet: Annotated[
        str | None, typer.Option(help="Explain one facet (RS, CL, CA, CO, FT, AT, OP, OR, RG, PE, HC, HR, HI, HS).")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """One relationship: every lens with its band, the evidence that moved a facet, promises and questions.

    Example: troth show acme --facet AT
    """
    from troth.cli.output import write_rows

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        relationship = opened.find_relationship(name)
        rows = list_relationship(opened, relationship, facet)
    if shape is Format.table:
        _draw(relationship, rows)
    else:
        write_rows(rows, shape, columns=_COLUMNS)


def list_relationship(opened: Book, relationship: str, facet: str | None) -> list[dict[str, Any]]:
    """Everything about one relationship as flat rows: pillars, ledger, promises, questions."""
    from troth.lenses import LENSES

    rows: list[dict[str, Any]] = []
    scores = opened.scores(lens=list(LENSES.values()), of=relationship)
    rows += [{"kind": "pillar", "relationship": relationship} | row for row in scores.to_pylist()]
    if facet is not None:
        for row in opened.explain(relationship, facet):
            rows.append({"relationship": relationship} | row | {"kind": "ledger", "share": row["kind"]})
    for kind, table in (("promise", opened.promises()), ("question", opened.questions())):
        rows += [{"kind": kind} | row for row in table.to_pylist() if row["relationship"] == relationship]
    return rows


def _draw(relationship: str, rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    console.print(Text(clean_line(relationship), "bold"))
    last_lens = None
    for row in (row for row in rows if row["kind"] == "pillar" and row["readings"]):
        if row["lens"] != last_lens:
            last_lens = row["lens"]
            console.print(Text(f"\n{last_lens.replace('_', ' ')} ({row['gauge']})", "bold cyan"))
        band = f"{row['low']:3.0f}–{row['high']:.0f}"
        number = "  –" if row["percentile"] is None else f"{row['percentile']:3.0f}"
        console.print(Text(f"  {row['pillar'].replace('_', ' '):24} {number}  ({band})  {row['readings']} readings"))
    _draw_ledger(console, [row for row in rows if row["kind"] == "ledger"])
    for kind, heading in (("promise", "Promises"), ("question", "Questions")):
        listed = [row for row in rows if row["kind"] == kind]
        if listed:
            console.print(Text(f"\n{heading}", "bold cyan"))
        for row in listed[-_LISTED:]:
            due = row.get("due_latest") or row.get("asked_at")
            when = due.strftime("%Y-%m-%d") if due else "no time   "
            console.print(Text(f"  {when}  {row['state']:9}  “{clean_line(row['text'])}”"))


def _draw_ledger(console: Any, rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from troth.plain import clean_line

    if not rows:
        return
    console.print(Text("\nWhat moved it (standard deviations)", "bold cyan"))
    strongest = sorted(rows, key=lambda row: -abs(row["contribution"]))[:_LISTED]
    for row in strongest:
        when = row["at"].strftime("%Y-%m-%d") if row["at"] else "prior     "
        what = f"{row['signal'] or ''} ({row['facet'] or ''})" if row["at"] else ""
        words = f"“{clean_line(row['text'])}”" if row["text"] else ""
        console.print(Text(f"  {row['contribution']:+.3f}  {when}  {what:22}  {words}"))
    rest = sum(row["contribution"] for row in rows) - sum(row["contribution"] for row in strongest)
    console.print(Text(f"  {rest:+.3f}  {len(rows) - len(strongest)} others"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)
