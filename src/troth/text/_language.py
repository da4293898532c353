"""Which language a turn is written in, where that can be said with confidence."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from py3langid.langid import MODEL_FILE, LanguageIdentifier

FEWEST_LETTERS: Final = 20  # fewer say too little: "ok, will do" is claimed by several languages
_ENOUGH: Final = 200  # characters; the model's cost grows with each, its answer hardly changes
_CONFIDENT: Final = 0.7  # the model's own probability over the languages it knows
_LETTER: Final = re.compile(r"[^\W\d_]")


@cache
def _identifier() -> LanguageIdentifier:
    """The model inside the package; loading takes about a second, so only when first needed."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def tell_language(words: str) -> str | None:
    """ISO 639-1 code of the language, or None when the words are too few or the answer is not sure."""
    sample = words[:_ENOUGH]
    if len(sample) < FEWEST_LETTERS or len(_LETTER.findall(sample)) < FEWEST_LETTERS:
        return None
    language, confidence = _identifier().classify(sample)
    return language if confidence >= _CONFIDENT and len(language) == 2 else None
