"""Which language words are written in, where that can be said with confidence.

What is found here decides what is read at all: a signal has been checked in English alone, so words that are known to
be in another language get no score.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from troth.text._common import count_listed

FEWEST_LETTERS: Final = 20  # fewer say too little: "ok, will do" is claimed by several languages
UNDETERMINED: Final = "und"  # ISO 639-2: certainly not English, and no telling what
_ENOUGH: Final = 200  # characters; the model's cost grows with each, its answer hardly changes
_CONFIDENT: Final = 0.7  # the model's own probability over the languages it knows
_SURE: Final = 0.98  # to part a sentence from its turn: terse English full of place names is claimed with .9 too
_LETTER: Final = re.compile(r"[^\W\d_]")
# Basic Latin to IPA, Latin Extended Additional, C to E, full-width Latin: whatever else is a letter is not English.
_LATIN: Final = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿⱠ-Ɀ꜠-ꟿꬰ-ꭤﬀ-ﬆＡ-Ｚａ-ｚ]")


@cache
def _identifier() -> LanguageIdentifier:
    """The model inside the package; loading takes about a second, so only when first needed."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def tell_language(words: str) -> str | None:
    """ISO 639-1 code of the language, or None when the words are too few or the answer is not sure.

    Words mostly in another script than Latin are never None: "und" where nothing more is known.
    """
    sample = words[:_ENOUGH]
    letters = len(_LETTER.findall(sample))
    if _is_foreign_script(sample, letters):
        return _guess_script(sample)
    if letters >= FEWEST_LETTERS and (language := _classify(sample)) is not None:
        return language
    return count_listed(sample)[1]


def tell_sentence(text: str, of_turn: str | None) -> str | None:
    """The language of one sentence of a turn: the turn's, unless that may be English and the sentence is surely not.

    An English sentence in a turn of another language stays with its turn: better unread than read without proof.
    """
    if of_turn not in {None, "en"}:
        return of_turn
    sample = text[:_ENOUGH]
    letters = len(_LETTER.findall(sample)) if not sample.isascii() else 0
    if _is_foreign_script(sample, letters):
        return _guess_script(sample)
    english, listed = count_listed(sample)
    if listed is not None:
        return listed
    if of_turn == "en" and not english and len(_LETTER.findall(sample)) >= FEWEST_LETTERS:
        language, confidence = _identifier().classify(sample)
        return language if confidence >= _SURE and len(language) == 2 else of_turn
    return of_turn


def _is_foreign_script(sample: str, letters: int) -> bool:
    return not sample.isascii() and 2 * len(_LATIN.findall(sample)) < letters


def _guess_script(sample: str) -> str:
    language, _ = _identifier().classify(sample)
    return language if len(language) == 2 and language != "en" else UNDETERMINED


def _classify(sample: str) -> str | None:
    language, confidence = _identifier().classify(sample)
    return language if confidence >= _CONFIDENT and len(language) == 2 else None
