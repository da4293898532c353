"""Every error troth raises on purpose.

    TrothError
    ├── InputError          the caller can fix it (command line: exit 2; web: 422)
    │   ├── MissingColumns  a table lacks columns it must have
    │   ├── BadColumn       a column is there and cannot be used
    │   ├── SourceError     a file cannot be read as what it is or claims to be
    │   └── SettingsError   troth.toml or an option says something that cannot be
    ├── BookError           the store cannot serve this
    │   ├── BookBusy        another process holds the book
    │   └── BookDamaged     the file is torn; the message names the way out
    └── EncoderError        the shipped weights are missing or altered

Each keeps plain arguments, so that it survives pickling across processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.told import Told, as_told


class TrothError(Exception):
    """Base of every error troth raises on purpose."""

    @property
    def told(self) -> Told:
        """What it says, with its parts where it keeps them."""
        said = next(iter(self.args), None)
        return said if isinstance(said, Told) and len(self.args) == 1 else Told(str(self))


class InputError(TrothError, ValueError):
    """The data or settings we were given cannot be used. The message says what to do."""


class MissingColumns(InputError):
    """A table lacks columns it must have."""

    def __init__(self, missing: Sequence[str], present: Sequence[str]) -> None:
        super().__init__(list(missing), list(present))
        self.missing, self.present = list(missing), list(present)

    def __str__(self) -> str:
        return f"missing columns: {', '.join(self.missing)}. Found: {', '.join(self.present) or 'none'}."


class BadColumn(InputError):
    """A column is there and cannot be used: wrong type, or holes where none may be."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(column, problem)
        self.column, self.problem = column, problem

    def __str__(self) -> str:
        return f"column {self.column!r}: {self.problem}."


class SourceError(InputError):
    """A file cannot be read as what it is or claims to be."""

    def __init__(self, path: str, problem: str, advice: str) -> None:
        super().__init__(path, problem, advice)
        self.path, self.problem, self.advice = path, problem, advice

    @property
    def told(self) -> Told:
        """What it says, with its parts."""
        parts = {"problem": as_told(self.problem), "advice": as_told(self.advice)}
        return Told("{path}: {problem}. {advice}", path=self.path, **parts)

    def __str__(self) -> str:
        return str(self.told)


class SettingsError(InputError):
    """troth.toml or an option says something that cannot be."""


class BookError(TrothError):
    """The store cannot serve this request."""


class BookBusy(BookError):
    """Another process holds the book."""

    def __init__(self, path: str, owner: str) -> None:
        super().__init__(path, owner)
        self.path, self.owner = path, owner

    @property
    def told(self) -> Told:
        """What it says, with its parts."""
        said = "{path} is in use by {owner}. Wait for it to finish, or stop it, then try again."
        return Told(said, path=self.path, owner=self.owner)

    def __str__(self) -> str:
        return str(self.told)


class BookDamaged(BookError):
    """The file is torn or is not a book; the message names the way out."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be opened as a book: {self.problem}. "
            "Restore a backup, or name another file with --book and read the exports again."
        )


class EncoderError(TrothError):
    """The shipped weights are missing or do not match their hash."""
