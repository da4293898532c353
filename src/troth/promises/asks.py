"""Requests, offers and the yes to them: the two halves of a promise that two people make together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import PARTS, WEEKDAYS

PREFILTER: Final = (
    r"(?i)\b(can|could|will|would|please|pls|kindly|shall|should|may|let|lets|want|need|like|happy|glad|how about|"
    r"what about|why don|any chance|bitte|k(ö|oe)nn[a-z]*|kannst|soll|mind|send|give|call|do it|"
    r"yes|yep|yeah|yup|ja|ok|okay|sure|fine|deal|agreed|done|on it|no problem|of course|certainly|absolutely|perfect|"
    r"great|good|works|go ahead|pleasure|mach|mache|"
    r"will do|can do|right|gladly|consider|wonderful|lovely|brilliant|appreciate|love|gern|gerne|klar|"
    r"not at all|that.?d be|help|fantastic|very much|take (it|that)|somebody|someone|anyone|"
    r"einverstanden|suits|alright|understood|it is)\b"
)
"""What a sentence must hold before the rules look at it (RE2)."""

Kind = Literal["request", "proposal", "offer"]

_BY_HEAD: Final = 0.6  # least probability of the encoder's heads where no form is found
_SURE: Final = 0.8  # least probability of the head for agreement where no words of agreement open the sentence
_LONGEST: Final = 60  # tokens; a longer sentence asks for many things or for none
_TELL: Final = frozenset({
    "tell", "explain", "remember", "see", "hear", "believe", "think", "know", "understand", "describe", "clarify",
    "elaborate", "say", "imagine", "remind", "recall", "guess", "recommend", "suggest", "advise", "specify", "spell",
    "have", "be", "want", "need", "like", "afford", "feel", "ever",
})  # fmt: skip
"""Acts that an answer itself performs, or that are none: a yes to them promises nothing."""
_NOT_ASKED: Final = frozenset({
    "find", "see", "note", "accept", "be", "feel", "excuse", "forgive", "bear", "ignore", "do", "contact", "refer",
    "click", "visit", "don", "not", "understand", "remember", "disregard", "know", "enjoy", "hesitate", "respond",
})  # fmt: skip
_SUBORDINATES: Final = frozenset({
    "if", "that", "what", "how", "when", "where", "which", "who", "as", "than", "anything", "something", "everything",
    "whatever", "all", "best", "before", "until", "whether", "because",
})  # fmt: skip
_TAKEN: Final = frozenset({
    "have", "get", "move", "push", "postpone", "reschedule", "meet", "say", "talk", "speak", "schedule", "change",
    "make", "do", "agree", "keep", "see", "arrange", "start", "shift",
})  # fmt: skip
_DEADLINES: Final = frozenset({"by", "until", "before", "back", "tomorrow", "today", "asap"})
_OPENS: Final = frozenset({",", ";", ":", ".", "!", "-", "–", "so", "and", "then", "ok", "okay", "yeah", "yes", "well"})
_IMPERATIVES: Final = frozenset({
    "send", "give", "call", "bring", "forward", "share", "ship", "fix", "email", "ring", "mail", "keep", "book", "get",
})  # fmt: skip
_OFFERED: Final = frozenset({
    "send", "ship", "deliver", "call", "ring", "phone", "write", "bring", "pay", "fix", "start", "come", "book",
    "order", "install", "forward", "share", "meet", "confirm", "refund", "transfer", "visit", "collect", "repair",
    "replace", "sign", "mail", "email", "update", "take", "do", "get", "give", "make", "put", "join", "drop", "pick",
    "go", "invoice", "upload", "check", "print", "help", "look", "talk", "speak", "arrange", "prepare", "draft", "show",
    "walk", "provide", "offer", "drive", "move", "set", "organise", "organize", "introduce", "connect", "try",
    "schedule", "extend", "waive", "credit", "add", "reserve", "hold", "lend", "cover", "ask", "find", "review", "let",
})  # fmt: skip
"""What "I can" must go on with to offer something: "I can read German" offers nothing."""


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split("|"))


_GREETINGS: Final = frozenset(
    {"hi", "hello", "hey", "dear", "ah", "oh", "well", "and", "hallo", "thanks", "thank", "so"}
)
_WILL: Final = _phrases(
    "will do | can do | sure will | on it | consider it done | i will | we will | i ' ll do | we ' ll do | "
    "right away | mache ich | mach ich | i take it | we take it | you got it"
)
_GLAD: Final = _phrases(
    "happy to | glad to | with pleasure | no problem | not a problem | of course | certainly | absolutely | sure | "
    "gladly | deal | agreed | why not | gerne | gern | klar | geht klar | einverstanden | no worries | sounds good | "
    "sounds great | sounds fine | good idea | perfect | that works | works for me | works for us | works | "
    "that suits me | that is fine | that ' s fine | lovely | brilliant | not at all | "
    "no , not at all | of course not | sure thing"
)
_FINE: Final = _phrases(
    "yes | yep | yeah | yup | ja | ok | okay | fine | alright | all right | great | good | understood"
)
_PLEASES: Final = frozenset({"please", "pls", "kindly", "bitte"})
_PLEASE: Final = _phrases(
    "let ' s do that | let ' s do it | we ' d take | i ' d take | we ' ll take | i ' ll take | it would help | "
    "it would be | yes , very much | that helps | fantastic | "
    "yes please | yes , please | ok please | "
    "please do | please | go ahead | by all means | that would be | that ' d be | that would help | "
    "would be | i would appreciate | i ' d appreciate | i would love | i ' d love | i would like that | "
    "i ' d like that | we would like that | wonderful | excellent | do it | do that | much appreciated | "
    "bitte | thank you , that | thanks , that | super"
)
_NO: Final = frozenset({
    "no", "not", "cannot", "unfortunately", "afraid", "sorry", "however", "won", "don", "nope", "nein", "leider",
    "nicht", "unable", "busy", "instead", "rather", "but", "unless", "couldn", "wouldn", "isn", "didn",
})  # fmt: skip
_DONE: Final = frozenset({
    "already", "sent", "did", "attached", "was", "were", "received", "got", "paid", "had", "went", "spoke", "has",
})  # fmt: skip
_POLITE_NO: Final = frozenset(
    {
        ("not", "at", "all"),
        ("no", ",", "not", "at", "all"),
        ("of", "course", "not"),
        ("no", "problem"),
        ("not", "a", "problem"),
        ("why", "not"),
        ("no", "worries"),
    }
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one sentence asks for or offers, waiting for a yes."""

    kind: Kind
    waits: bool  # a question, or said with please: a bare "yes" or "ok" answers it; what is only said aloud needs more
    tells: bool  # an answer in words would do it: only a clear "will do" makes a promise of it
    probability: float


