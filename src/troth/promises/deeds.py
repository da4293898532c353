"""Kinds of deeds: the verbs that promise one and the verbs that report it, so that "ship" meets "arrived"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_VERBS: Final = {
    "send": """send sends sending sent share shared sharing forward forwarded forwarding email emailed mail mailed
        attach attached enclosed submit submitted provide provided upload uploaded circulate circulated publish
        published post posted resend resent below schicke schicken geschickt sende senden anbei anhang get give
        draft drafted copy link file inbox online""",
    "tell": """tell told let know hear answer answered reply replied write wrote written inform informed confirm
        confirmed confirmation report reported update updated notify contact contacted ask asked back touch
        heard melde melden""",
    "call": "call called calling phone phoned ring rang rung speak spoke spoken talk talked calls",
    "meet": """meet met meeting visit visited come came coming present presented presentation walk explain explained
        train trained training introduce introduced introduction demo tour join joined show showed shown attend""",
    "mend": """fix fixed repair repaired replace replaced replacement swap swapped mend mended restore restored correct
        corrected solve solved resolve resolved works working running runs gone patch patched install installed live
        migrate migrated update updated""",
    "pay": """pay pays paid payment refund refunded transfer transferred credit credited reimburse reimbursed money
        wire wired donate donated account deposit""",
    "ship": """ship shipped ships deliver delivered delivery dispatch dispatched collect collected pick picked bring
        brought drop dropped arrive arrived arrives land landed reach reached left leave stands came carrier tracking
        return returned""",
    "arrange": """book booked booking reserve reserved order ordered arrange arranged schedule scheduled set invite
        invited invitation calendar confirmation""",
    "make": """prepare prepared draft drafted finish finished translate translated write written make made build built
        complete completed ready add added update updated""",
    "check": """check checked look looked looking review reviewed read ask asked test tested investigate investigated
        verify verified found find comments remarks see saw""",
    "sign": "sign signs signed signature agree agreed approve approved",
    "end": "cancel cancelled canceled cancellation close closed stop stopped end ended terminate terminated",
}
_KINDS: Final = {
    word: frozenset(kind for kind, words in _VERBS.items() if word in words.split())
    for words in _VERBS.values()
    for word in words.split()
}


def deed_kinds(words: Iterable[str]) -> frozenset[str]:
    """The kinds of deed that these words, in lower case, speak of."""
    return frozenset[str]().union(*(_KINDS[word] for word in words if word in _KINDS))
