"""What the API offers: the OpenAPI description for programs, and the same as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from troth import __version__
from troth.web.access import Need
from troth.web.api import check, close, findings, health, promises, questions, relationships, tables, turns
from troth.web.api.bringing import TurnSent
from troth.web.api.rim import Problem, make_router
from troth.web.visit import Own, Permit

router = make_router("description")
page_router = APIRouter()

_TAGS: Final[Mapping[str, str]] = {
    "turns": "What people wrote: read it, and bring more.",
    "findings": "Which act of trust was found in which sentence.",
    "relationships": "Who trusts us how much, and how it came about.",
    "promises": "What was promised, and a person's word on it.",
    "questions": "What was asked, and whether it was answered.",
    "close": "The books of a day.",
    "check": "A draft before it is sent.",
    "tables": "Whole tables, for other programs.",
    "health": "Whether the page answers.",
    "description": "This description.",
}
_ABOUT: Final = """\
Everything that the pages show, for programs.

**Who asks.** A program sends `Authorization: Bearer <token>`; `troth token make` gives one. A page that is signed in
sends its cookie and, with whatever changes something, the header `X-Form-Token`. You see what your role and your token
allow: a member of a team sees the conversations that he or she took part in.

**Pages.** A long answer has `next`; hand it back as `cursor` with the same filters.

**Errors** are problem+json (RFC 9457): `detail` says in one line what was wrong and what to do. Parameters that are not
named here are refused.

**Saving a transfer.** Answers carry an `ETag`; send it back as `If-None-Match`, and while nothing changed you get 304.

**Numbers.** Scores describe words and deeds, never a person's character. They are percentiles of a reference
population, with an 80 % band; where too little was read, the number is null and the band stands alone."""


@cache
def describe() -> dict[str, Any]:
    """The OpenAPI description."""
    routes = [route for one in _routers() for route in one.routes if isinstance(route, APIRoute)]
    found = get_openapi(
        title="troth", version=__version__, summary="How trust stands in business relationships, with the sentences.",
        description=_ABOUT, routes=routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
    )  # fmt: skip
    components = found.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of `troth token make`."},
        "session": {"type": "apiKey", "in": "cookie", "name": "troth", "description": "A signed-in browser."},
    }
    schemas = components.setdefault("schemas", {})
    for kind in (Problem, TurnSent):
        made = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(made.pop("$defs", {}))
        schemas[kind.__name__] = made
    for route in routes:
        need = _need_of(route)
        for method in route.methods or ():
            operation = found["paths"][route.path_format][method.lower()]
            operation["x-needs"] = need.value
            operation["security"] = [] if need is Need.nothing else [{"token": []}, {"session": []}]
            if need is Need.nothing:
                for status in ("401", "403"):
                    operation["responses"].pop(status, None)
            if method == "GET" and need is not Need.nothing:
                operation["responses"]["304"] = {"description": "You have this answer already (If-None-Match)."}
            for answer in operation["responses"].values():
                answer["description"] = answer["description"].replace("Successful Response", "Done.")
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return found


@router.get("/openapi.json", include_in_schema=False)
def show_description(_: Own) -> Response:
    """The OpenAPI description."""
    return JSONResponse(describe())


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter as the page shows it."""

    name: str
    place: str
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked, as the page shows it."""

    anchor: str
    method: str
    path: str
    need: str
    summary: str
    words: str
    parameters: tuple[Parameter, ...]
    sends: tuple[str, ...]
    answers: tuple[tuple[str, str, str], ...]  # status, media types, words


@page_router.get("/api")
def show_page(visit: Own) -> Response:
    """The same as a page."""
    found = describe()
    groups = [(tag["name"], tag["description"], list(_operations(found, tag["name"]))) for tag in found["tags"]]
    fields = {
        name: [(field, _kind(schema), schema.get("description", "")) for field, schema in one["properties"].items()]
        for name, one in sorted(found["components"]["schemas"].items())
        if "properties" in one
    }
    return visit.show(
        "api.html", groups=[group for group in groups if group[2]], fields=fields, version=found["info"]["version"],
        about=_ABOUT.split("\n\n"), spans=split_spans,
    )  # fmt: skip


def split_spans(text: str) -> list[tuple[str, str]]:
    """Words with marks as in Markdown, taken apart into plain, strong and code.

    >>> split_spans("**Pages.** Hand `next` back.")
    [('strong', 'Pages.'), ('plain', ' Hand '), ('code', 'next'), ('plain', ' back.')]
    """
    spans: list[tuple[str, str]] = []
    for number, part in enumerate(text.split("`")):
        for place, piece in enumerate(part.split("**")):
            kind = "code" if number % 2 else "strong" if place % 2 else "plain"
            spans += [(kind, piece)] if piece else []
    return spans


def _operations(found: Mapping[str, Any], tag: str) -> Iterator[Operation]:
    for path, item in found["paths"].items():
        for method, one in item.items():
            if tag in one["tags"]:
                summary, _, words = one.get("description", "").partition("\n")
                yield Operation(
                    anchor=one["operationId"],
                    method=method.upper(),
                    path=path,
                    need=one["x-needs"],
                    summary=summary,
                    words=words.strip(),
                    parameters=tuple(_parameter(each) for each in one.get("parameters", ())),
                    sends=tuple(_content(one.get("requestBody", {}))),
                    answers=tuple(
                        (status, ", ".join(_content(each)), each["description"])
                        for status, each in one["responses"].items()
                    ),
                )


def _parameter(one: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=one["name"],
        place=one["in"],
        kind=_kind(one["schema"]),
        is_required=one["required"],
        words=one.get("description", ""),
    )


def _content(one: Mapping[str, Any]) -> Iterator[str]:
    for media, each in one.get("content", {}).items():
        kind = _kind(each.get("schema", {}))
        yield media if kind in {"", "string", "binary"} else f"{media}: {kind}"


def _kind(schema: Mapping[str, Any]) -> str:
    """The kind of a value in a few words."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, cast("Sequence[object]", schema["enum"])))
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", ""))


def _routers() -> Iterator[APIRouter]:
    for module in (turns, findings, relationships, promises, questions, close, check, tables, health):
        yield module.router


def _need_of(route: APIRoute) -> Need:
    return next(inner.call.need for inner in route.dependant.dependencies if isinstance(inner.call, Permit))
