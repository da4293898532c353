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


def quote_promise(text: str, act: str | None) -> str:
    """The words of a promise on one line; behind them what is to be done, where other words say that.

    >>> quote_promise("Sure.", "Could you send the offer by Friday?")
    '“Sure.” → “Could you send the offer by Friday?”'
    """
    said = f"“{clean_line(text)}”"
    return said if act is None or act == text else f"{said} → “{clean_line(act)}”"
