"""Tables as they are: an Arrow stream, JSON lines or CSV."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
from fastapi.responses import Response, StreamingResponse

from troth.cells import plain_value, write_csv
from troth.pipeline import score_relationships
from troth.plain import escape_hidden
from troth.trust import follow
from troth.web.api.bringing import ARROW, NDJSON
from troth.web.api.rim import make_router, problems
from troth.web.view import View
from troth.web.visit import Own, Refused

router = make_router("tables")

_CSV: Final = "text/csv"
_BATCH: Final = 1000  # rows that are written together


class TableName(StrEnum):
    """The tables that can be had."""

    turns = "turns"
    sentences = "sentences"
    findings = "findings"
    promises = "promises"
    questions = "questions"
    readings = "readings"
    relationships = "relationships"
    trust = "trust"
    scores = "scores"
    outcomes = "outcomes"
    answers = "answers"


_TABLES: Final[Mapping[TableName, Callable[[View], pa.Table]]] = MappingProxyType(
    {
        TableName.turns: lambda view: view.known.turns,
        TableName.sentences: lambda view: view.known.sentences,
        TableName.findings: lambda view: view.known.findings,
        TableName.promises: lambda view: view.standing.promises,
        TableName.questions: lambda view: view.standing.questions,
        TableName.readings: lambda view: view.standing.readings,
        TableName.relationships: lambda view: view.relationships,
        TableName.trust: lambda view: follow(view.standing.readings, view.model, segments=view.segments),
        TableName.scores: lambda view: score_relationships(
            view.standing.readings, view.standing.now, lenses=tuple(view.lenses.values()), model=view.model,
            segments=view.segments,
        ),
        TableName.outcomes: lambda view: view.outcomes,
        TableName.answers: lambda view: view.answers,
    }
)  # fmt: skip

_OK: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The table.",
        "content": {
            NDJSON: {"schema": {"type": "string"}},
            _CSV: {"schema": {"type": "string"}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.get(
    "/tables/{table}",
    response_class=StreamingResponse,
    responses=_OK | problems(_404="There is no such table.", _406="None of the three forms is asked for."),
)
def export_table(visit: Own, table: TableName) -> Response:
    """A whole table of what you may see, in the form that `Accept` asks for: JSON lines where it does not matter.

    In CSV a text that a spreadsheet would run gets a quote before it.
    """
    shape = _choose(visit.request.headers.get("accept", "*/*"))
    found = _TABLES[table](visit.view)
    write = {ARROW: _write_arrow, _CSV: _write_csv, NDJSON: _write_ndjson}[shape]
    ending = {ARROW: "arrows", _CSV: "csv", NDJSON: "jsonl"}[shape]
    headers = {"Content-Disposition": f'attachment; filename="{table.value}.{ending}"'}
    return StreamingResponse(write(found), media_type=shape, headers=headers)


def _choose(accept: str) -> str:
    """The form that fits best.

    Raises: Refused with 406 when none does.
    """
    wanted = [part.partition(";") for part in accept.split(",")]
    ranked = sorted(wanted, key=lambda part: -_quality(part[2]))
    for kind, _, rest in ranked:
        if _quality(rest) > 0:
            for shape in (NDJSON, _CSV, ARROW):
                name = kind.strip().lower()
                if name in {shape, "*/*", shape.partition("/")[0] + "/*"}:
                    return shape
    raise Refused(406, f"ask for {NDJSON}, {_CSV} or {ARROW}")


def _quality(parameters: str) -> float:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _write_arrow(table: pa.Table) -> Iterator[bytes]:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_BATCH):
            writer.write_batch(batch)
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _rows(table: pa.Table) -> Iterator[list[dict[str, Any]]]:
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield batch.to_pylist()


def _write_ndjson(table: pa.Table) -> Iterator[str]:
    for rows in _rows(table):
        yield "".join(escape_hidden(json.dumps(row, default=plain_value, ensure_ascii=False)) + "\n" for row in rows)


def _write_csv(table: pa.Table) -> Iterator[str]:
    for number, rows in enumerate([[], *_rows(table)] if not table.num_rows else _rows(table)):
        out = io.StringIO()
        write_csv(rows, out, columns=table.column_names)
        text = out.getvalue()
        yield text.partition("\n")[2] if number else text
