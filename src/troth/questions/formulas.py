"""Questions that are a courtesy and wait for no answer: "How are you?". All patterns are RE2, over one sentence."""

from __future__ import annotations

from typing import Final

FORMULA: Final = (
    r"(?i)^\W*((hi|hello|hey|dear|good (morning|afternoon|evening))\b[^.?!,]{0,30}[,!]? )?((and|so),? )?("
    r"how (are|r|is) (you|things|it going|everything|life|your (day|week))"
    r"( (all|doing|going|both|today|these days|there))*"
    r"|how('s|’s| is) (it going|life|everything|things|your (day|week))( going)?|how do you do|how have you been"
    r"|what('s|’s| is) (up|new)|((are|is) )?(you|everything|all) (well|ok|okay|fine|all right|alright)"
    r"|how was (your|the) (weekend|holiday|vacation|trip|day)[^?]{0,30}|did you have a (good|nice|great)[^?]{0,40}"
    r"|isn('|’)t it|right|ok|okay|you know|sorry|pardon|really|see|agreed|deal"
    r"|(can|may) i ask (you )?(something|a question)"
    r"|wie geht es (ihnen|dir|euch)|wie geht('|’)?s( dir| ihnen)?|alles (gut|klar)"
    r")[ ,]{0,3}(my friend|mate|sir|madam|guys|all|today)?\W*$"
)
"""A whole sentence that is a greeting or a tag."""

POLITE: Final = (
    r"(?i)^\W*(please (find|see) (attached|enclosed|below|the attached)"
    r"|please (accept|excuse|forgive|do not hesitate|don['’]t hesitate|feel free|note|be (advised|aware))"
    r"|do(n['’]t| not) hesitate|feel free|let me know if (you|there)"
    r"|(please )?have a (good|nice|great|lovely)|take care|keep up|thank(s| you)\b[^?]*$|excuse me)"
)
"""The form of a request that asks for nothing."""

INTERROGATIVE: Final = r"\?\W*$"
"""A question by its mark: used where the encoder marked nothing in the sentence."""
