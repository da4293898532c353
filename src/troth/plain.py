"""Strangers' words made safe to show on one line: what a terminal or a page could take for a command is removed."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional overrides, zero width), surrogate, private, unassigned, line separators."""

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide ones are folded in some languages of Excel


def clean_line(text: str) -> str:
    """One line: control and invisible characters out, white space single.

    >>> clean_line("pay\\x1b[2J now\\u202e!\\n  please")
    'pay[2J now! please'
    """
    spaced = (" " if char in "\t\n\r\v\f\x85\u2028\u2029" else char for char in text)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in _HIDDEN).split())


def clean_text(text: str) -> str:
    """Text of several lines: the same characters out, lines and white space kept.

    >>> clean_text("Hi,\\r\\n\\tpay\\x1b[2J \\u202enow")
    'Hi,\\n\\tpay[2J now'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(char for char in lines if char in "\n\t" or unicodedata.category(char) not in _HIDDEN)


class _Escapes(dict[int, int | str]):
    """Characters to themselves, hidden ones to their escape in JSON; looked up once each."""

    def __missing__(self, code: int) -> int | str:
        is_hidden = unicodedata.category(chr(code)) in _HIDDEN and code != ord("\n")
        pair = chr(code).encode("utf-16-be", "surrogatepass").hex()
        self[code] = "".join(f"\\u{pair[at : at + 4]}" for at in range(0, len(pair), 4)) if is_hidden else code
        return self[code]


_ESCAPES = _Escapes()


def escape_hidden(written: str) -> str:
    """JSON that says the same, with control and invisible characters as escapes: a terminal obeys none.

    >>> escape_hidden('{"said": "now\x9b2J \u202e"}')
    '{"said": "now\\\\u009b2J \\\\u202e"}'
    """
    return written.translate(_ESCAPES)


def guard_formula(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a quote goes before what one would run.

    Text that already begins with quotes before such a sign gets one more, so `unguard_formula` gives every text back.

    >>> guard_formula("=1+1"), guard_formula("'=1+1"), guard_formula("'tis so")
    ("'=1+1", "''=1+1", "'tis so")
    """
    return "'" + text if _is_formula(text) else text


def unguard_formula(cell: str) -> str:
    """The text that `guard_formula` made this cell of."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    bare = text.lstrip("'")
    return bare.startswith(("\t", "\r")) or bare.lstrip().startswith(_FORMULA)


def quote_promise(text: str, act: str | None) -> str:
    """The words of a promise on one line; behind them what is to be done, where other words say that.

    >>> quote_promise("Sure.", "Could you send the offer by Friday?")
    '“Sure.” → “Could you send the offer by Friday?”'
    """
    said = f"“{clean_line(text)}”"
    return said if act is None or act == text else f"{said} → “{clean_line(act)}”"
