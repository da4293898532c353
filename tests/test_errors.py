"""Every error keeps its text, its kind and its parts across process borders."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from troth import errors
from troth.errors import (
    BadColumn,
    BookBusy,
    BookDamaged,
    BookError,
    EncoderError,
    InputError,
    MissingColumns,
    SettingsError,
    SourceError,
    TrothError,
)

ONE_OF_EACH = [
    TrothError("plain"),
    InputError("say what to do"),
    MissingColumns(["body", "speaker"], ["text"]),
    MissingColumns(("body",), ()),
    BadColumn("sent_at", "cannot be read as a time"),
    SourceError("mail.mbox", "it is a zip", "Unpack it first."),
    SettingsError("zone: there is no time zone 'Mars'"),
    BookError("the book is closed"),
    BookBusy("firm.duckdb", "process 7 (troth serve)"),
    BookDamaged("firm.duckdb", "it ends early"),
    EncoderError("weights are missing"),
]


def error_classes() -> set[type[BaseException]]:
    return {member for _, member in inspect.getmembers(errors, inspect.isclass) if member.__module__ == errors.__name__}


def test_each_error_is_tried_here() -> None:
    assert {type(error) for error in ONE_OF_EACH} == error_classes()


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_from_another_process_as_it_was(error: TrothError) -> None:
    for back in (*(pickle.loads(pickle.dumps(error, protocol)) for protocol in (2, 5)), copy.copy(error)):
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert vars(back) == vars(error)
        assert back.args == error.args


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_a_message_is_one_plain_line_with_everything_it_was_given(error: TrothError) -> None:
    assert "\n" not in str(error)
    assert str(error)
    for part in vars(error).values():
        for word in [part] if isinstance(part, str) else part:
            assert word in str(error)


def test_what_the_caller_can_fix_is_a_value_error_and_the_rest_is_not() -> None:
    for kind in error_classes():
        assert issubclass(kind, TrothError)
        assert issubclass(kind, ValueError) == issubclass(kind, InputError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if re.search(r"(TrothError|[├└]──)", line)]
    drawn: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in lines:
        named = re.search(r"[A-Z]\w+", line)
        assert named
        while above and above[-1][0] >= named.start():
            above.pop()
        drawn[named[0]] = above[-1][1] if above else None
        above.append((named.start(), named[0]))
    real = {kind.__name__: kind.__mro__[1].__name__ if kind is not TrothError else None for kind in error_classes()}
    assert drawn == real
