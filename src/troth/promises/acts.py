"""Speech-act rules: does one sentence commit its speaker to a future act of their own?

An identifiable actor on the speaker's side and an act ahead of them make a promise; a wish, a prediction, a habit,
a courtesy, a question, quoted words and an offer that waits for a yes do not.
Source: MEASUREMENT.md section 5; the class of commissives is Searle, A taxonomy of illocutionary acts, 1975.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from troth.promises.conditions import find_conditions
from troth.promises.tokens import Tokens, tokenise

PREFILTER: Final = (
    r"(?i)\b(will|shall|(i|we) ?['’`](ll|m|re)|you (get|have|receive)|going to|gonna|plan to|intend to|aim to|"
    r"promise|commit|guarantee|undertake|pledge|(i|we) a(m|re)|let me|to follow|on it|consider it|werde|werden|ich|wir|"
    r"won|by|until|tomorrow|tonight|today|this (morning|afternoon|evening|week)|next week|"
    r"(mon|tues|wednes|thurs|fri)day|within|at the latest)\b"
    r"|\b(i|we|you|it|that|this|they)['’`]ll\b"
)
"""What a sentence must hold before the rules look at it (RE2): cheap, and wider than the rules."""

Observability = Literal["O1", "O2", "O3"]

_STRONG: Final = 0.75
_WEAK: Final = 0.55
_LONGEST: Final = 1200

_ADVERBS: Final = frozenset(
    {"also", "then", "of", "course", "just", "both", "now", "all", "each", "either", "soon", "still", "again"}
)
_NO_ACT: Final = frozenset({
    "want", "need", "know", "understand", "think", "believe", "remember", "miss", "love", "like", "regret",
    "appreciate", "assume", "admit", "say", "bet", "guess", "hope", "wish", "prefer", "lose", "cost", "see", "die",
    "never", "not", "enjoy", "forget", "presume", "suspect", "probably", "always", "grant", "spare", "confess",
    "suppose", "feel", "look", "win", "own", "no", "use", "run", "stay", "defer", "require",
})  # fmt: skip
"""Verbs after "I will" that are wishes, guesses, feelings or courtesies; and negations."""
_BE: Final = frozenset({
    "in", "back", "there", "sending", "calling", "visiting", "writing", "bringing", "sure", "on", "with", "ready",
    "contacting", "sharing", "getting", "working", "attending", "joining", "done", "over", "following", "providing",
    "reaching", "coming", "meeting", "arranging", "checking", "available", "posting", "submitting", "delivering",
    "talking", "forwarding", "making", "taking", "putting", "scheduling",
})  # fmt: skip
"""What "I will be" must go on with to be an act: "I will be in touch", not "I will be honest"."""
_NOT_BACK: Final = frozenset({"vacation", "holiday", "leave", "parental", "maternity"})
_LET_ME: Final = frozenset({
    "check", "find", "get", "look", "send", "ask", "confirm", "follow", "talk", "see", "speak", "call", "dig", "pull",
    "review", "verify", "search", "update", "forward", "investigate", "double", "work", "book", "retrieve", "gather",
    "proceed", "take", "come",
})  # fmt: skip
_GIVEN: Final = frozenset({"have", "get", "receive", "hear", "know"})
_SOON: Final = frozenset({"by", "on", "tomorrow", "tonight", "today", "when", "soon", "this", "next", "within", "more"})
_O1: Final = frozenset({
    "send", "forward", "share", "email", "mail", "reply", "answer", "respond", "write", "confirm", "attach", "update",
    "submit", "provide", "introduce", "invite", "report", "circulate", "post", "resend", "advise", "notify", "inform",
    "sending", "sharing", "writing", "forwarding", "posting", "submitting", "providing", "hear", "follow", "schicke",
    "schicken", "sende", "senden", "melde", "melden", "let", "draft", "message", "ping", "fax", "contact",
    "summarise", "summarize",
})  # fmt: skip
_O2: Final = frozenset({
    "ship", "deliver", "refund", "pay", "invoice", "credit", "fix", "close", "deploy", "migrate", "order", "book",
    "cancel", "transfer", "issue", "repair", "replace", "install", "release", "launch", "sign", "donate", "reset",
    "upgrade", "reimburse", "process", "liefern", "zahlen", "return", "renew", "correct", "delivering", "resolve",
})  # fmt: skip
_REFRAINS: Final = frozenset({
    "tell", "share", "mention", "disclose", "reveal", "charge", "bill", "forget", "bother", "publish", "pass", "repeat",
    "let", "disappoint", "forward", "contact", "sell", "use", "raise",
})  # fmt: skip
_READER: Final = frozenset(
    {"you", "your", "anyone", "anybody", "this", "it", "that", "them", "forget", "price", "prices"}
)
_PLACES: Final = frozenset({"in", "at", "on", "with"})
_DOCUMENTS: Final = frozenset({
    "offer", "draft", "report", "price", "prices", "contract", "plan", "numbers", "figures", "list", "copy", "letter",
    "answer", "quote", "invoice", "minutes", "feedback", "comments", "document", "documents", "slides", "proposal",
    "news", "decision", "summary", "agenda", "details", "update",
})  # fmt: skip
"""Things that arrive as a message: "you will have the offer" is seen in the channel."""
_ARTICLES: Final = frozenset({"the", "a", "an", "your", "our", "my", "their", "this", "that", "of", "in"})
_PREPOSITIONS: Final = frozenset(
    {"after", "before", "in", "at", "on", "by", "during", "for", "over", "until", "with", "from"}
)
_MOST_TOKENS: Final = 90  # a longer "sentence" is a list or a pasted article, which the rules do not read
_VISIBLE_PAIRS: Final = frozenset({
    ("get", "back"), ("come", "back"), ("in", "touch"), ("let", "you"), ("give", "you"), ("get", "you"), ("have", "it"),
    ("get", "it"), ("set", "up"), ("write", "up"), ("follow", "up"), ("keep", "you"), ("get", "this"), ("get", "that"),
})  # fmt: skip
_OFFER_WORDS: Final = frozenset(
    {"like", "want", "wish", "prefer", "need", "interested", "would", "helps", "useful", "helpful"}
)
_HEDGES: Final = frozenset({"hope", "maybe", "perhaps", "might", "could", "would", "wish", "hopefully", "ideally"})
_HABITS: Final = frozenset({"always", "usually", "normally", "generally", "whenever", "never", "typically", "every"})
_REPORTS: Final = frozenset({"said", "says", "told", "promised", "wrote", "claimed", "mentioned", "stated"})
_OTHERS: Final = frozenset({"he", "she", "they", "you"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the rules make of one sentence."""

    probability: float  # of a promise by the words alone
    barred: bool  # a rule says that it is none, whatever the encoder thinks
    verb: str  # the promised act, as far as the rules can name it
    offset: int  # where it stands in the text; 0 where the rules found none
    condition: str | None
    observability: Observability


