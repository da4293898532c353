"""troth show"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.library import Book
    from troth.relationship import Gauge, RelationshipTrust
    from troth.settings import Watch

_COLUMNS = (
    "kind", "relationship", "lens", "pillar", "gauge", "facet", "at", "since", "percentile", "ratio", "low", "high",
    "reliability", "probability", "rose", "change", "readings", "signal", "share", "contribution", "before", "moved",
    "faded", "side", "state", "due_latest", "asked_at", "text", "act", "turn_id",
)  # fmt: skip
_LISTED = 8


@stoppable
def show(
    name: Annotated[str, typer.Argument(help="A relationship, or enough of its name.")],
    lens: Annotated[str | None, typer.Option(help="Only this lens; your own from troth.toml too.")] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            "--facet",
            help="What moved a score: shown, held, a facet (RS, CL, CA, CO, FT, AT, OP, OR, RG, PE, HC, HR, HI, HS), "
            "or a lens and its pillar such as triangle.in_line.",
        ),
    ] = None,
    day: Annotated[str | None, typer.Option(help="Explain as of this day's evening. Default: the last.")] = None,
    since: Annotated[str | None, typer.Option(help="Explain what moved it since this day's evening.")] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Also write a picture (.svg, .png, .html; .csv: its figures): the path, or what --explain says."
        ),
    ] = None,
    over: Annotated[int | None, typer.Option(min=1, max=3650, help="Days that the trend looks back.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """One relationship: every lens with its band, what changed, the evidence that moved a score, promises, questions.

    Example: troth show acme --explain triangle.in_line --since 2026-10-01 --picture why.svg
    """
    from troth.cli.output import write_rows

    if explain is None and (day or since):
        raise InputError("--day and --since say when to explain a score; name it with --explain.")
    chosen = choose_settings(settings)
    with open_book(book, chosen, sample=sample) as opened:
        trust = opened.trust(name)
        rows = list(list_relationship(opened, trust, lens=lens, explain=explain, day=day, since=since, over=over))
        if picture is not None:
            _write_picture(trust, picture, explain=explain, day=day, since=since)
    if shape is Format.table:
        _draw(trust.relationship, rows, chosen.trend)
    else:
        write_rows(rows, shape, columns=_COLUMNS)


def list_relationship(
    opened: Book,
    trust: RelationshipTrust,
    *,
    lens: str | None = None,
    explain: str | None = None,
    day: str | None = None,
    since: str | None = None,
    over: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Everything about one relationship as flat rows: pillars, ratio, wobble, trends, ledger, promises, questions."""
    from troth.trend import list_gaps

    about = {"relationship": trust.relationship}
    scores = opened.scores(lens=lens or list(opened.lenses.values()), of=trust.relationship)
    yield from ({"kind": "pillar"} | about | row for row in scores.to_pylist())
    if lens is None or lens.startswith("equation"):
        yield from (row | about for row in _list_ratios(trust, lens))
    if lens in {None, "triangle"}:
        yield from (row | about for row in _list_wobble(trust))
    trends = trust.trends(over=over)
    yield from ({"kind": "trend"} | row for row in trends.to_pylist() if row["readings"])
    yield from ({"kind": "warning"} | row for row in list_gaps(trends, trust.watch))
    if explain is not None:
        for row in trust.explain(day, of=explain, since=since).to_pylist():
            yield row | about | {"kind": "ledger", "share": row["kind"]}
    for kind, table in (("promise", opened.promises()), ("question", opened.questions())):
        yield from ({"kind": kind} | row for row in table.to_pylist() if row["relationship"] == trust.relationship)


def _list_ratios(trust: RelationshipTrust, lens: str | None) -> Iterator[dict[str, Any]]:
    gauges: tuple[tuple[str, Gauge], ...] = (("equation", "SHOWN"), ("equation_held", "HELD"))
    for name, gauge in gauges:
        ratio = trust.equation(gauge) if lens in {None, name} else None
        if ratio is not None:
            yield {"kind": "ratio", "lens": name, "pillar": "T", "gauge": gauge,
                   "low": ratio.low, "high": ratio.high, "ratio": ratio.median}  # fmt: skip


def _list_wobble(trust: RelationshipTrust) -> Iterator[dict[str, Any]]:
    wobble = trust.wobble()
    if wobble is not None:
        text = f"{wobble.pillar.replace('_', ' ')} is the lowest" if wobble.pillar else "no clear wobble"
        yield {"kind": "wobble", "lens": "triangle", "gauge": "SHOWN", "pillar": wobble.pillar,
               "probability": wobble.probability, "text": text}  # fmt: skip


