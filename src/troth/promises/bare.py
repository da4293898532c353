"""Promises without a first person: "Installed by Friday", "you should have it by noon", "it will be paid on the 20th".

Such words promise only where they name a firm time ahead, so the caller says whether they do.
"""

from __future__ import annotations

from typing import Final

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import UNTIL

WEAK: Final = 0.55
"""A setting, as the weaker level of `acts.read_act`."""

_ACTS: Final = frozenset({
    "send", "ship", "deliver", "call", "ring", "phone", "write", "bring", "pay", "fix", "start", "begin", "come",
    "book", "order", "install", "finish", "forward", "share", "submit", "meet", "return", "confirm", "refund",
    "transfer", "post", "visit", "collect", "launch", "repair", "replace", "sign", "mail", "email", "update", "take",
    "do", "get", "give", "make", "see", "put", "join", "drop", "pick", "go", "invoice", "close", "upload", "check",
    "print", "reply",
})  # fmt: skip
_DONE_TO: Final = frozenset({
    "paid", "sent", "shipped", "delivered", "refunded", "installed", "fixed", "credited", "repaired", "replaced",
    "transferred", "reimbursed", "mailed", "forwarded", "finished", "completed", "released", "posted", "ready",
    "done", "signed", "collected", "returned", "resolved", "submitted", "live", "wired",
})  # fmt: skip
_ASKS: Final = frozenset({
    "please", "must", "need", "needs", "should", "deadline", "due", "required", "require", "requires", "could",
    "would", "can", "want", "wants", "asked", "asks", "if", "unless", "might", "may", "hope", "hopefully", "expected",
    "supposed", "pls", "kindly", "bitte", "submit", "register", "rsvp", "apply", "wish", "wishes", "like", "not",
    "never", "no",
})  # fmt: skip
"""Words that make the same form a request, a rule or a wish."""
_GIVEN: Final = frozenset({"have", "receive", "get", "see", "hear"})


def read_bare(tokens: Tokens) -> tuple[float, int]:
    """Probability of a promise and where its verb stands, in a sentence that names a firm time ahead."""
    if len(tokens) == 0 or "?" in tokens.low[-2:]:
        return 0.0, -1
    for at in range(len(tokens)):
        verb = _form_at(tokens, at)
        if verb >= 0:
            return WEAK, verb
    return 0.0, -1


def could_be_bare(tokens: Tokens) -> bool:
    """Whether a form stands here at all; asked before the time is looked for, which costs more."""
    return read_bare(tokens)[0] > 0


def _form_at(tokens: Tokens, at: int) -> int:  # noqa: PLR0911  # one return per form
    """Where the verb of a form that begins here stands; -1 where none begins."""
    word, after = tokens.at(at), tokens.at(at + 1)
    if word == "give" and after in {"me", "us"} and tokens.at(at + 2) in {"until", "till", "to", "a", "two", "three"}:
        return at if at == 0 or tokens.at(at - 1) in {".", ",", "and", "so", "just"} else -1
    if word == "you" and after == "should" and tokens.at(at + 2) in _GIVEN and UNTIL & set(tokens.low):
        return at + 2
    if _ASKS & set(tokens.low[max(0, at - 8) : at + 12]):
        return -1
    if word == "you" and after in {"get", "have", "receive"} and not _was_asked(tokens, at):
        return at + 1  # "every Monday before ten you get three lines"
    if word in {"ships", "leaves"} or (word == "goes" and after in {"live", "out", "back", "off"}):
        return at  # "the lock goes live on Monday"
    if word in {"i", "we"} and after in _ACTS and not _was_asked(tokens, at):
        return at + 1  # "I call you tomorrow", "we pay on Friday"
    if word == "will" and after == "be" and tokens.at(at + 2) in _DONE_TO:
        return at + 2
    if at == 0 and word.endswith("ed") and after in UNTIL:
        return 0  # "Installed by Friday 3 July."
    reaches = word in {"is", "are"} and after in {"with", "in", "on", "at"} and tokens.at(at + 2) in {"you", "your"}
    return at if reaches and "by" in tokens.low[at:] else -1  # "both envelopes are on your table by 15 December"


def _was_asked(tokens: Tokens, at: int) -> bool:
    """Whether "I call" stands in a question or a clause of habit or condition: "when we meet on Friday"."""
    return tokens.at(at - 1) in {
        "when", "if", "do", "did", "that", "which", "what", "where", "how", "before", "after", "until", "till", "as",
        "while", "since", "once", "than", "shall", "will", "should", "the", "whenever", "can", "could",
    }  # fmt: skip