@dataclass(frozen=True, slots=True)
class Yes:
    """An acceptance: how it was said, and the probability that it is one."""

    strength: int  # 3: "will do"; 2: "sure", "sounds good"; 1: "yes", "ok", which may only say that one listens
    probability: float


def read_ask(tokens: Tokens, *, request: float, offer: float) -> Ask | None:
    """Read a request, a proposal or an offer; the two numbers are what the encoder's heads gave.

    The levels are settings: .8 where a form is found, the head's own probability where none is.
    """
    if not 1 < len(tokens) <= _LONGEST:
        return None
    for at in range(len(tokens)):
        found = _ask_at(tokens, at)
        if found is not None:
            kind, verb = found
            tells = kind == "request" and tokens.at(verb) in _TELL and "don" not in tokens.low
            waits = "?" in tokens.low or bool(_PLEASES & set(tokens.low)) or _speaks_of_time(tokens)
            return Ask(kind, waits, tells, 0.8)
    if offer >= _BY_HEAD and offer >= request:
        return Ask("offer", "?" in tokens.low, False, offer)
    # Without a form nobody knows what is asked for, so only a clear "will do" makes a promise of it.
    return Ask("request", "?" in tokens.low, True, request) if request >= _BY_HEAD else None


def _ask_at(  # noqa: PLR0911, PLR0912  # one return per form
    tokens: Tokens, at: int
) -> tuple[Kind, int] | None:
    """The kind of what is asked here and where its verb stands."""
    word, after, beyond = tokens.at(at), tokens.at(at + 1), tokens.at(at + 2)
    if word in {"could", "can", "would", "will"} and after in {"you", "u"}:
        if word in {"would", "will"} and beyond in {"like", "want", "prefer", "be"}:
            return _invited(tokens, at + 3)
        verb = at + 3 if beyond in {"please", "also", "kindly", "just", "possibly", "maybe", "perhaps"} else at + 2
        return ("request", verb) if tokens.at(verb).isalpha() and tokens.at(verb) != "not" else None
    if word in {"please", "pls", "kindly"} and after.isalpha() and after not in _NOT_ASKED:
        lets = after == "let" and tokens.at(at + 3) == "know"
        return None if lets or at + 2 >= len(tokens) else ("request", at + 1)
    if word in {"need", "want", "like", "ask"} and after == "you" and beyond == "to":
        return "request", at + 3
    wider = _roundabout(tokens, at)
    if wider is not None:
        return wider
    if word in {"können", "könnten", "könntest", "kannst"} and after in {"sie", "du"}:
        return "request", at + 2
    if word == "give" and beyond in {"until", "till", "time", "a", "two", "three", "some"}:
        return None
    if word in _IMPERATIVES and at == 0 and after in {"me", "us", "it", "him", "her", "the", "them", "your"}:
        return "request", at
    if at > 0 and word in {"let", "lets"} and tokens.at(at - 1) not in _OPENS:
        return None
    if (word == "let" and after in {"'", "us"} and beyond != "know") or word == "lets":
        return (
            ("proposal", at + (3 if after == "'" else 2)) if tokens.at(at + 3) not in {"see", "know", "say"} else None
        )
    if word == "shall" and after == "we":
        return "proposal", at + 2
    if (word, after) in {("how", "about"), ("what", "about")} and _speaks_of_time(tokens):
        return "proposal", at + 2
    if (word, after, beyond) == ("why", "don", "'") and tokens.at(at + 4) == "we":
        return "proposal", at + 5
    if word in {"shall", "should", "may", "soll"} and after in {"i", "ich"}:
        return "offer", at + 2
    if word in {"can", "could"} and after == "i" and "?" in tokens.low[-2:] and beyond not in {"have", "get", "ask"}:
        return "offer", at + 2
    if word in {"i", "we"}:
        return _offered(tokens, at + 1)
    if word in {"happy", "glad"} and after == "to" and beyond not in {"hear", "see", "be", "say", "know", "report"}:
        return "offer", at + 2
    if word == "want" and after in {"me", "us"} and beyond == "to":
        return "offer", at + 3
    return None


