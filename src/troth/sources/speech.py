"""The readers of calls that machines wrote down as JSON, in the order in which they are asked."""

from __future__ import annotations

from typing import Final

from troth.sources.abcd import ABCD
from troth.sources.contactlens import CONTACT_LENS
from troth.sources.genesys import GENESYS
from troth.sources.gong import GONG
from troth.sources.gridspace import GRIDSPACE
from troth.sources.reader import Reader
from troth.sources.twilio import TWILIO
from troth.sources.whisper import WHISPER
from troth.sources.written_calls import WRITTEN_CALLS

SPEECH: Final[tuple[Reader, ...]] = (
    GONG, CONTACT_LENS, GENESYS, TWILIO, GRIDSPACE, WRITTEN_CALLS, ABCD, WHISPER,
)  # fmt: skip
