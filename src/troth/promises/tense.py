"""Whether a time named in a sentence lies behind the speaker: "on Monday we met"."""

from __future__ import annotations

from typing import Final, Literal

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import AHEAD_IN_PAST, FUTURE, HABIT, PAST, PERFECT, UNTIL

_REACH: Final = 60  # tokens looked at on either side of a time: keeps one pass linear
_BREAKS: Final = frozenset(
    {",", ";", ":", ".", "(", ")", "—", "–", "!", "?", "but", "because", "so", "although", "while"}
)
_ALWAYS_PAST: Final = frozenset({"was", "were", "had", "did", "war", "waren", "hatte", "hatten", "wurde", "wurden"})
_NOT_PAST: Final = frozenset({
    "need", "indeed", "speed", "feed", "proceed", "exceed", "hundred", "succeed", "seed", "red", "shed", "embed",
    "attached", "interested", "involved", "based", "related", "detailed",
})  # fmt: skip
_PARTICIPLE_LEADS: Final = frozenset({
    "be", "get", "getting", "need", "being", "a", "an", "the", "to", "is", "are", "s", "re", "m", "your", "our", "my",
    "their", "of", "for", "with", "as", "it", "them", "him", "her", "newly", "fully", "its", "his", "any", "no",
})  # fmt: skip
_CLAUSE_STARTS: Final = frozenset(
    {"", ",", ";", ":", "and", "but", "when", "that", "because", "so", "as", "since", "if"}
)

_AUXILIARIES: Final = frozenset({"will", "ll", "shall", "can", "must", "should", "would"})
_SUBJECTS: Final = frozenset({"i", "we", "he", "she", "they", "you", "who", "which", "that"})

_TAKE_AN_OBJECT: Final = frozenset({
    "need", "want", "get", "have", "see", "keep", "let", "make", "of", "for", "to", "with", "from", "by", "thank",
    "help", "like", "leave", "needs", "wants", "got", "ll",
})  # fmt: skip

_WISHED: Final = frozenset({"safe", "good", "great", "nice", "lovely", "wonderful", "pleasant", "relaxing", "happy"})

_WISHES: Final = frozenset({"wanted", "needed", "hoped", "wished", "expected", "preferred"})
_KNOWN: Final = frozenset({
    "know", "knew", "remember", "remembered", "understand", "understood", "realise", "realize", "realised", "realized",
    "see", "saw", "heard", "thought", "aware", "sorry", "forgot",
})  # fmt: skip

Marker = Literal["ahead", "past"]


def is_behind(tokens: Tokens, first: int, end: int) -> bool:
    """Whether the time in the tokens from `first` to `end` belongs to a verb of the past, or to a habit."""
    if tokens.at(first) in {"for", "on", "about"} and tokens.at(0) in {"thanks", "thank", "danke"}:
        return True
    if _is_courtesy(tokens, first):
        return True
    if _is_habit(tokens) or _is_german_past(tokens):
        return True
    inside, at = _nearest(tokens, first, end)
    if inside is None:
        return False
    in_clause, marker = inside
    deadline = any(tokens.at(k) in UNTIL for k in range(first, end))
    if marker == "past" and deadline and not in_clause:
        return False
    agreed = tokens.at(at) in AHEAD_IN_PAST and tokens.at(at - 1) != "had" and not _is_known_wish(tokens, at)
    return marker == "past" and not (deadline and agreed)


def _is_known_wish(tokens: Tokens, at: int) -> bool:
    """ "I know you wanted it by Friday": what somebody wished is granted, and nothing said of what will be."""
    if tokens.at(at) not in _WISHES or tokens.at(at - 1) not in _SUBJECTS:
        return False
    knows = tokens.at(at - 3) if tokens.at(at - 2) == "that" else tokens.at(at - 2)
    return knows in _KNOWN and not promises_ahead(tokens)


def looks_ahead(tokens: Tokens, first: int, end: int) -> bool:
    """Whether a verb or mark of the future stands outside the tokens from `first` to `end`."""
    reach = min(len(tokens), _REACH * 2)
    return any(_marker(tokens, k) == "ahead" for k in range(reach) if not first <= k < end)


def _is_german_past(tokens: Tokens) -> bool:
    """ "Ich habe am Freitag angerufen": the participle ends the sentence."""
    last = next((word for word in reversed(tokens.low[-4:]) if word.isalpha()), "")
    formed = "ge" in last[:6] and last.endswith(("t", "en")) and len(last) > 5
    return formed and bool({"habe", "haben", "hat", "bin", "ist", "sind"} & set(tokens.low[:_REACH]))


def _is_courtesy(tokens: Tokens, first: int) -> bool:
    """ "Thank God it's Friday", "Enjoy the weekend!", "Nice to see you again today."."""
    if tokens.at(first - 1) == "enjoy" or tokens.at(first) == "enjoy":
        return True
    if tokens.has(0, ("have", "a")) and tokens.at(2) in _WISHED and not promises_ahead(tokens):
        return True
    if tokens.at(0) == "thank" and tokens.at(1) in {"god", "goodness", "heavens"}:
        return True
    pleased = tokens.at(0) in {"nice", "good", "great", "lovely"} and tokens.at(1) == "to"
    return pleased and tokens.at(2) in {"see", "talk", "hear", "meet", "speak"} and not promises_ahead(tokens)


