"""Which sentences state nothing firm, and which words tell that something changed.

All patterns are RE2 and read with case ignored. They are written by hand on the development half of
tests/test_touchpoints_pairs.tsv; how well they do is measured on the other half.
"""

from __future__ import annotations

from typing import Final

UNFIRM: Final = (
    r"(?i)\?\s*$"
    r"|^\W*(if|should|unless|suppose|falls|wenn|sollte)\b"
    r"|\b(if you|if we|unless|in case|provided that|would|could|might|may be|perhaps|maybe|falls|wenn|sofern)\b"
    r"|\b(depend(s|ing)|for example|e\.g\.|for instance|zum beispiel|z\.b\.)\b"
    r"|\b(between|from) [€£$]?\d[\d.,]*( \w+)? (and|to)\b|\d\s?[-–]\s?[€£$]?\d+[\d.,]*\s?(%|€|£|\$|eur|euro|usd|k\b)"
    r"|\b(up to|at least|at most|about|around|roughly|approximately|approx|circa|ca|starting at|starting from"
    r"|as of now"
    r"|more than|less than|nearly|almost|bis zu|etwa|ungefähr|mindestens|höchstens)\b\.?\s?(eur |usd |gbp |chf "
    r"|[€£$])?\d"
    r"|\b(alternatively|either)\b|\boption [a-d1-9]\b"
)
"""Questions, conditions, ranges, estimates and alternatives."""

REPORTED: Final = (
    r"(?i)\byou(['’]ve| have)? (wrote|said|told|mentioned|asked|paid|proposed|suggested|reported|named|thought"
    r"|wanted)\b"
    r"|\b(your (budget|figure|number|message|mail|email|offer)|elsewhere|competitors?|others? (pay|charge)"
    r"|market price"
    r"|list price|catalogue price|in their|he said|she said|they said)\b"
    r"|\b(you|we|i)( would|['’]d)? (still )?(earn|save|lose|lost|spare)\b|\bsavings?\b|\b(fell|rose|grew) (by|to)\b"
)
"""Figures that are somebody else's, or what somebody earns or saves."""

BEHIND: Final = (
    r"(?i)\b(last (year|month|week|time|summer|winter|spring|autumn)|used to|previously|formerly|at the time"
    r"|back then"
    r"|was|were|had|has been|have been|sold|bought|paid|received|arrived|sent (it|them|you|on|to)|war|waren"
    r"|hatte|wurde)\b"
)
"""What lies behind: a price that was."""

CHANGED: Final = (
    r"(?i)\b(new (price|date|offer|quote|quotation|fee|rate|figure|number|deadline|plan|time|terms)"
    r"|neue[rsn]? (preis|termin"
    r"|angebot)|revised?|revision|updated?|correct(s|ed|ing|ion|ions)?|korrigiert|korrektur|instead|statt"
    r"|chang(e|ed|es|ing)"
    r"|geändert|mov(e|ed|ing) (the|it|your|our|this|to)|postpon\w*|delay\w*|verschoben|verspät\w*|re-?schedul\w*"
    r"|pushed back"
    r"|brought forward|reduc(e|ed|ing|tion)|lower(ed)?|increas\w*|rais(e|ed|ing)|went (up|down)|no longer"
    r"|any ?more|rather than"
    r"|as of|effective|originally|so far|until now|bisher|earlier (mail|message|offer|price|figure|today)|wrong"
    r"|mistake\w*|error"
    r"|sorry|apolog\w*|leider|unfortunately|bad news|good news|replaces|replaced by|takes? over|took over"
    r"|on leave|leaves us|has left"
    r"|special (price|offer)|discount|rebate|rabatt|as (you )?(wished|asked|requested|agreed|discussed)|because"
    r"|therefore"
    r"|due to|owing to|weil|deshalb|longer than|two (prices|dates|figures|numbers)|why there (were|are|is)"
    r"|you were told"
    r"|told you|differs?|difference|now only|from (january|february|march|april|may|june|july|august|september"
    r"|october|november"
    r"|december|now|next \w+)( on)?,? (your|the|our|it|we)|ab (januar|februar|märz|april|mai|juni|juli|august"
    r"|september|oktober"
    r"|november|dezember|sofort)|need(s)? longer|take(s)? longer|only reach|after (seeing|checking|looking"
    r"|reviewing)|turned out"
    r"|anew|again|not \d)\b"
)
"""Words with which a change is told, or owned up to."""

WISHED: Final = (
    r"(?i)\b(could|can|would|will|might) (you|we|i)\b|\bis there (a|any)\b|\bplease (make|change|move|add|remove"
    r"|leave|reduce"
    r"|send|put)\b|\bmake it\b|\b(instead|rather|cheaper|discount|rebate|fewer|bit longer|later|earlier|sooner"
    r"|leave out|as well"
    r"|in addition|does not suit|doesn['’]t suit|not suit|too (late|early|much|expensive|many|few|long|short)"
    r"|change|refresh|better price|only need|what would"
    r"|we (also|only|now) (need|want|have)|two more|one more|add)\b"
)
"""Words with which they ask for something else than they were told."""
