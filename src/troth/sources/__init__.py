"""Exports to TURNS: mbox, EML, maildir and JSON Lines, recognised by content and read as a stream."""

from troth.sources.formats import Format, recognise
from troth.sources.reading import Reading, read_source
from troth.sources.threads import assign_threads
from troth.sources.turns import Rejected

__all__ = ["Format", "Reading", "Rejected", "assign_threads", "read_source", "recognise"]
