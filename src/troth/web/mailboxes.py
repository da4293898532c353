"""Mailboxes of a firm that are no person's: what is sent there is sent to the firm, and its words are nobody's."""

from __future__ import annotations

from typing import Final

_SHARED: Final = frozenset(
    """
    info support sales service office mail post contact kontakt hello team billing rechnung buchhaltung accounting
    invoice orders bestellung help helpdesk admin noreply no-reply donotreply postmaster webmaster vertrieb zentrale
    """.split()
)


def is_shared(address: str) -> bool:
    """Whether an address is that of a mailbox which several people of a firm read.

    >>> is_shared("Support@firm.example"), is_shared("ada@firm.example"), is_shared("hr@firm.example")
    (True, False, False)
    """
    return address.partition("@")[0].lower() in _SHARED