def _roundabout(tokens: Tokens, at: int) -> tuple[Kind, int] | None:  # noqa: PLR0911  # one return per form
    """Requests and offers that take a longer way: "any chance you could", "we'd need it back by Monday"."""
    word, after, beyond = tokens.at(at), tokens.at(at + 1), tokens.at(at + 2)
    asks = "?" in tokens.low[-2:]
    taken = _TAKEN if after == "we" else {"have", "get", "keep"}
    if word in {"can", "could", "may"} and after in {"we", "i"} and beyond in taken and asks:
        return "request", at  # "can I have the figures", "could we move the call"
    if word in {"can", "could", "would", "will"} and after in {"somebody", "someone", "anyone", "anybody", "one"}:
        return "request", at + (5 if tokens.has(at + 1, ("one", "of", "you")) else 2)
    if word == "mind" and (after.endswith("ing") or after == "if") and "you" in tokens.low[:at]:
        return "request", at + 1  # "would you mind sending"
    if word == "you" and after in {"could", "can"} and beyond.isalpha() and _wonders(tokens, at):
        return "request", at + 2
    if word == "need" and after in {"the", "your", "a", "this", "it", "them"} and _DEADLINES & set(tokens.low[at:]):
        return "request", at + 1
    if word == "please" and (tokens.has(at + 1, ("don", "'", "t")) or tokens.has(at + 1, ("do", "not"))):
        return "request", at + (4 if after == "don" else 3)
    if tokens.has(at, ("would", "it", "help", "if")) and tokens.at(at + 4) in {"i", "we"}:
        return "offer", at + 5
    return None


def _wonders(tokens: Tokens, at: int) -> bool:
    before = set(tokens.low[max(0, at - 6) : at])
    return bool(before & {"chance", "think", "wonder", "wondering", "possible", "maybe", "perhaps", "grateful"})


def _offered(tokens: Tokens, at: int) -> tuple[Kind, int] | None:
    """What follows "I" or "we": "can send", "could call", "'ll send it if you like"."""
    word, after = tokens.at(at), tokens.at(at + 1)
    if word in {"can", "could"} and after in _OFFERED and _is_offered(tokens, at - 1):
        return "offer", at + 1
    if (word in {"will", "shall"} or (word == "'" and after == "ll")) and _if_you_like(tokens):
        return "offer", at + (1 if word != "'" else 2)
    return None


def _is_offered(tokens: Tokens, at: int) -> bool:
    """Whether "I can ..." opens its clause and "we can ..." speaks of the reader: plans among us offer nothing."""
    if tokens.at(at - 1) in _SUBORDINATES or {"think", "guess", "not", "don"} & set(tokens.low[:at]):
        return False
    return tokens.at(at) == "i" or bool({"you", "your"} & set(tokens.low[at:]))


