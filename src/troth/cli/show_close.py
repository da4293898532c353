"""The close on a terminal."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from troth.plain import clean_line, quote_promise
from troth.review.close import Checkpoint, CircleClose, Close, Gauge, Quote, day_bounds, name_state
from troth.signals import HELD

_CELLS = 25  # of the percentile scale
_LISTED = 12
_WIDE = 110  # columns from which sentences stand beside their band; in fewer they would be a word wide


def draw_close(close: Close) -> None:
    """Print the close to standard output; colour obeys NO_COLOR and goes away in a pipe."""
    console = Console()
    console.print(Text(close.day.strftime("%A %-d %B %Y"), "bold"))
    console.print(Text("Percentiles of a public reference population, 50 is typical; ━ is the 80 % band.", "dim"))
    for circle in close.circles:
        _draw_circle(console, circle)
    _draw_promises(console, close)
    _draw_questions(console, close)
    for gap in close.gaps:
        console.print(Text(f"\n! {clean_line(gap['text'])}.", "yellow"))
    if close.proof:
        console.print(Text(f"\n{close.proof}  (troth proof)", "dim"))
    todo = Text(clean_line(close.tomorrow.text), "bold")
    if close.tomorrow.quote:
        todo.append(f"\n“{clean_line(close.tomorrow.quote)}”", "not bold")
    console.print(Panel(todo, title="One thing to do tomorrow", title_align="left", box=box.ROUNDED))


def _draw_circle(console: Console, circle: CircleClose) -> None:
    console.print()
    heading = Text(f"Toward {circle.circle}s", "bold cyan")
    if not circle.written and not circle.received:
        console.print(heading.append("  nothing was written on this day", "dim not bold"))
        return
    console.print(heading.append(f"  {circle.written} written, {circle.received} received", "dim not bold"))
    if console.width >= _WIDE:
        table = _lay_out_gauges()
        table.add_column(ratio=1, overflow="fold")
        for point in circle.checkpoints:
            table.add_row(Text(point.plain), *_draw_gauge(point.gauge), _draw_quotes(point))
        console.print(table)
        return
    for point in circle.checkpoints:
        table = _lay_out_gauges()
        table.add_row(Text(point.plain), *_draw_gauge(point.gauge))
        console.print(table)
        if quotes := _draw_quotes(point):
            console.print(Padding(quotes, (0, 0, 0, 2)))


def _lay_out_gauges() -> Table:
    """The columns of a checkpoint: its name, its band, its numbers."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(width=24)
    table.add_column(width=_CELLS, no_wrap=True)
    table.add_column(width=13)
    return table


def _draw_gauge(gauge: Gauge | None) -> tuple[Text, Text]:
    if gauge is None:
        return Text("·" * _CELLS, "dim"), Text("no occasion", "dim")
    last = _CELLS - 1
    low, high = round(gauge.low / 100 * last), round(gauge.high / 100 * last)
    cells = ["━" if low <= cell <= high else "·" for cell in range(_CELLS)]
    if gauge.percentile is None:
        return Text("".join(cells), "blue"), Text(f"{gauge.low:.0f}–{gauge.high:.0f}", "dim")
    cells[round(gauge.percentile / 100 * last)] = "●"
    label = Text(f"{gauge.percentile:.0f}", "bold").append(f"  {gauge.low:.0f}–{gauge.high:.0f}", "dim not bold")
    return Text("".join(cells), "blue"), label


def _draw_quotes(point: Checkpoint) -> Text:
    lines = [_draw_quote(mark, quote, style) for mark, quote, style in
             (("▲", point.best, "green"), ("▼", point.worst, "red")) if quote is not None]  # fmt: skip
    return Text("\n").join(lines)


def _draw_quote(mark: str, quote: Quote, style: str) -> Text:
    line = Text(f"{mark} ", style).append(f"“{clean_line(quote.text)}”", "default")
    return line.append(f"  {clean_line(quote.relationship)}, {quote.why}", "dim")


def _draw_promises(console: Console, close: Close) -> None:
    console.print()
    console.print(Text("Promises", "bold cyan"))
    if not close.promises:
        console.print(Text("None due, late or missed.", "dim"))
        return
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(width=32, overflow="fold")
    table.add_column(width=14)
    table.add_column(ratio=1, overflow="fold")
    evening = day_bounds(close.day, close.zone)[1]
    for row in close.promises[:_LISTED]:
        who = ("we to " if row["side"] == "us" else "from ") + clean_line(row["relationship"] or "")
        state = name_state(row, evening)
        style = "red" if state in {"was due", "broken"} or row["state"] == "suspected" else "green"
        words = Text(f"{quote_promise(row['text'], row['act'])}  ").append(state, style)
        table.add_row(Text(who), Text(_local(row["due_latest"], close.zone), "dim"), words)
    console.print(table)
    _say_more(console, len(close.promises) - _LISTED, "promises")


def _draw_questions(console: Console, close: Close) -> None:
    console.print()
    console.print(Text("Still without an answer", "bold cyan"))
    for asking in close.asking:
        console.print(Text(clean_line(asking.text), "yellow"))
    if not close.questions:
        console.print(Text("Nothing asked in the last four weeks is open.", "dim"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(width=32, overflow="fold")
    table.add_column(width=14)
    table.add_column(ratio=1, overflow="fold")
    for row in close.questions[:_LISTED]:
        words = Text(f"“{clean_line(row['text'])}”  ").append(HELD.get(row["kind"], ""), "yellow")
        who = Text(clean_line(row["relationship"] or ""))
        table.add_row(who, Text(_local(row["asked_at"], close.zone), "dim"), words)
    console.print(table)
    _say_more(console, max(len(close.questions) - _LISTED, 0) + close.questions_older, "questions")


def _say_more(console: Console, hidden: int, what: str) -> None:
    if hidden > 0:
        console.print(Text(f"and {hidden} more: troth export {what}", "dim"))


def _local(moment: dt.datetime | None, zone: str) -> str:
    return "no time named" if moment is None else moment.astimezone(ZoneInfo(zone)).strftime("%a %-d %b %y")
