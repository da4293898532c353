"""One encoder, many heads: sentences to findings."""

from troth.encoder.card import Card, Head, card, encoder_id
from troth.encoder.findings import FLOOR, Encoder, count_unread, find_signals
from troth.encoder.runtime import load_encoder

__all__ = [
    "FLOOR",
    "Card",
    "Encoder",
    "Head",
    "card",
    "count_unread",
    "encoder_id",
    "find_signals",
    "load_encoder",
]
