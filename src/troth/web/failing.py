"""Errors as answers: a page for people, problem+json (RFC 9457) for programs, a line for htmx.

What nobody foresaw is answered as calmly. The log says under a number what happened and where, the answer says the
number; neither repeats what the error itself says, for that may hold a customer's words.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import troth
from troth.errors import InputError, TrothError
from troth.plain import clean_line
from troth.saying import say
from troth.told import Told
from troth.web.rendering import choose_look
from troth.web.visit import Refused

if TYPE_CHECKING:
    from troth.web.app import Serving

_TITLES = {
    400: "This cannot be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "There is nothing here",
    405: "Not done this way",
    406: "Not to be had in this form",
    413: "Too large",
    415: "Not in a form that is read",
    422: "This cannot be used",
    429: "Too many requests",
    500: "That was not foreseen",
    503: "Not possible at the moment",
}

_FIELDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_too_short": "has fewer than {min_length} characters",
    "string_too_long": "has more than {max_length} characters",
    "literal_error": "is none of {expected}",
    "int_parsing": "is no whole number",
    "bool_parsing": "is neither true nor false",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
}
"""What is wrong with a field, by the kind that Pydantic gives it; any other is told in its own words."""

_LOG: Final = logging.getLogger("troth.web")
_HOME: Final = Path(troth.__file__).parents[1]
_CALM: Final = (
    "troth met something that it was not made for. What was saved before is safe. Try it once more; if it comes "
    "again, please report it with this number"
)


class Unforeseen(TrothError):
    """An error in troth itself. `reference`: the number under which the log says where."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference

    def __str__(self) -> str:
        return _CALM


class Calm:
    """Answers what nobody foresaw, and notes it in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; answer 500 where it fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:  # noqa: BLE001 - the one place where whatever was not foreseen ends
            unforeseen = Unforeseen(secrets.token_hex(4))
            place = getattr(scope.get("route"), "path", "no route")
            _LOG.error("%s: %s %s\n%s", unforeseen.reference, scope["method"], place, "\n".join(tell_error(error)))
            if is_begun:  # half an answer is out: it must not look whole
                raise unforeseen from None
            await answer_error(Request(scope), unforeseen)(scope, receive, send)


def tell_error(error: BaseException) -> Iterator[str]:
    """What an error is and where it came up, and those behind it; nothing of what it says."""
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        yield f"{type(behind).__module__}.{type(behind).__qualname__}"
        for frame in traceback.extract_tb(behind.__traceback__):
            path = Path(frame.filename)
            shown = path.relative_to(_HOME) if path.is_relative_to(_HOME) else path.name
            yield f"  {shown}:{frame.lineno} {frame.name}"
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)


def answer_error(request: Request, error: Exception) -> Response:
    """What went wrong, in the form that the caller reads."""
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if request.url.path.startswith("/api/"):
        return JSONResponse(
            describe_problem(status, explain(error), error, path=request.url.path), status_code=status, headers=headers,
            media_type="application/problem+json",
        )  # fmt: skip
    serving: Serving = request.app.state.serving
    look = choose_look(request)
    words = explain(error, look.language)
    text = serving.pages.render(
        "problem.html", look=look, visit=None, title=title_of(status), words=words, status=status,
        reference=error.reference if isinstance(error, Unforeseen) else "",
        is_team=serving.sign_in is not None, part="body" if request.headers.get("hx-request") == "true" else None,
    )  # fmt: skip
    return HTMLResponse(text, status_code=status, headers=headers)


def status_of(error: Exception) -> int:
    """The HTTP status that says what went wrong."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, Unforeseen):
        return 500
    if isinstance(error, HTTPException):
        return error.status_code
    return 422 if isinstance(error, (InputError, RequestValidationError)) else 503


def title_of(status: int) -> str:
    """The kind of problem, in words."""
    return _TITLES.get(status, "This did not work")


def explain(error: Exception, language: str = "en") -> str:
    """One line: what was wrong and what to do; nothing of strangers that a page or log would obey."""
    if isinstance(error, RequestValidationError):
        return clean_line(say(language, _tell_field(error.errors()[0])))
    if isinstance(error, HTTPException):
        return "" if error.detail == "Not Found" else clean_line(say(language, error.detail))
    return clean_line(say(language, error.told) if isinstance(error, TrothError) else str(error))


def _tell_field(problem: Mapping[str, Any]) -> Told:
    """What is wrong with a field of a form or of an address, in the words of whoever looked at it."""
    where = " ".join(str(part) for part in problem["loc"] if part not in {"body", "query", "path"})
    limits = problem.get("ctx", {})
    said: str = _FIELDS.get(problem["type"]) or problem["msg"]
    parts = {name: value for name, value in limits.items() if f"{{{name}}}" in said}
    return Told("{where}: {problem}", where=where or Told("the request"), problem=Told(said, **parts))


def describe_problem(status: int, words: str, error: Exception, *, path: str) -> dict[str, Any]:
    """A problem as RFC 9457 has it."""
    problem: dict[str, Any] = {
        "type": f"urn:troth:problem:{type(error).__name__}", "title": title_of(status), "status": status,
        "detail": words, "instance": path,
    }  # fmt: skip
    if isinstance(error, Unforeseen):
        problem["reference"] = error.reference
    if isinstance(error, RequestValidationError):
        problem["errors"] = [
            {"where": [clean_line(str(part)) for part in each["loc"]], "problem": clean_line(each["msg"])}
            for each in error.errors()
        ]
    return problem
