"""Errors as answers: a page for people, problem+json (RFC 9457) for programs, a line for htmx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from troth.errors import InputError
from troth.plain import clean_line
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
    503: "Not possible at the moment",
}


def answer_error(request: Request, error: Exception) -> Response:
    """What went wrong, in the form that the caller reads."""
    status, words = status_of(error), explain(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if request.url.path.startswith("/api/"):
        return JSONResponse(
            describe_problem(status, words, error, path=request.url.path), status_code=status, headers=headers,
            media_type="application/problem+json",
        )  # fmt: skip
    serving: Serving = request.app.state.serving
    text = serving.pages.render(
        "problem.html", look=choose_look(request), visit=None, title=title_of(status), words=words, status=status,
        is_team=serving.sign_in is not None, part="body" if request.headers.get("hx-request") == "true" else None,
    )  # fmt: skip
    return HTMLResponse(text, status_code=status, headers=headers)


def status_of(error: Exception) -> int:
    """The HTTP status that says what went wrong."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, HTTPException):
        return error.status_code
    return 422 if isinstance(error, (InputError, RequestValidationError)) else 503


def title_of(status: int) -> str:
    """The kind of problem, in words."""
    return _TITLES.get(status, "This did not work")


def explain(error: Exception) -> str:
    """One line: what was wrong and what to do; nothing of strangers that a page or log would obey."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
        return clean_line(f"{where or 'the request'}: {first['msg']}")
    if isinstance(error, HTTPException):
        return "" if error.detail == "Not Found" else clean_line(str(error.detail))
    return clean_line(str(error))


def describe_problem(status: int, words: str, error: Exception, *, path: str) -> dict[str, Any]:
    """A problem as RFC 9457 has it."""
    problem: dict[str, Any] = {
        "type": f"urn:troth:problem:{type(error).__name__}", "title": title_of(status), "status": status,
        "detail": words, "instance": path,
    }  # fmt: skip
    if isinstance(error, RequestValidationError):
        problem["errors"] = [
            {"where": [clean_line(str(part)) for part in each["loc"]], "problem": clean_line(each["msg"])}
            for each in error.errors()
        ]
    return problem