def promises_ahead(tokens: Tokens) -> bool:
    """Whether the sentence speaks of what will be, and not only of what is usual."""
    near = tokens.low[: _REACH * 2]
    given = any(near[k : k + 2] == ("you", "get") for k in range(len(near)))
    return given or bool({"will", "ll", "shall", "werde", "werden"} & set(near))


def _is_habit(tokens: Tokens) -> bool:
    near = tokens.low[: _REACH * 2]
    usual = any(word in HABIT for word in near) or any(tokens.has(k, ("der", "regel")) for k in range(len(near)))
    return (usual or _is_opening_hours(near)) and not promises_ahead(tokens)


def _is_opening_hours(near: tuple[str, ...]) -> bool:
    """ "Monday to Friday" without a verb of the future."""
    return any(
        day in {"monday", "montag"} and to in {"to", "-", "–", "bis", "through"} and last in {"friday", "freitag"}
        for day, to, last in zip(near, near[1:], near[2:], strict=False)
    )


def _nearest(tokens: Tokens, first: int, end: int) -> tuple[tuple[bool, Marker] | None, int]:
    """The verb that governs a time: before it in its clause, behind it, then in the clauses around it."""
    before = [*range(first - 1, max(-1, first - _REACH), -1)]
    behind = [*range(end, min(len(tokens), end + _REACH))]
    here_before, beyond_before = _cut(tokens, before)
    here_behind, beyond_behind = _cut(tokens, behind)
    beyond_before, beyond_behind = _within_sentence(tokens, beyond_before), _within_sentence(tokens, beyond_behind)
    for positions, in_clause in (
        (here_before, True), (here_behind, True), (beyond_behind, False), (beyond_before, False),
    ):  # fmt: skip
        for at in positions:
            marker = _marker(tokens, at)
            if marker is not None:
                return (in_clause, marker), at
    return None, -1


def _cut(tokens: Tokens, positions: list[int]) -> tuple[list[int], list[int]]:
    """The positions up to the end of the clause, and those beyond it."""
    for number, at in enumerate(positions):
        if tokens.at(at) in _BREAKS:
            return positions[:number], positions[number:]
    return positions, []


def _within_sentence(tokens: Tokens, positions: list[int]) -> list[int]:
    """The positions up to a full stop that ends a sentence, where two sentences were left together."""
    for number, at in enumerate(positions):
        ends = tokens.at(at) in {".", "!", "?"} and not tokens.glued(at) and tokens.raw(at + 1)[:1].isupper()
        if ends:
            return positions[:number]
    return positions


def _marker(tokens: Tokens, at: int) -> Marker | None:
    """What a token tells about the time of its clause."""
    word = tokens.at(at)
    if word == "going" and tokens.at(at - 1) in {"was", "were"}:
        return "past"  # "I was going to send it today"
    if word in AHEAD_IN_PAST and "to" in (tokens.at(at + 1), tokens.at(at + 2), tokens.at(at + 3)):
        return "ahead"
    if word in _ALWAYS_PAST:
        return None if tokens.at(at + 1) in {"hoping", "wondering"} else "past"
    if word in PERFECT and _is_past_form(tokens.at(at + 1)):
        return "ahead" if tokens.at(at - 1) in {"will", "ll", "shall"} else "past"
    if word in FUTURE:
        return _future(tokens, at)
    return "past" if _is_past_form(word) and _is_finite(tokens, at) else None


def _future(tokens: Tokens, at: int) -> Marker | None:
    """The exceptions among the words that look ahead."""
    word, before = tokens.at(at), tokens.at(at - 1)
    if word == "won":
        return "ahead" if tokens.at(at + 1) == "'" else "past"
    if word == "may" and tokens.raw(at) != "may":
        return None
    if word in {"see", "make", "get"} and before in {"to", "did", "t", "please"}:
        return None
    if word == "please" and tokens.at(at + 1) in {"see", "find", "note"}:
        return None
    if before in {"was", "were", "had"} and word in {"due", "ready"}:
        return "past"
    return "ahead"


def _is_past_form(word: str) -> bool:
    return word in PAST or word in AHEAD_IN_PAST or (len(word) > 3 and word.endswith("ed") and word not in _NOT_PAST)


def _is_finite(tokens: Tokens, at: int) -> bool:
    """Whether a form of the past is the verb of its clause, and not a participle beside a noun."""
    before = tokens.at(at - 1)
    if before in _BREAKS and not tokens.at(at + 1).isalpha():  # "tomorrow, promised."
        return False
    if before == "you":  # "the plan you showed me", but not "get you signed up"
        return tokens.at(at - 2) not in _TAKE_AN_OBJECT
    if before in {"it", "this", "that", "her"}:
        return tokens.at(at - 2) not in _TAKE_AN_OBJECT
    if at == 0:
        if tokens.at(1) in UNTIL:  # "Installed by Friday."
            return False
        return tokens.at(0) != "done" and not (
            tokens.at(1).isalpha() and tokens.at(1).endswith("s") and tokens.at(1) not in {"us", "his", "this"}
        )
    return before not in _PARTICIPLE_LEADS and not _is_under_auxiliary(tokens, at)


def _is_under_auxiliary(tokens: Tokens, at: int) -> bool:
    """Whether "will" or the like governs this participle: "I'll have it signed and faxed"."""
    for k in range(at - 1, max(-1, at - 12), -1):
        if tokens.at(k) in _AUXILIARIES:
            return True
        if tokens.at(k) in _BREAKS or tokens.at(k) in _SUBJECTS:
            return False
    return False
