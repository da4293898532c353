"""What the counterpart asked, in words or by an act, whether it is trust they ask for, and whether it was answered."""

from troth.questions.draft import answer_with
from troth.questions.find import find_questions, list_ours
from troth.questions.ongoing import Changes, Ongoing, look_at

ACTS = (
    "asks",
    "asks_again",
    "asks_confirmation",
    "asks_guarantee",
    "asks_reference",
    "double_checks",
    "copies_boss",
    "goes_silent",
)
"""How something was asked: in words, or by what was done."""

STATES = ("open", "partly", "answered", "stale")
"""What became of it."""

__all__ = ["ACTS", "STATES", "Changes", "Ongoing", "answer_with", "find_questions", "list_ours", "look_at"]
