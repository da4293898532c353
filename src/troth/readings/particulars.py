"""What this reader alone told us, taken up in our words: numbers, names, dates, terms.

A word is a reader's own where they brought it into the relationship, before any of us, and where hardly any other
relationship has it. A sentence of ours takes up what they told where it holds one of their numbers of three digits and
more or codes, a smaller number beside the same word, a name that they named, two of their words, or one behind "your".
A name in a greeting is none, nor are words of every trade ("your order"). Everything looks back only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import re2

from troth.readings.memory import Hashes, Memory, hash_word, mix
from troth.readings.wording import Bools, Ints, Words
from troth.words import is_empty, stem

_RARE: Final = 0.1  # of the relationships so far may have a word that is a reader's own
_LEAST_WORDS: Final = 2
_LEAST_IN_SENTENCE: Final = 4  # words, as in every occasion to be personal
_LEAST_LETTERS: Final = 4
_LEAST_NAME: Final = 3
_GREETED: Final = 6  # words of a sentence that greets in which a name is that of the greeting
_CODE: Final = re2.compile(r"^(\p{L}{1,5}\d{2,}[\p{L}\d]*|\d+\p{L}+\d[\p{L}\d]*)$")
_NAME: Final = re2.compile(r"\p{L}{3,}")
_ORDINAL: Final = re2.compile(r"(?i)^(\d+)(st|nd|rd|th)?$")
_GREETINGS: Final = frozenset(
    "dear hi hello hey good morning hallo liebe lieber sehr guten moin greetings mr mrs ms dr herr frau".split()
)
_YOURS: Final = frozenset("your ihr ihre ihrem ihren ihrer ihres dein deine deiner deinem deinen".split())
_UNITS: Final = frozenset(
    """
    minute minutes hour hours day days week weeks month months year years percent euro euros dollar dollars eur usd gbp
    uhr minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren prozent am pm
    """.split()
)
_MONTHS_AND_DAYS: Final = frozenset(
    """
    january february march april may june july august september october november december jan feb mar apr jun jul aug
    sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday januar februar märz mai juni juli
    oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
    """.split()
)
_GENERAL: Final = frozenset(
    stem(word)
    for word in """
    accept access account action add address advice agree agreement allow amount answer apologise apology appointment
    appreciate arrange arrive ask assist assistance attach attachment attention available away back basis begin best
    better bill bill book booking branch bring business call cancel care case catalogue cause change charge check choose
    clear close come company complaint complete concern confirm connect consider contact continue contract cost could
    course customer date deal deliver delivery department depend detail different difference discuss document during
    early easter easy else email employee end ensure enquiry error example expect explain extra fact fast feedback feel
    file fill final find finish firm first follow form forward free friend full general glad goods great group hand
    happen happy hear help hope hour house idea immediately important include inconvenience inform information inquiry
    inside installation instead interest invoice issue item job join last late later learn leave left letter line link
    list little long look lose lot mail main make manager manual matter mean meet meeting member message minute miss
    model moment money month morning move name next nice note notice number office offer open order original package
    page paid part partner past patience pay payment people period person phone pick place plan play please point
    possible post prefer prepare present previous price problem process product production project promise proper
    provide purchase put quality question quick quote quotation reach read ready reason receive recommend reference
    refund regard register relate remain remember repair repeat reply report request require resolve response rest
    result return right room run safe sale save scheme second send sense service set share ship shipment shop short show
    sign simple site situation size small solution solve special staff standard start state status stay step stock stop
    store subject suggest suit support supply system talk team telephone term terms test text ticket time today tomorrow
    tonight total training transfer travel trip trouble true trust try turn type understand unfortunately unit update
    user usual value version view visit wait warranty waiting watch website week welcome whole wish wonder word work
    working worry write wrong year yesterday yesterday young online portal shall big good bad old new correct
    afternoon evening night noon weekend holiday summer winter spring autumn
    anfrage angebot auftrag bestellung betrag danke dank dienst email ende endlich fall firma frage freundlich grüße
    gruß hilfe information interesse kunde kunden kosten lieferung mail mitarbeiter monat nachricht name neue nummer
    preis problem produkt projekt rechnung rückmeldung seite service stunde tage team telefon termin thema unterlagen
    vertrag vielen vorgang weiter weitere woche zeit zukunft melden senden schicken gerne gern kürze unter zwischen
    weil damit dann dort hier heute morgen gestern alle allem aller alles andere anderen beim bereits dabei daher
    dieser dieses diese diesem diesen durch gegen geben gibt jetzt kein keine keinen können könnten lassen machen
    müssen sehr selbst sollen sollte sowie stehen stellen viel wenig wollen wurde würde würden ohne
    """.split()
)
"""Stems of words that every trade shares; two of them in common tell nothing of one customer. Written by hand."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Telling:
    """What each word of all turns can tell, in the order of time; shape (n,) each."""

    words: Words
    meant: Hashes  # a stem or a number
    kind: npt.NDArray[np.int8]
    home: Hashes  # relationship
    day: Ints
    pair_at: Ints  # (m,) words that make a pair with the next one
    pair: Hashes  # (m,)