def _write_picture(
    trust: RelationshipTrust, path: Path, *, explain: str | None, day: str | None, since: str | None
) -> None:
    from troth.charts import save_chart
    from troth.cli.talk import say

    if explain is None:
        save_chart(lambda theme: trust.chart(theme=theme), path)
    else:
        save_chart(lambda theme: trust.chart_explained(day, of=explain, since=since, theme=theme), path)
    say(f"Picture written to {path}.")


def _draw(relationship: str, rows: list[dict[str, Any]], watch: Watch) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line, quote_promise

    console = Console()
    console.print(Text(clean_line(relationship), "bold"))
    _draw_trends(console, rows, watch)
    last_lens = None
    for row in (row for row in rows if row["kind"] == "pillar" and row["readings"]):
        if row["lens"] != last_lens:
            last_lens = row["lens"]
            console.print(Text(f"\n{last_lens.replace('_', ' ')} ({row['gauge']})", "bold cyan"))
            _draw_extras(console, rows, last_lens)
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
            words = quote_promise(row["text"], row["act"] if kind == "promise" else None)
            console.print(Text(f"  {when}  {row['state']:9}  {words}"))


def _draw_trends(console: Any, rows: list[dict[str, Any]], watch: Watch) -> None:
    from rich.text import Text

    from troth.plain import clean_line
    from troth.trend import name_trend, say_chance

    for row in (row for row in rows if row["kind"] == "trend"):
        arrow = name_trend(row["rose"], row["readings"], watch=watch)
        days = round((row["until"] - row["since"]).total_seconds() / 86_400)
        moved = f"{row['change']:+.2f} SD ({row['low']:+.2f} to {row['high']:+.2f})"
        rose = f"rose P {say_chance(row['rose'])}"
        percentiles = (
            f"{row['percentiles']:+.0f} percentiles ({row['percentiles_low']:+.0f} to {row['percentiles_high']:+.0f})"
        )
        console.print(Text(f"  {row['gauge']:5} {arrow}  over {days} days: {moved}, {percentiles}, {rose}"))
    for row in (row for row in rows if row["kind"] == "warning"):
        console.print(Text(f"! {clean_line(row['text'])}.", "yellow"))


def _draw_extras(console: Any, rows: list[dict[str, Any]], lens: str) -> None:
    """The trust equation's value, and the wobble, under the heading of their lens."""
    from rich.text import Text

    for row in (row for row in rows if row.get("lens") == lens):
        if row["kind"] == "ratio":
            console.print(Text(f"  T = {row['ratio']:.1f}  ({row['low']:.1f}–{row['high']:.1f}; median and 80 % band)"))
        elif row["kind"] == "wobble":
            console.print(Text(f"  {row['text']}" + (f", P {row['probability']:.2f}" if row["pillar"] else "")))


def _draw_ledger(console: Any, rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from troth.plain import clean_line

    if not rows:
        return
    by = "moved" if rows[0]["moved"] is not None else "contribution"
    total = sum(row[by] for row in rows)
    parts = {share: sum(row[by] for row in rows if row["share"] == share) for share in ("own", "borrowed", "prior")}
    console.print(Text(f"\nWhat {'moved it' if by == 'moved' else 'it is made of'}: {total:+.2f} SD", "bold cyan"))
    console.print(Text("  " + ", ".join(f"{share} {value:+.2f}" for share, value in parts.items()), "dim"))
    evidence = [row for row in rows if row["share"] != "prior"]
    strongest = sorted(evidence, key=lambda row: -abs(row[by]))[:_LISTED]
    for row in strongest:
        when = row["at"].strftime("%Y-%m-%d") if row["at"] else "replaced  "
        what = f"{(row['signal'] or '').replace('_', ' ')} ({row['facet']}, {row['share']})"
        faded = f"{row['faded']:4.0%} faded" if row["faded"] is not None else "gone      "
        words = f"“{clean_line(row['text'])}”" if row["text"] else ""
        console.print(Text(f"  {row[by]:+.3f}  {when}  {what:30}  {faded}  {words}"))
    rest = sum(row[by] for row in evidence) - sum(row[by] for row in strongest)
    if len(evidence) > len(strongest):
        console.print(Text(f"  {rest:+.3f}  {len(evidence) - len(strongest)} others"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)
