"""Exports to TURNS and the tables beside it, recognised by content and read as a stream."""

from troth.sources.explain import Explained, explain_source
from troth.sources.formats import Format
from troth.sources.listing import Listed, Listing, list_exports, look_through, refuse
from troth.sources.mapped import OwnSource
from troth.sources.readers import recognise
from troth.sources.reading import Local, Reading, read_source
from troth.sources.threads import assign_threads
from troth.sources.turns import Rejected

__all__ = [
    "Explained",
    "Format",
    "Listed",
    "Listing",
    "Local",
    "OwnSource",
    "Reading",
    "Rejected",
    "assign_threads",
    "explain_source",
    "list_exports",
    "look_through",
    "read_source",
    "recognise",
    "refuse",
]
