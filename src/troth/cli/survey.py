"""troth survey make | read | quality"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
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
    import pyarrow as pa

    from troth.answering import SurveyReport
    from troth.surveys import ScaleQuality

_LISTED = 5
_READ = ("relationship", "item", "facet", "answers", "mean", "last_answered")
_RATED = ("set", "figure", "item", "value", "low", "high", "note")


class SetName(StrEnum):
    """The question sets."""

    questions = "questions"
    checkpoints = "checkpoints"
    anchor = "anchor"
    colleague = "colleague"
    friend = "friend"


class SurveyLanguage(StrEnum):
    """Languages of the wording."""

    en = "en"
    de = "de"


class SurveyShape(StrEnum):
    """What a question set is written as."""

    csv = "csv"
    html = "html"
    qualtrics = "qualtrics"
    typeform = "typeform"


@stoppable
def make(
    name: Annotated[SetName | None, typer.Option("--set", help="Which questions. Default: questions.")] = None,
    lens: Annotated[
        str | None, typer.Option(help="The set that asks for a lens: equation or triangle. Instead of --set.")
    ] = None,
    language: Annotated[SurveyLanguage, typer.Option(help="Language of the wording.")] = SurveyLanguage.en,
    shape: Annotated[
        SurveyShape,
        typer.Option(
            "--format",
            help="csv: the items. html: a form that needs no network. qualtrics: TXT to import. typeform: JSON.",
        ),
    ] = SurveyShape.csv,
    relationship: Annotated[
        str | None, typer.Option("--for", help="html: the relationship the form is for; else it asks for an address.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; standard output if absent.")] = None,
) -> None:
    """Write a question set, as a form people can open or as a file for a survey tool.

    Example: troth survey make --set questions --language de --format html --output fragen.html
    """
    from troth.surveys import load_set, make_survey, set_of_lens

    if name is not None and lens is not None:
        raise InputError("--set and --lens both choose the questions; give one of them.")
    asked = set_of_lens(lens) if lens is not None else load_set((name or SetName.questions).value)
    made = make_survey(asked, language=language.value, shape=shape.value, relationship=relationship)
    if output is None:
        typer.echo(made, nl=False)
        return
    try:
        output.write_text(made, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}. Name another file.") from error


@stoppable
def read(
    sources: Annotated[
        list[Path], typer.Argument(help="Exports of Qualtrics, SurveyMonkey, Typeform; saved forms; plain CSV.")
    ],
    relationship: Annotated[
        str | None, typer.Option("--of", help="Whose answers they all are. Default: by address, account or reference.")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Take answers into the book; reading a file again adds nothing. Shows what the book then holds of them.

    Example: troth survey read answers.csv
    """
    from troth.cli.output import write_rows

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        for source in sources:
            report_survey(opened.read_survey(source, relationship=relationship))
        rows = list_answers(opened.answers().to_pylist())
    write_rows(rows, shape, columns=_READ)


@stoppable
def quality(
    name: Annotated[SetName | None, typer.Option("--set", help="One set. Default: all that were answered.")] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Also how well each answer was foretold by what was known before it.")
    ] = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """How good the scales are: alpha, omega, item curves, what is missing; only what there are answers enough for.

    Example: troth survey quality --set anchor
    """
    from troth.cli.output import write_rows
    from troth.surveys import rate_scale, rate_scales

    with open_book(book, choose_settings(settings)) as opened:
        answers = opened.answers()
        foretold = opened.forecast_answers() if forecast else None
    rated = rate_scales(answers).values() if name is None else [rate_scale(answers, name=name.value)]
    if not rated:
        raise InputError("the book holds no answers yet. `troth survey read FILE` takes them in.")
    rows = [row for scale in rated for row in list_quality(scale)]
    if foretold is not None:
        rows += [row for scale in rated for row in list_foresight(scale.name, foretold)]
    write_rows(rows, shape, columns=_RATED)


