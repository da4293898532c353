"""HTML to the plain text a reader sees, with quoted parts marked by "> " as in a plain mail.

A scanner of our own: each character is looked at a bounded number of times, there is no recursion, and what is not
well-formed is read as browsers read it (WHATWG HTML, section 13.2.5) or taken as text; nothing raises.
The standard library's parser is not used because its cost on unclosed tags and comments was quadratic in
several 3.11 releases (CVE-2025-6069).
"""

from __future__ import annotations

import html as _html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# All patterns here repeat one character class at a time, so each is linear on any input.
_NAME_END: Final = re.compile(r"[\s/>]")
_TAG_STOP: Final = re.compile("[>\"']")
_ATTRIBUTE: Final = re.compile(r"""([^\s=/"'>]+)\s*(?:=\s*("[^"]*"|'[^']*'|[^\s>]*))?""")
_SPACES: Final = re.compile("[ \t\r\n\f]+")
_NEWLINE: Final = re.compile("\r\n?")
# int() refuses very long numbers, so the digits are bounded before html.unescape sees them.
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};?)")

# Content that is never shown, up to the end tag of the same name.
_RAW: Final = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
_RAW_END: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_UNSEEN: Final = frozenset({"xml", "template", "svg", "math", "object", "select", "audio", "video", "canvas"})
_VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "wbr"})
_LINE: Final = frozenset(
    "address article aside body caption center dd details dir div dl dt fieldset figcaption figure footer form header "
    "hgroup html legend main menu nav section summary tbody tfoot thead tr".split()
)
_PARAGRAPH: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "ul", "ol", "blockquote"})
_SELF_CLOSING: Final = frozenset({"p", "li", "dd", "dt", "tr", "td", "th"})

_QUOTE_CLASSES: Final = frozenset({"gmail_attr", "moz-cite-prefix", "yahoo_quoted", "ms-outlook-mobile-reference"})
_SIGNATURE_CLASSES: Final = frozenset({"gmail_signature", "moz-signature", "signature"})
_REST_IDS: Final = frozenset({"divrplyfwdmsg", "zwchr", "stopspelling", "replysplit", "mail-editor-reference-message"})
# The rule that Outlook draws above the mail it answers: "border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm".
_OUTLOOK_RULE: Final = re.compile(r"border-top:solid#?[0-9a-z]{1,20}1\.0pt;padding:3\.0pt0")

_MAX_QUOTE_DEPTH: Final = 8  # deeper levels are written as this one: text size stays linear in the input
_MAX_LIST_DEPTH: Final = 8


def html_to_text(html: str) -> str:
    """Take HTML to text: blocks to lines, lists to "- ", quoted parts to "> ", what is hidden left out.

    Numbered lists keep their numbers. Never raises. Cost: one pass, linear in the input.
    """
    return _Page().read(html)


@dataclass(slots=True)
class _Quote:
    """A quoting element that is open, and how many elements of its name are open in it, itself included."""

    name: str
    depth: int = 1