def read_telling(words: Words, *, home: Hashes) -> Telling:
    """What each word can tell.

    Args:
        words: of all turns.
        home: shape (n_turns,), the relationship of each turn.
    """
    meant = words.map(lambda word: hash_word(_mean(word)), np.uint64).astype(np.uint64)
    kind = words.map(_kind, np.int8).astype(np.int8)
    day = words.day_of[words.row]
    year = 1970 + day // 365.25
    is_now = np.abs(words.map(_year, np.int64).astype(np.int64) - year) <= 1.5
    kind = np.where((kind == _NUMBER) & is_now & (day > 0), _SMALL, kind).astype(np.int8)
    pair_at = np.flatnonzero(_begins_pair(words, kind))
    low = np.minimum(meant[pair_at], meant[np.minimum(pair_at + 1, max(len(meant) - 1, 0))])
    high = np.maximum(meant[pair_at], meant[np.minimum(pair_at + 1, max(len(meant) - 1, 0))])
    return Telling(
        words=words, meant=meant, kind=kind, home=home[words.row], day=day, pair_at=pair_at, pair=mix(low, high)
    )  # fmt: skip


def list_words(telling: Telling) -> tuple[Hashes, Hashes, Ints]:
    """Word, relationship and day of everything that may be a reader's own, for `Memory`."""
    at, alone = list_places(telling), len(telling.pair_at)
    word = np.concatenate([telling.meant[at[: len(at) - alone]], telling.pair])
    return word, telling.home[at], telling.day[at]


def list_places(telling: Telling) -> Ints:
    """The words at which those of `list_words` stand."""
    own = np.flatnonzero((telling.kind == _WORD) | (telling.kind == _NUMBER))
    return np.concatenate([own, telling.pair_at]).astype(np.int64)


def find_their_facts(telling: Telling, *, is_us: Bools, names: Bools, memory: Memory) -> Ints:
    """Rows of our sentences that take up what this reader alone told us before.

    Args:
        telling: of all turns of some relationships.
        is_us: shape (n_turns,).
        names: shape (n_words,), words that are part of the name or address of who takes part.
        memory: of everything said on earlier days, and perhaps later.

    Cost: a few sorts of the words.
    """
    words, meant, kind = telling.words, telling.meant, telling.kind
    if not len(meant):
        return np.zeros(0, np.int64)
    ours = is_us[words.row]
    theirs, source = _brought_by_them(meant, np.arange(len(meant)), telling, ours, memory)
    theirs_pair = np.zeros(len(meant), bool)
    theirs_pair[telling.pair_at], _ = _brought_by_them(telling.pair, telling.pair_at, telling, ours, memory)
    capital = words.map(_is_capital, np.bool_).astype(bool)
    named = _named_by_them(telling, ours, capital & (kind == _WORD) & ~names)
    mine = ours & theirs & ~names
    is_greeted = _in_greeting(words)
    strong = mine & (kind == _NUMBER)
    strong |= ours & theirs_pair
    strong |= mine & named & capital & ~is_greeted
    strong |= mine & (kind == _WORD) & _behind_yours(words)
    plain = np.flatnonzero(mine & (kind == _WORD) & ~is_greeted)
    told = words.sentence[source[plain]]  # theirs, in which each was brought in
    found = np.concatenate([words.sentence[strong], _share_several(words.sentence[plain], told, meant[plain])])
    is_long = np.isin(found, words.sentence[words.place == _LEAST_IN_SENTENCE - 1])
    return np.unique(found[is_long])


