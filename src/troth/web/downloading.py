"""Tables and calendars as files that a browser saves."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.responses import Response

from troth import __version__
from troth.cells import write_csv
from troth.encoder import encoder_id


def offer_csv(rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str], name: str) -> Response:
    """Rows as a CSV file of this name; no cell is a formula."""
    out = io.StringIO()
    write_csv(rows, out, columns=columns)
    return offer_file(out.getvalue().encode(), name=name, kind="text/csv; charset=utf-8")


def offer_file(content: bytes, *, name: str, kind: str) -> Response:
    """A file to save. `name`: of ours, letters and dots."""
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def name_makers() -> str:
    """What a file was made with: this version and this encoder."""
    return f"troth {__version__}, encoder {encoder_id()}"