class _Page:
    """One pass over one document; holds the lines written so far and where the scanner stands."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[str] = []  # the line being written
        self.marker = ""  # bullet waiting for the first text of its line
        self.quotes: list[_Quote] = []
        self.rest_quoted = False  # everything from here on is the mail being answered
        self.lists: list[int] = []  # next number of each open list; 0 for bullets
        self.pre = 0
        self.hidden = ""  # name of the unseen element we are in
        self.hidden_depth = 0
        self.quotes_close = True  # False once a quoted attribute was found to run to the end of the document

    def read(self, html: str) -> str:
        html = _NEWLINE.sub("\n", html).replace("\0", "")
        position = 0
        while True:
            mark = html.find("<", position)
            if mark < 0:
                self.text(html[position:])
                break
            if mark > position:
                self.text(html[position:mark])
            position = self.markup(html, mark)
        self.end_line()
        while self.lines and not self.lines[-1].strip("> "):
            self.lines.pop()
        return "\n".join(self.lines)

    def markup(self, html: str, mark: int) -> int:
        """Handle what begins with the "<" at `mark`; return where to go on."""
        after = html[mark + 1 : mark + 2]
        if after.isascii() and after.isalpha():
            return self.tag(html, mark, mark + 1, opens=True)
        if after == "/":
            letter = html[mark + 2 : mark + 3]
            if letter.isascii() and letter.isalpha():
                return self.tag(html, mark, mark + 2, opens=False)
        elif html.startswith("<!--", mark):
            closes_at_once = html.startswith((">", "->"), mark + 4)
            return _past(html, ">" if closes_at_once else "-->", mark + 4)
        elif after not in ("!", "?"):
            self.text("<")
            return mark + 1
        return _past(html, ">", mark + 2)

    def tag(self, html: str, mark: int, name_start: int, *, opens: bool) -> int:
        end = self.tag_end(html, name_start)
        if end < 0:
            self.text(html[mark:])
            return len(html)
        found = _NAME_END.search(html, name_start, end + 1)
        name_end = found.start() if found else end
        name = html[name_start:name_end].lower()
        if self.hidden:
            self.pass_hidden(name, opens=opens)
            if self.hidden or not opens or name == self.hidden:
                return self.past_raw(html, name, end + 1) if opens else end + 1
        if opens:
            self.open(name, _attributes(html, name_end, end) if name_end < end else {})
            return self.past_raw(html, name, end + 1)
        self.close(name)
        return end + 1

    def tag_end(self, html: str, start: int) -> int:
        """Index of the ">" that ends the tag, minding quoted attribute values; -1 when there is none."""
        if not self.quotes_close:
            return html.find(">", start)
        position = start
        while found := _TAG_STOP.search(html, position):
            stop = found.start()
            if html[stop] == ">":
                return stop
            if html[position:stop].rstrip().endswith("="):
                position = html.find(html[stop], stop + 1) + 1
                if not position:
                    break
            else:
                position = stop + 1
        # Look this far ahead once only: from now on a tag ends at the next ">".
        self.quotes_close = False
        return html.find(">", start)

    def past_raw(self, html: str, name: str, position: int) -> int:
        if name not in _RAW:
            return position
        found = _RAW_END[name].search(html, position)
        return found.start() if found else len(html)

    def pass_hidden(self, name: str, *, opens: bool) -> None:
        if name != self.hidden:
            return
        if not opens:
            self.hidden_depth -= 1
        elif name in _SELF_CLOSING:
            self.hidden_depth = 0
        elif name not in _VOID:
            self.hidden_depth += 1
        if self.hidden_depth <= 0:
            self.hidden = ""

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in _VOID and (name in _UNSEEN or _is_hidden(attributes)):
            self.hidden, self.hidden_depth = name, 1
            return
        self.break_before(name, attributes)
        if attributes and not _SIGNATURE_CLASSES.isdisjoint(attributes.get("class", "").lower().split()):
            self.mark_signature()
        if name == "br":
            self.end_line(force=True)
        elif name == "hr":
            self.end_line()
        elif name in ("td", "th"):
            if self.parts:
                self.parts.append("\t")
        elif name == "li":
            self.end_line()
            self.marker = self.next_marker()
        elif name in ("ul", "ol"):
            self.lists.append(1 if name == "ol" else 0)
        elif name == "pre":
            self.pre += 1
        elif name == "img":
            self.emoji(attributes)
        self.open_quote(name, attributes)

    def break_before(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _PARAGRAPH:
            self.end_line()
            nested = name in ("ul", "ol") and self.lists
            if name != "table" and not nested and not _is_tight(attributes):
                self.blank_line()
        elif name in _LINE:
            self.end_line()

    def open_quote(self, name: str, attributes: Mapping[str, str]) -> None:
        if attributes.get("id", "").lower() in _REST_IDS or _OUTLOOK_RULE.search(_bare_style(attributes)):
            self.end_line()
            self.rest_quoted = True
        elif name not in _VOID and _is_quote(name, attributes):
            self.end_line()
            self.quotes.append(_Quote(name))
        elif self.quotes and self.quotes[-1].name == name:
            self.quotes[-1].depth += 1

    def close(self, name: str) -> None:
        if name in _LINE or name == "li":
            self.end_line()
        elif name in _PARAGRAPH:
            self.end_line()
            if name in ("ul", "ol") and self.lists:
                self.lists.pop()
            elif name == "pre":
                self.pre = max(0, self.pre - 1)
        if self.quotes and self.quotes[-1].name == name:
            self.quotes[-1].depth -= 1
            if not self.quotes[-1].depth:
                self.end_line()
                self.quotes.pop()

    def mark_signature(self) -> None:
        """Write the line that sets off a signature in a plain mail, unless the program did."""
        self.end_line()
        if not self.lines or self.lines[-1].strip("> ") != "--":
            self.lines.append(f"{self.prefix()}-- ")

    def next_marker(self) -> str:
        if not self.lists:
            return "- "
        indent = "  " * min(len(self.lists) - 1, _MAX_LIST_DEPTH)
        number = self.lists[-1]
        if not number:
            return f"{indent}- "
        self.lists[-1] = number + 1
        return f"{indent}{number}. "

    def emoji(self, attributes: Mapping[str, str]) -> None:
        """Web mail draws emoji as pictures whose alternative text is the character itself."""
        label = attributes.get("alt", "")
        if label and len(label) <= 8 and not label.isascii() and not any(c.isalpha() for c in label):
            self.text(label)

    def text(self, raw: str) -> None:
        if self.hidden or not raw:
            return
        shown = _ENTITY.sub(_unescape, raw) if "&" in raw else raw
        if self.pre:
            first, *others = shown.split("\n")
            self.parts.append(first)
            for other in others:
                self.end_line(force=True)
                self.parts.append(other)
            return
        shown = _SPACES.sub(" ", shown)
        if shown == " " and not self.parts:
            return
        self.parts.append(shown)

    def end_line(self, *, force: bool = False) -> None:
        """Write the line out. An empty one counts only when forced, or when it held a no-break space."""
        if not self.parts and not force:
            return
        joined = "".join(self.parts)
        self.parts.clear()
        line = joined.replace("\xa0", " ").rstrip()
        if not self.pre:
            line = _SPACES.sub(_one_space, line).strip()
        if not line:
            if force or "\xa0" in joined:
                self.blank_line()
            return
        self.lines.append(self.prefix() + self.marker + line)
        self.marker = ""

    def blank_line(self) -> None:
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append(self.prefix().rstrip())

    def prefix(self) -> str:
        return "> " * min(len(self.quotes) + self.rest_quoted, _MAX_QUOTE_DEPTH)


def _past(html: str, end: str, start: int) -> int:
    found = html.find(end, start)
    return len(html) if found < 0 else found + len(end)


def _one_space(match: re.Match[str]) -> str:
    return "\t" if "\t" in match.group() else " "


def _unescape(match: re.Match[str]) -> str:
    return _html.unescape(match.group())


def _attributes(html: str, start: int, end: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(html, start, end):
        value = match.group(2) or ""
        if value[:1] in ("'", '"'):
            value = value[1:-1] if value[-1:] == value[:1] and len(value) > 1 else value[1:]
        found.setdefault(match.group(1).lower(), _ENTITY.sub(_unescape, value) if "&" in value else value)
    return found


def _bare_style(attributes: Mapping[str, str]) -> str:
    style = attributes.get("style", "")
    return "".join(style.split()).lower() if style else ""


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if not attributes:
        return False
    if "hidden" in attributes:
        return True
    style = _bare_style(attributes)
    return "display:none" in style or "visibility:hidden" in style or "mso-hide:all" in style


def _is_tight(attributes: Mapping[str, str]) -> bool:
    """Whether a paragraph is drawn without space around it, as Outlook draws each line."""
    if not attributes:
        return False
    return attributes.get("class", "").lower().startswith("mso") or "margin:0" in _bare_style(attributes)


def _is_quote(name: str, attributes: Mapping[str, str]) -> bool:
    classes = attributes.get("class", "").lower().split()
    if name != "blockquote":
        return bool(classes) and not _QUOTE_CLASSES.isdisjoint(classes)
    if "gmail_quote" in classes or attributes.get("type", "").lower() == "cite":
        return True
    # The indent button of web mail also makes a blockquote, without a border: those are the sender's own words.
    style = _bare_style(attributes)
    return not ("border:none" in style or "border:0" in style or "border:medium" in style)