def _share_several(sentence: Ints, told: Ints, meant: Hashes) -> Ints:
    """Sentences that hold two words and more of one sentence of theirs."""
    order = np.lexsort((meant, told, sentence))
    sentence, told, meant = sentence[order], told[order], meant[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (sentence[1:] != sentence[:-1]) | (told[1:] != told[:-1]) | (meant[1:] != meant[:-1])
    sentence, told = sentence[is_new], told[is_new]
    begins = np.ones(len(sentence), bool)
    begins[1:] = (sentence[1:] != sentence[:-1]) | (told[1:] != told[:-1])
    size = np.diff(np.append(np.flatnonzero(begins), len(sentence)))
    return sentence[begins][size >= _LEAST_WORDS]


_OTHER, _WORD, _NUMBER, _SMALL = 0, 1, 2, 3


def _mean(word: str) -> str:
    """What a word is known by: its stem, or its number."""
    low = word.lower()
    if low.isalpha():
        return stem(low)
    ordinal = _ORDINAL.match(low)
    return low if ordinal is None else str(ordinal.group(1))


def _kind(word: str) -> int:
    low = word.lower()
    if not low.isalpha():
        digits = sum(char.isdigit() for char in low)
        if low.isdigit() and digits >= 3 and not low.startswith("0"):
            return _NUMBER
        if _CODE.match(low) is not None:
            return _NUMBER
        return _SMALL if _ORDINAL.match(low) is not None else _OTHER
    is_thing = len(low) >= _LEAST_LETTERS and not is_empty(low) and stem(low) not in _GENERAL
    return _WORD if is_thing and low not in _MONTHS_AND_DAYS and low not in _UNITS else _OTHER


def _year(word: str) -> int:
    return int(word) if len(word) == 4 and word.isascii() and word.isdigit() and word[:2] in ("19", "20") else -9


def _is_capital(word: str) -> bool:
    return len(word) >= _LEAST_NAME and word[0].isupper() and not word.isupper()


def _begins_pair(words: Words, kind: npt.NDArray[np.generic]) -> Bools:
    """Words that make a pair with the next: a small number and a thing or a month."""
    counts = words.map(_can_be_counted, np.bool_).astype(bool)
    found = np.zeros(len(kind), bool)
    within = words.sentence[:-1] == words.sentence[1:]
    small = kind == _SMALL
    found[:-1] = within & ((small[:-1] & counts[1:]) | (counts[:-1] & small[1:]))
    return found


def _can_be_counted(word: str) -> bool:
    low = word.lower()
    return low in _MONTHS_AND_DAYS or (low.isalpha() and len(low) >= 3 and low not in _UNITS and not is_empty(low))


def _brought_by_them(code: Hashes, at: Ints, telling: Telling, ours: Bools, memory: Memory) -> tuple[Bools, Ints]:
    """Words that the reader brought in before, and that hardly any other relationship had on earlier days; and where
    each was said first in its relationship. Shape (n,).

    Args:
        code: shape (n,), in the order of time.
        at: shape (n,), the word at which each stands.
    """
    if not len(code):
        return np.zeros(0, bool), np.zeros(0, np.int64)
    home, rank, day = telling.home[at], telling.words.rank[at], telling.day[at]
    first, group = np.unique(mix(code, home), return_index=True, return_inverse=True)[1:]
    first = first[group.ravel()]
    is_own = ours[at] & ~ours[at][first] & (rank > rank[first])
    asked = np.flatnonzero(is_own)
    own = day[first[asked]] < day[asked]  # this relationship itself is one of those that had it
    others = memory.count_homes_with(code[asked], day[asked]) - own
    around = memory.count_homes(day[asked]) - 1
    is_own[asked] = others <= _RARE * np.maximum(around, 0)
    return is_own, at[first]


def _named_by_them(telling: Telling, ours: Bools, capital: Bools) -> Bools:
    """Words that they wrote before as a name: with a capital inside a sentence, and never small; shape (n,)."""
    words = telling.words
    as_name = capital & ~ours & (words.place > 0)
    as_word = ~words.map(lambda word: word[:1].isupper(), np.bool_).astype(bool) & ~ours
    keys, group = np.unique(mix(telling.meant, telling.home), return_inverse=True)
    group = group.ravel()
    far = np.iinfo(np.int64).max
    first_name, first_word = np.full(len(keys), far), np.full(len(keys), far)
    np.minimum.at(first_name, group[as_name], words.rank[as_name])
    np.minimum.at(first_word, group[as_word], words.rank[as_word])
    return (first_name[group] < words.rank) & ~(first_word[group] < words.rank)


def _in_greeting(words: Words) -> Bools:
    """The first words of a sentence that greets somebody."""
    greets = words.map(lambda word: word.lower() in _GREETINGS, np.bool_).astype(bool) & (words.place == 0)
    sentences = words.sentence[greets]
    return np.isin(words.sentence, sentences) & (words.place < _GREETED)


def _behind_yours(words: Words) -> Bools:
    yours = words.map(lambda word: word.lower() in _YOURS, np.bool_).astype(bool)
    found = np.zeros(len(yours), bool)
    found[1:] = yours[:-1] & (words.sentence[1:] == words.sentence[:-1])
    return found


def list_names(words: Words, turns: pa.Table, scope: Ints) -> Bools:
    """Words that are part of the name or address of who took part in the relationship by then, shape (n_words,)."""
    size = len(words.vocabulary) + 1
    codes: dict[str, list[int]] = {}
    for code, word in enumerate(words.vocabulary):
        codes.setdefault(word.lower(), []).append(code)
    since: dict[int, int] = {}
    seen: set[tuple[int, str]] = set()
    order = np.argsort(words.rank_of)
    chosen = turns.select(["speaker", "recipients", "cc"]).take(pa.array(order))
    columns = [chosen[name].to_pylist() for name in chosen.column_names]
    parts: dict[str, list[int]] = {}
    for rank, (home, speaker, to, cc) in enumerate(zip(scope[order].tolist(), *columns, strict=True)):
        for who in (speaker, *(to or ()), *(cc or ())):
            if not who or (home, who) in seen:
                continue
            seen.add((home, who))
            if who not in parts:
                parts[who] = [code for part in _NAME.findall(who.lower()) for code in codes.get(part, ())]
            for code in parts[who]:
                since.setdefault(home * size + code, rank)
    if not since:
        return np.zeros(len(words.code), bool)
    keys = np.array(sorted(since), np.int64)
    ranks = np.array([since[key] for key in keys.tolist()], np.int64)
    wanted = scope[words.row] * size + words.code
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return (keys[at] == wanted) & (ranks[at] <= words.rank)
