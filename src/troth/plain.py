"""Strangers' words made safe to show on one line: what a terminal or a page could take for a command is removed."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional overrides, zero width), surrogate, private, unassigned, line separators."""


def clean_line(text: str) -> str:
    """One line: control and invisible characters out, white space single.

    >>> clean_line("pay\\x1b[2J now\\u202e!\\n  please")
    'pay[2J now! please'
    """
    spaced = (" " if char in "\t\n\r\v\f\x85\u2028\u2029" else char for char in text)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in _HIDDEN).split())
