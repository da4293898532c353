"""Question sets as files that people and survey tools open."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from troth.errors import InputError
from troth.surveys.sets import LANGUAGES, Language, QuestionSet
from troth.told import Told

FormatName = Literal["csv", "html", "qualtrics", "typeform"]

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "privacy": "Nothing you mark here leaves this page until you save it. Then send the saved file to whoever "
            "gave you this page.",
            "email": "Your mail address, so that we know whose answers these are",
            "email_optional": "Your mail address, if you like",
            "save": "Save my answers as a file",
            "saved": "Your answers are in your downloads. Please send that file to whoever gave you this page.",
            "no_script": "This page needs scripts to save a file. Without them, please print it and mark your answers.",
        },
        "de": {  # neither Du nor Sie: the same words serve customers and friends
            "privacy": "Vor dem Speichern verlässt nichts diese Seite. Die gespeicherte Datei bitte dorthin "
            "zurückschicken, woher diese Seite kam.",
            "email": "Mailadresse, damit klar ist, wessen Antworten das sind",
            "email_optional": "Mailadresse (freiwillig)",
            "save": "Antworten als Datei speichern",
            "saved": "Die Antworten liegen bei den Downloads. Die Datei bitte dorthin zurückschicken, woher diese "
            "Seite kam.",
            "no_script": "Zum Speichern braucht diese Seite Skripte. Ohne sie lässt sie sich drucken und ankreuzen.",
        },
    }
)
_COLUMNS: Final = ("id", "set", "facet", "asks_about", "reversed", "language", "text", "lowest", "highest")


def make_survey(asked: QuestionSet, *, language: Language, shape: FormatName, relationship: str | None = None) -> str:
    """A question set as the text of one file.

    Args:
        asked: the set.
        language: of its wording.
        shape: csv (the items), html (a form that needs no network), qualtrics (TXT in its advanced format) or typeform
            (the JSON that its create-form call takes).
        relationship: whom the form is for; html only. Without it the form asks for a mail address.

    Raises: InputError when the language or shape is none of these, or `relationship` is given for another shape.
    """
    makers: Mapping[str, Callable[[QuestionSet, Language], str]] = {
        "csv": _make_csv,
        "html": lambda asked, language: _make_html(asked, language, relationship or ""),
        "qualtrics": _make_qualtrics,
        "typeform": _make_typeform,
    }
    if language not in LANGUAGES:
        raise InputError(f"there is no wording in {language!r}; there is {', '.join(LANGUAGES)}.")
    if shape not in makers:
        raise InputError(
            Told("{shape!r} is no form of a survey; there are {known}.", shape=shape, known=", ".join(makers))
        )
    if relationship is not None and shape != "html":
        raise InputError("only the html form can be made for one relationship; the survey tools keep their own lists.")
    return makers[shape](asked, language)


def _make_csv(asked: QuestionSet, language: Language) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    labels = asked.scale.labels[language]
    for item in asked.items:
        writer.writerow(
            [
                item.id, asked.name, item.facet, item.asks_about or "", str(item.is_reversed).lower(), language,
                item.text[language], f"{asked.scale.lowest} = {labels[0]}", f"{asked.scale.highest} = {labels[-1]}",
            ]
        )  # fmt: skip
    return out.getvalue()


def _make_qualtrics(asked: QuestionSet, language: Language) -> str:
    """Qualtrics' advanced TXT format: the item's id becomes the export tag, the seven choices have codes 1 to 7."""
    labels = asked.scale.labels[language]
    parts = ["[[AdvancedFormat]]", "", f"[[Block:{asked.title[language]}]]", ""]
    parts += ["[[Question:DB]]", f"[[ID:{asked.name}_intro]]", asked.intro[language], ""]
    for item in asked.items:
        parts += ["[[Question:MC:SingleAnswer:Horizontal]]", f"[[ID:{item.id}]]", item.text[language], "[[Choices]]"]
        parts += [f"{value} - {label}" for value, label in zip(asked.scale.points, labels, strict=True)]
        parts += [""]
    return "\n".join(parts)


def _make_typeform(asked: QuestionSet, language: Language) -> str:
    """The body of Typeform's `POST /forms`; `email` and `relationship` come in as hidden fields of the link."""
    labels = asked.scale.labels[language]
    form: dict[str, Any] = {
        "title": asked.title[language],
        "type": "form",
        "settings": {"language": language, "is_public": True, "show_progress_bar": True},
        "hidden": ["email", "relationship"],
        "welcome_screens": [
            {
                "ref": f"{asked.name}_intro",
                "title": asked.title[language],
                "properties": {"description": asked.intro[language], "show_button": True},
            }
        ],
        "fields": [
            {
                "ref": item.id,
                "title": item.text[language],
                "type": "opinion_scale",
                "properties": {
                    "start_at_one": True,
                    "steps": len(asked.scale.points),
                    "labels": {"left": labels[0], "right": labels[-1]},
                },
                "validations": {"required": False},
            }
            for item in asked.items
        ],
    }
    return json.dumps(form, ensure_ascii=False, indent=2) + "\n"


def _make_html(asked: QuestionSet, language: Language, relationship: str) -> str:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only the form needs it

    style, script = _part("form.css"), _part("form.js")
    labels = asked.scale.labels[language]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_part("form.html")).render(
        language=language,
        title=asked.title[language],
        intro=asked.intro[language],
        set=asked.name,
        items=[{"id": item.id, "text": item.text[language]} for item in asked.items],
        points=[{"value": value, "label": label} for value, label in zip(asked.scale.points, labels, strict=True)],
        relationship=relationship,
        words=_WORDS[language],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


@cache
def _part(name: str) -> str:
    return files("troth.surveys").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy knows an inline block by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