def read_act(text: str) -> Act:
    """Judge one sentence. Probability 0 where no commissive form was found.

    The two levels are settings: .75 for a first person with an act and .55 for weaker forms. Of the sentences that
    the rules marked in the train and dev parts of `business_acts`, 46 of 63 were commitments to its readers.
    """
    tokens = tokenise(text[:_LONGEST])
    conditions = find_conditions(tokens)
    inside = [(c.first, c.end) for c in conditions]
    probability, at = _find_commitment(tokens, inside)
    barred = _is_barred(tokens, at)
    offer = any(tokens.at(c.first) == "if" and set(tokens.low[c.first : c.end]) & _OFFER_WORDS for c in conditions)
    condition = tokens.words(inside[0][0], inside[0][1]) if inside else None
    verb = tokens.at(at) if at >= 0 else ""
    return Act(
        probability=0.0 if barred or offer else probability,
        barred=barred or offer,
        verb=verb,
        offset=tokens.starts[at] if at >= 0 else 0,
        condition=condition,
        observability=_observe(tokens, at),
    )


def _find_commitment(tokens: Tokens, inside: list[tuple[int, int]]) -> tuple[float, int]:
    """The strongest commissive form outside conditional clauses, and where its verb stands."""
    best, where = 0.0, -1
    if len(tokens) > _MOST_TOKENS:
        return best, where
    for at in range(len(tokens)):
        if any(first <= at < end for first, end in inside):
            continue
        probability, verb = _form_at(tokens, at)
        if probability > best and not _is_quoted(tokens, at):
            best, where = probability, verb
    return best, where


