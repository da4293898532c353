"""Mailboxes on servers: whose password, from where, and never in a list of processes or a log."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from troth.errors import InputError

if TYPE_CHECKING:
    from troth.library import Book, ReadReport

VARIABLE: Final = "TROTH_IMAP_PASSWORD"
_SERVICE: Final = "troth"


def is_mailbox(source: str) -> bool:
    """Whether a source is a mailbox on a server."""
    return source.lower().startswith(("imap://", "imaps://"))


def ask_password(source: str) -> str:
    """The password of a mailbox: from the environment, else the system's keyring, else typed in.

    Raises: InputError when the address is none, or there is no password and nobody to ask.
    """
    from troth.sources.imap import read_address

    account = read_address(source).account
    found = find_secret(account, VARIABLE)
    if found:
        return found
    if not sys.stdin.isatty():
        raise InputError(
            f"there is no password for {account}. Set {VARIABLE}, or keep it in the keyring as {_SERVICE}."
        )
    import getpass

    return getpass.getpass(f"Password of {account}: ")


def find_secret(account: str, variable: str) -> str | None:
    """The secret of an account: from this variable of the environment, else from the system's keyring."""
    return os.environ.get(variable) or _look_up(account)


def read_mails(opened: Book, source: str, password: str) -> ReadReport:
    """Read a mailbox with a progress bar, and say what it gave."""
    from troth.cli.talk import report_read, show_progress

    with show_progress(f"reading {source}", unit="bytes") as progress:
        report = opened.read_mailbox(source, password, progress=progress)
    report_read(report)
    return report


def _look_up(account: str) -> str | None:
    """The password in the system's keyring, where the keyring package is installed."""
    try:
        import keyring  # type: ignore[import-not-found]  # optional
        import keyring.errors  # type: ignore[import-not-found]
    except ImportError:
        return None
    try:
        found: object = keyring.get_password(_SERVICE, account)
    except keyring.errors.KeyringError:
        return None
    return found if isinstance(found, str) else None
