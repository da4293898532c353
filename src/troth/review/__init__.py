"""The day's close, and the draft check."""

from troth.review.close import Close, ScoredForecast, close_day, day_bounds, find_last_day
from troth.review.draft import Caution, DraftCheck, check_draft
from troth.review.tomorrow import Suggestion

__all__ = [
    "Caution",
    "Close",
    "DraftCheck",
    "ScoredForecast",
    "Suggestion",
    "check_draft",
    "close_day",
    "day_bounds",
    "find_last_day",
]
