"""Every kind of export that has a reader, and the one way to tell which of them an export is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from troth.sources.captions import SBV, SRT, WEBVTT
from troth.sources.convokit import CONVOKIT
from troth.sources.export import Export
from troth.sources.formats import Format, recognise_plain
from troth.sources.freshdesk import FRESHDESK_READER
from troth.sources.graph import GRAPH_MAIL, TEAMS
from troth.sources.hubspot import HUBSPOT_READER
from troth.sources.intercom import INTERCOM_READER
from troth.sources.letters import LETTERS
from troth.sources.mapped import OwnSource, open_export
from troth.sources.model_logs import MODEL_LOGS
from troth.sources.otel import OTEL
from troth.sources.ours import OURS
from troth.sources.outlook import MSG, PST
from troth.sources.reader import Reader
from troth.sources.salesforce import SALESFORCE_READER
from troth.sources.slack import SLACK
from troth.sources.speech import SPEECH
from troth.sources.whatsapp import WHATSAPP
from troth.sources.zendesk import ZENDESK_READER

READERS: Final[tuple[Reader, ...]] = (
    OURS,
    CONVOKIT,
    SLACK,
    WHATSAPP,
    TEAMS,
    GRAPH_MAIL,
    MSG,
    PST,
    WEBVTT,
    SRT,
    SBV,
    *SPEECH,
    LETTERS,
    ZENDESK_READER,
    INTERCOM_READER,
    FRESHDESK_READER,
    HUBSPOT_READER,
    SALESFORCE_READER,
    OTEL,
    MODEL_LOGS,
)
"""In the order in which they are asked: those that look for more come first."""


def find_reader(export: Export, own: Sequence[OwnSource] = ()) -> Reader | None:
    """The first reader that takes this export; None where it is mail, turns as JSON Lines, or nothing known.

    Args:
        export: open.
        own: sources that the user mapped: they are asked first.
    """
    mapped = next((source.reader() for source in own if source.takes(export)), None)
    return mapped or next((reader for reader in READERS if reader.is_it(export)), None)


def recognise(path: str | Path, own: Sequence[OwnSource] = ()) -> Format:
    """Say what stands at `path`.

    Raises: SourceError when there is nothing, nothing readable, or nothing that troth reads.
    """
    export = open_export(path, own)
    try:
        reader = find_reader(export, own)
        return recognise_plain(export) if reader is None else reader.format
    finally:
        export.close()