def _form_at(tokens: Tokens, at: int) -> tuple[float, int]:  # noqa: PLR0911  # one return per form
    word, after = tokens.at(at), tokens.at(at + 1)
    if word in {"i", "we"}:
        if _is_relative(tokens, at):
            return 0.0, -1
        return _first_person(tokens, at + 1)
    if word in {"will", "shall", "plan"} and _continues_first_person(tokens, at):
        verb = at + 2 if word == "plan" else after_will(tokens, at)
        return act_after(tokens, verb) if word != "plan" or after == "to" else (0.0, -1)
    if word == "let" and after in {"me", "us"} and tokens.at(at + 2) in _LET_ME:
        return (_WEAK, at + 2) if after == "me" else (0.0, -1)
    if word == "you" and (verb := after_will(tokens, at + 1)) and tokens.at(verb) in _GIVEN:
        if tokens.at(verb) == "know":
            return (_WEAK, verb) if _SOON & set(tokens.low[verb + 1 : verb + 6]) else (0.0, -1)
        return (_WEAK, verb) if tokens.at(verb) != "hear" or tokens.at(verb + 1) in {"from", "back"} else (0.0, -1)
    if (
        word == "you"
        and after in {"get", "have", "receive"}
        and {"by", "tomorrow", "tonight"} & set(tokens.low[at + 2 :])
    ):
        return _WEAK, at + 1  # "you get it by Friday"
    if word == "will" and after == "be" and tokens.at(at + 2) in _PLACES and tokens.at(at + 3) in {"your", "you"}:
        return _WEAK, at + 1  # "the refund will be in your account"
    if word == "to" and after == "follow" and tokens.at(at + 2) in {"", ".", ",", "!", ")"} and at > 0:
        return _WEAK, at + 1
    if (word == "on" and after == "it" and at == 0) or tokens.has(at, ("consider", "it", "done")):
        return _WEAK, at
    if (
        word in {"it", "this", "that", "everything"}
        and (verb := after_will(tokens, at + 1))
        and tokens.at(verb) == "be"
    ):
        ready = tokens.at(verb + 1) in {
            "done",
            "ready",
            "fixed",
            "sent",
            "shipped",
            "delivered",
            "resolved",
            "there",
            "live",
        }
        return (_WEAK, verb + 1) if ready else (0.0, -1)
    if word in {"ich", "wir"} or after in {"ich", "wir"}:
        return _german(tokens, at)
    return 0.0, -1


def _is_relative(tokens: Tokens, at: int) -> bool:
    """Whether "we will" only describes a thing: "the hit we will take", but not "after the meeting we will"."""
    if tokens.at(at + 1) not in {"will", "shall"} or not tokens.at(at - 1).isalpha():
        return False
    article = next((k for k in (at - 2, at - 3) if k >= 0 and tokens.at(k) in {"the", "a", "an"}), -1)
    return article >= 0 and tokens.at(article - 1) not in _PREPOSITIONS


def _continues_first_person(tokens: Tokens, at: int) -> bool:
    """Whether "will" lacks its "I": at the start of a line, or behind "and" in a sentence about oneself."""
    if at == 0 or tokens.at(at - 1) in {"-", "–", "."}:
        return tokens.at(at + 1) not in {
            "you",
            "they",
            "he",
            "she",
            "it",
            "i",
            "we",
            "the",
            "this",
            "that",
            "there",
            "be",
        }
    if tokens.at(at - 1) not in {"and", "but", ",", ";"}:
        return False
    people = [
        word for word in tokens.low[max(0, at - 30) : at] if word in {"i", "we", "he", "she", "it", "they", "you"}
    ]
    return bool(people) and people[-1] in {"i", "we"}


def after_will(tokens: Tokens, at: int) -> int:
    """Where the verb after "will", "'ll" or "shall" stands; 0 where there is no such word."""
    if tokens.at(at) in {"will", "shall"}:
        at += 1
    elif tokens.at(at) == "'" and tokens.at(at + 1) == "ll":
        at += 2
    else:
        return 0
    while tokens.at(at) in _ADVERBS or (
        tokens.at(at).endswith("ly") and tokens.at(at) not in {"reply", "apply", "supply", "rely"}
    ):
        at += 1
    return at


def _first_person(tokens: Tokens, at: int) -> tuple[float, int]:  # noqa: PLR0911  # one return per form
    """What follows "I" or "we"."""
    verb = after_will(tokens, at)
    if verb:
        return _refrain(tokens, verb) if tokens.at(verb) in {"not", "never"} else act_after(tokens, verb)
    if tokens.at(at) == "won" and tokens.at(at + 2) == "t":
        return _refrain(tokens, at + 2)
    if tokens.at(at) == "'" and tokens.at(at + 1) in {"m", "re"}:
        at += 2
    elif tokens.at(at) in {"am", "are"}:
        at += 1
    else:
        if tokens.at(at) in {"plan", "intend", "aim", "undertake", "commit"} and tokens.at(at + 1) == "to":
            return act_after(tokens, at + 2)[0] and _WEAK, at + 2
        if tokens.at(at) in {"promise", "guarantee", "commit", "pledge"}:
            return _STRONG, at
        return 0.0, -1
    if tokens.has(at, ("going", "to")) or tokens.at(at) == "gonna" or tokens.has(at, ("about", "to")):
        return act_after(tokens, at + (1 if tokens.at(at) == "gonna" else 2))
    if tokens.has(at, ("planning", "to")) or tokens.has(at, ("committed", "to")):
        return _WEAK, at + 2
    if tokens.at(at) == "on" and tokens.at(at + 1) == "it":
        return _WEAK, at
    ahead = {"tomorrow", "tonight", "shortly", "today", "next", "by"} & set(tokens.low[at : at + 20])
    if ahead and tokens.at(at) in _BE and tokens.at(at).endswith("ing"):
        return _WEAK, at
    return 0.0, -1