def report_survey(report: SurveyReport) -> None:
    """One line of what was read, and the reasons for what was not."""
    from troth.cli.talk import say

    reading = report.reading
    parts = [f"{reading.responses} responses", f"{reading.answers.num_rows} answers, {report.added} new"]
    if report.changed:
        parts.append(f"{report.changed} changed")
    if reading.duplicates:
        parts.append(f"{reading.duplicates} responses replaced by a later row")
    say(f"{report.source}: {reading.format}, {', '.join(parts)}.")
    for note in reading.notes:
        say(f"  note: {note}")
    for reason, count in Counter(rejected.reason for rejected in reading.rejected).most_common(_LISTED):
        first = next(rejected.position for rejected in reading.rejected if rejected.reason == reason)
        say(f"  {count} left out: {reason} (first at {first})")
    unlisted = len({rejected.reason for rejected in reading.rejected}) - _LISTED
    if unlisted > 0:
        say(f"  and {unlisted} further reasons")


def list_answers(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each relationship and item: how many answers, their mean as marked, and the last day."""
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in answers:
        grouped.setdefault((row["relationship"], row["item"], row["facet"]), []).append(row)
    return [
        {
            "relationship": relationship,
            "item": item,
            "facet": facet,
            "answers": len(rows),
            "mean": sum(row["value"] for row in rows) / len(rows),
            "last_answered": max(row["answered_at"] for row in rows),
        }
        for (relationship, item, facet), rows in sorted(grouped.items())
    ]


def list_quality(scale: ScaleQuality) -> list[dict[str, Any]]:
    """A scale's figures as flat rows; what is withheld is a row with its reason."""
    rows: list[dict[str, Any]] = []

    def add(figure: str, value: float | None, *, item: str = "", **others: Any) -> None:
        if value is not None:
            rows.append({"set": scale.name, "figure": figure, "item": item, "value": value, **others})

    add("sheets", scale.sheets, note=f"{scale.complete} complete, {scale.relationships} relationships")
    add("missing", scale.missing, note="share of all answers asked for")
    add("straight lines", scale.straight, note="share of sheets with one point marked throughout")
    if scale.alpha is not None:
        add("alpha", scale.alpha.value, low=scale.alpha.low, high=scale.alpha.high)
    add("omega", scale.omega)
    for item in scale.items:
        add("mean", item.mean, item=item.item, note=f"{item.answers} answers, {item.missing:.0%} missing; up is trust")
        add("with the rest", item.with_rest, item=item.item)
        if item.slope is not None and item.slope_error is not None:
            half = 1.96 * item.slope_error
            add("slope", item.slope, item=item.item, low=item.slope - half, high=item.slope + half)
        for number, (cut, error) in enumerate(zip(item.cuts or (), item.cut_errors or (), strict=True), start=1):
            low, high = cut - 1.96 * error, cut + 1.96 * error
            add(f"cut {number}|{number + 1}", cut, item=item.item, low=low, high=high)
    rows += [{"set": scale.name, "figure": "withheld", "item": "", "note": reason} for reason in scale.withheld]
    return rows


def list_foresight(name: str, forecasts: pa.Table) -> list[dict[str, Any]]:
    """How well the answers to one set were foretold, beside the base rate."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from troth.foretold import sum_up
    from troth.surveys import load_set

    ours = pa.array([item.id for item in load_set(name).items])
    summed = sum_up(forecasts.filter(pc.is_in(forecasts["item"], ours)))
    if summed is None:
        return []
    counted = f"{summed.answers} answers, {summed.relationships} relationships"
    half = None if summed.gain_error is None else 1.96 * summed.gain_error
    rows: list[dict[str, Any]] = [
        {"figure": "forecast: log score", "value": summed.log_score, "note": counted},
        {"figure": "base rate: log score", "value": summed.base_log_score, "note": "the relationship not known"},
        {
            "figure": "forecast: gain",
            "value": summed.gain,
            "low": None if half is None else summed.gain - half,
            "high": None if half is None else summed.gain + half,
            "note": "per answer; above 0 the standing foretold better than the base rate",
        },
    ]
    return [{"set": name, "item": "", **row} for row in rows]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        help="Ask what they think: question sets out, answers in, and how good the scale is.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command in (make, read, quality):
        group.command()(command)
    app.add_typer(group, name="survey")