def _if_you_like(tokens: Tokens) -> bool:
    wishes = {"like", "want", "wish", "prefer", "agree", "interested", "okay", "ok", "fine", "instruct"}
    return any(
        tokens.at(k) == "if" and tokens.at(k + 1) in {"you", "it", "that"} and wishes & set(tokens.low[k : k + 7])
        for k in range(len(tokens))
    )


def _invited(tokens: Tokens, at: int) -> tuple[Kind, int] | None:
    """What follows "would you like" or "would you be": "me to call", "to join us", "willing to wait"."""
    if tokens.at(at) in {"me", "us"} and tokens.at(at + 1) == "to":
        return "offer", at + 2
    willing = tokens.at(at) in {"willing", "able", "ready", "prepared", "happy", "interested", "open"}
    to = at + 1 if willing else at
    return ("request", to + 1) if tokens.at(to) == "to" and tokens.at(to + 1) not in _TELL else None


def _speaks_of_time(tokens: Tokens) -> bool:
    times = {*WEEKDAYS, *PARTS, "tomorrow", "today", "week", "am", "pm", "noon"}
    return bool(times & set(tokens.low)) or any(word.isdigit() for word in tokens.low)


def read_yes(tokens: Tokens, *, to_offer: bool, accepts: float) -> Yes | None:
    """Read an acceptance at the start of a sentence; `accepts` is what the encoder's head gave."""
    if not 0 < len(tokens) <= _LONGEST or "?" in tokens.low[-2:]:
        return None
    at = _skip_greeting(tokens)
    words, strength = _opening(tokens, at, to_offer=to_offer)
    low = set(tokens.low[at : at + 14])
    if words is None:
        sure = len(tokens) <= 8 and accepts >= _SURE
        return None if not sure or low & (_NO | _DONE) else Yes(1, 0.6)
    polite = {word for k in range(at, at + 14) for said in _POLITE_NO if tokens.has(k, said) for word in said}
    if (low - polite) & _NO or low & _DONE or not _ends_well(tokens, at + len(words), strong=strength > 1):
        return None
    return Yes(strength, 0.6 if strength == 1 else 0.7)


def _skip_greeting(tokens: Tokens) -> int:
    """Past "Hi Bob,", "Thanks,", "Ah ok"."""
    at = 0
    while tokens.at(at) in _GREETINGS and at < 4 and len(tokens) > at + 1:
        comma = next(
            (k for k in range(at + 1, min(at + 4, len(tokens))) if tokens.at(k) in {",", "-", "–", "!", "."}), -1
        )
        if tokens.at(at) in {"ah", "oh", "well", "and", "so"} and comma < 0:
            at += 1
        elif comma < 0 or comma + 1 >= len(tokens):
            break
        else:
            at = comma + 1
    return at


def _opening(tokens: Tokens, at: int, *, to_offer: bool) -> tuple[tuple[str, ...] | None, int]:
    """The words of acceptance that stand here, the longest first, and how strong they are."""
    best: tuple[str, ...] | None = None
    strength = 0
    for level, phrases in ((3, _WILL), (2, _GLAD), (1, _FINE), (2, _PLEASE if to_offer else ())):
        for words in phrases:
            if tokens.has(at, words) and (best is None or len(words) > len(best)):
                best, strength = words, level
    if best is None and _names_a_day(tokens, at):
        return (tokens.at(at),), 2  # "Monday then.", "Thursday works."
    if strength == 1 and any(tokens.has(at + 1 + k, words) for k in (0, 1) for words in (*_WILL, *_GLAD)):
        strength = 2  # "Yes, sure", "ok will do"
    return best, strength


def _names_a_day(tokens: Tokens, at: int) -> bool:
    """ "Monday it is", "Thursday works for me", "Tomorrow then"."""
    if tokens.at(at) not in WEEKDAYS and tokens.at(at) != "tomorrow":
        return False
    rest = set(tokens.low[at + 1 : at + 8])
    return bool(rest & {"works", "then", "suits", "fine", "good", "perfect"}) or {"it", "is"} <= rest


def _ends_well(tokens: Tokens, end: int, *, strong: bool) -> bool:
    """Whether the acceptance stands by itself, and opens no other statement: "Sure is hot", "Good people work"."""
    after = tokens.at(end)
    if after in {"", ".", "!", ",", ";", ":", "-", "–", "—", ")", "and", "then", "please", "thanks", "thank"}:
        return True
    if strong and after in {"i", "we", "will", "it", "that", "so", "this", "thing", "happy", "can", "by", "on", "to"}:
        return True
    return len(tokens) <= 8