def _refrain(tokens: Tokens, at: int) -> tuple[float, int]:
    """ "I won't tell anyone": leaving something undone for the reader's sake is promised, refusing to act is not."""
    verb = at + 2 if tokens.at(at + 1) in {"ever", "again", "even"} else at + 1
    return (_WEAK, verb) if tokens.at(verb) in _REFRAINS and _READER & set(tokens.low[verb:]) else (0.0, -1)


def act_after(tokens: Tokens, verb: int) -> tuple[float, int]:  # noqa: PLR0911  # one return per verb
    """Whether the verb behind "will" is an act under the speaker's control."""
    word, after = tokens.at(verb), tokens.at(verb + 1)
    if not word.isalpha() or word in _NO_ACT:
        looks = word == "look" and after in {"into", "at", "for", "it", "over"}
        sees = word == "see" and after in {"to", "what", "if", "whether"}
        return (_STRONG, verb) if looks or sees else (0.0, -1)
    if word == "be":
        away = bool(_NOT_BACK & set(tokens.low[verb : verb + 6]))
        away = away or (after in {"in", "on"} and tokens.at(verb + 2) not in {"touch", "contact", "it"})
        return (_STRONG, verb + 1) if after in _BE and not away else (0.0, -1)
    if word == "have":
        given = {"it", "the", "them", "this", "that", "your", "someone", "my", "our", "a", "an", "him", "her"}
        return (0.0, -1) if after == "to" or after not in given else (_WEAK, verb)
    if tokens.raw(verb)[0].isupper():  # "going to San Francisco"
        return 0.0, -1
    if word in {"leave", "let"} and tokens.at(verb + 1) in {"it", "that"}:
        return 0.0, -1
    if word == "take" and after == "that":
        return 0.0, -1
    return _STRONG, verb


def _german(tokens: Tokens, at: int) -> tuple[float, int]:
    """ "ich werde", and the present tense of acts that are always ahead."""
    acts = {
        "schicke",
        "schicken",
        "sende",
        "senden",
        "melde",
        "melden",
        "kümmere",
        "kümmern",
        "rufe",
        "liefern",
        "bringe",
    }
    words = (tokens.at(at), tokens.at(at + 1))
    if words[0] in {"ich", "wir"} and words[1] in {"werde", "werden"}:
        return _STRONG, at + 1
    other = next((word for word in words if word in acts), None)
    return (_STRONG, at + words.index(other)) if other is not None else (0.0, -1)


def _is_quoted(tokens: Tokens, at: int) -> bool:
    """Whether an odd number of double quotation marks stands before this token, or the line is a quotation."""
    marks = sum(1 for word in tokens.low[:at] if word in {'"', "“", "”", "„"})
    return marks % 2 == 1 or tokens.at(0) in {">", "|"}


def _is_barred(tokens: Tokens, at: int) -> bool:
    """A question, a habit, a hedge before the act, a report of another's words, a negation."""
    if tokens.low and "?" in tokens.low[-2:]:
        return True
    if tokens.at(0) in {">", "|"} or (
        tokens.at(0) in {'"', "“", "„"} and tokens.at(len(tokens) - 1) in {'"', "”", "“"}
    ):
        return True
    near = _clause_before(tokens, at)
    if near & _HEDGES or ("don" in near and "think" in near):
        return True
    reported = near & _REPORTS and near & _OTHERS
    return bool(reported or set(tokens.low[max(0, at - 6) : at + 3]) & _HABITS) if at >= 0 else False


def _clause_before(tokens: Tokens, at: int) -> set[str]:
    """Up to eight words before the act, in its own clause."""
    words: set[str] = set()
    for k in range(at - 1, max(-1, at - 9), -1):
        if tokens.at(k) in {",", ";", ":", "but"}:
            break
        words.add(tokens.at(k))
    return words


def _observe(tokens: Tokens, at: int) -> Observability:
    """Where the act would show: in a channel we read, in a system of record, or nowhere.

    Read from the verb on; a word behind an article is a thing ("the order"), not an act.
    """
    low = tokens.low[max(0, at) :]
    verbs = {word for before, word in pairwise(("", *low)) if before not in _ARTICLES}
    given = low[:1] and low[0] in _GIVEN and _DOCUMENTS & set(low[:8])
    if given or set(pairwise(low)) & _VISIBLE_PAIRS or verbs & _O1:
        return "O1"
    return "O2" if verbs & _O2 else "O3"
