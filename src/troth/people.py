"""Who is us, who are they, and in which circle: TURNS in, the same TURNS with side, circle and relationship out.

A turn belongs to one relationship. Where anybody from outside takes part, that is the outsider's account or, for
private addresses, the person; side says who spoke. Where all are colleagues, it is the colleague facing `me`.
Without a `me` there is no own view, so all talk inside the firm is one relationship, the team's: a person-level
reading of others is nobody's business (MEASUREMENT.md section 8).

What a source states itself (side, circle, relationship) is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa

from troth.errors import SettingsError
from troth.schema import TURNS

CIRCLES: Final = ("customer", "colleague", "friend")
TEAM: Final = "team"
"""The one relationship of all talk inside the firm where no `me` is given."""

_FREE_MAIL: Final = frozenset(
    """
    gmail.com googlemail.com yahoo.com yahoo.de yahoo.fr yahoo.co.uk ymail.com rocketmail.com hotmail.com hotmail.de
    hotmail.fr hotmail.co.uk outlook.com outlook.de live.com live.de msn.com icloud.com me.com mac.com aol.com aol.de
    gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de arcor.de mail.de posteo.de mailbox.org
    proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com zoho.com mail.com mail.ru yandex.ru qq.com
    163.com 126.com orange.fr free.fr laposte.net wanadoo.fr libero.it virgilio.it tiscali.it telenet.be skynet.be
    ziggo.nl planet.nl home.nl bluewin.ch comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net
    earthlink.net juno.com btinternet.com sky.com ntlworld.com rediffmail.com wp.pl o2.pl seznam.cz
    """.split()
)

_MOST_MESSAGES: Final = 0.5  # an address in more than this share of a mailbox is its owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Us:
    """Our side: one's own addresses (the private view) and the firm's domains."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def holds(self, person: str) -> bool:
        """Whether this address is ours."""
        return person in self.addresses or domain_of(person) in self.domains


@dataclass(frozen=True, slots=True, kw_only=True)
class Circles:
    """Circles that the user stated: address or domain to circle, and domain to account name."""

    stated: Mapping[str, str] = field(default_factory=dict[str, str])
    accounts: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        wrong = {who: circle for who, circle in self.stated.items() if circle not in CIRCLES}
        if wrong:
            raise SettingsError(f"unknown circle in {wrong}; the circles are {', '.join(CIRCLES)}.")


class Guess(NamedTuple):
    """Whose mailbox this seems to be, and on what grounds."""

    us: Us
    grounds: str


def domain_of(person: str) -> str:
    """The domain of an address; empty where the person is a name or a handle."""
    return person.rpartition("@")[2] if "@" in person else ""


def read_us(stated: Iterable[str]) -> Us:
    """Take `--me` or `us=` (addresses, domains) to our side; the domain of a business address is ours too.

    Raises: SettingsError when one is neither an address nor a domain.
    """
    addresses: set[str] = set()
    domains: set[str] = set()
    for raw in stated:
        who = raw.strip().lower().removeprefix("@")
        if not who or " " in who or "." not in who:
            raise SettingsError(f"{raw!r} is neither a mail address nor a domain. Say for instance anna@firm.com.")
        if "@" not in who:
            domains.add(who)
            continue
        addresses.add(who)
        if domain_of(who) not in _FREE_MAIL:
            domains.add(domain_of(who))
    return Us(addresses=frozenset(addresses), domains=frozenset(domains))


def guess_us(turns: pa.Table) -> Guess | None:
    """Find the owner of a mailbox: the address that takes part in most of its mails and has sent some.

    Returns None where nobody stands out, as in the archive of a mailing list.
    """
    sent: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for speaker, recipients, cc in _participants(turns):
        sent[speaker] += 1
        seen.update({speaker, *recipients, *cc})
    owners = [(count, sent[who], who) for who, count in seen.items() if sent[who] and "@" in who]
    if not owners:
        return None
    count, _, owner = max(owners)
    if count <= _MOST_MESSAGES * turns.num_rows:
        return None
    return Guess(read_us([owner]), f"{owner} takes part in {count} of {turns.num_rows} mails")


def place_turns(turns: pa.Table, *, us: Us, circles: Circles | None = None) -> pa.Table:
    """Fill side, circle and relationship of every turn.

    Args:
        turns: TURNS.
        us: our side.
        circles: what the user stated; None means nothing.

    Returns: TURNS, same rows in the same order.
    """
    placing = _Placing(us, circles or Circles(), _find_aliases(turns, us))
    columns = {name: turns.column(name).to_pylist() for name in ("conversation_id", "side", "circle", "relationship")}
    people = list(_participants(turns))
    homes = _find_homes(people, columns["conversation_id"], columns["side"], placing)
    placed = [
        placing.place(who, _Place(side, circle, relationship), homes.get(conversation), conversation)
        for who, conversation, side, circle, relationship in zip(people, *columns.values(), strict=True)
    ]
    for number, name in enumerate(("side", "circle", "relationship")):
        values = pa.array([place[number] for place in placed], pa.string())
        turns = turns.set_column(turns.schema.get_field_index(name), TURNS.field(name), values)
    return turns


def place_names(names: Iterable[str], turns: pa.Table, *, us: Us, circles: Circles | None = None) -> dict[str, str]:
    """The relationships of addresses and account names, where a turn of theirs would be placed.

    Args:
        names: in lower case.
        turns: TURNS, placed: what is known of them already.
        us: our side.
        circles: what the user stated; None means nothing.

    Returns: name to relationship. A name that is neither an address nor a relationship or account is left out.
    """
    stated = circles or Circles()
    homes = {home.lower(): home for home in turns["relationship"].drop_null().unique().to_pylist()}
    homes |= {account.lower(): account for account in stated.accounts.values()} | dict(stated.accounts)
    columns = (turns.column(name).to_pylist() for name in ("side", "speaker", "relationship"))
    for side, speaker, home in zip(*columns, strict=True):
        if side == "them" and home is not None:
            homes.setdefault(speaker, home)
    placing = _Placing(us, stated, _find_aliases(turns, us))
    found: dict[str, str] = {}
    for name in names:
        alone = _People(name, (), ())
        home = homes.get(name)
        if home is None and "@" in name:
            home = placing.place(alone, _Place(None, None, None), None, "").relationship
        if home is not None:
            found[name] = home
    return found


class _People(NamedTuple):
    speaker: str
    recipients: Sequence[str]
    cc: Sequence[str]

    def all(self) -> tuple[str, ...]:
        return (self.speaker, *self.recipients, *self.cc)


class _Place(NamedTuple):
    side: str | None
    circle: str | None
    relationship: str | None


def _participants(turns: pa.Table) -> Iterable[_People]:
    columns = (turns.column(name).to_pylist() for name in ("speaker", "recipients", "cc"))
    for speaker, recipients, cc in zip(*columns, strict=True):
        yield _People(speaker, recipients or (), cc or ())


class _Placing:
    """The rules, with what they look up."""

    def __init__(self, us: Us, circles: Circles, aliases: Mapping[str, str]) -> None:
        self._us, self._circles, self._aliases = us, circles, aliases

    def is_ours(self, person: str) -> bool:
        return self._us.holds(self._aliases.get(person, person))

    def counterpart(self, person: str) -> _Place:
        """The circle and relationship of one outsider."""
        who = self._aliases.get(person, person)
        domain = domain_of(who)
        circle = self._circles.stated.get(who) or self._circles.stated.get(domain)
        if circle is None:
            circle = "friend" if domain in _FREE_MAIL else "customer"
        is_account = domain and domain not in _FREE_MAIL and circle == "customer"
        name = self._circles.accounts.get(who) or self._circles.accounts.get(domain)
        return _Place(None, circle, name or (domain if is_account else who))

    def place(self, people: _People, stated: _Place, home: str | None, conversation: str) -> _Place:
        """Where one turn belongs; `home` is the outsider its conversation is with, if any."""
        if stated.side is not None:
            return self._place_stated(people, stated, home, conversation)
        outsiders = [who for who in people.all() if not self.is_ours(who)]
        ours = self.is_ours(people.speaker)
        # A reply to a list, or one that went to nobody we can name, faces whom its conversation is with.
        facing = outsiders[0] if outsiders else home if ours else None
        if facing is None:
            return self._place_inside(people, stated)
        found = self.counterpart(facing if ours else people.speaker)
        return _Place(
            "us" if ours else "them", stated.circle or found.circle, stated.relationship or found.relationship
        )

    def _place_inside(self, people: _People, stated: _Place) -> _Place:
        """A turn among colleagues."""
        circle = stated.circle or "colleague"
        if not self._us.addresses:
            return _Place("us", circle, stated.relationship or TEAM)
        speaker, *named = (self._aliases.get(who, who) for who in people.all())
        if speaker not in self._us.addresses:
            return _Place("them", circle, stated.relationship or speaker)
        facing = next((who for who in named if who not in self._us.addresses), TEAM)
        return _Place("us", circle, stated.relationship or facing)

    def _place_stated(self, people: _People, stated: _Place, home: str | None, conversation: str) -> _Place:
        """A turn whose source says which side spoke."""
        if stated.circle == "colleague" and self._us.addresses:
            return self._place_inside(people, stated)
        others = (who for who in people.all()[1:] if not self.is_ours(who))
        facing = people.speaker if stated.side == "them" else next(others, home)
        if stated.circle == "colleague" and (stated.side == "us" or facing is None):
            return _Place(stated.side, stated.circle, stated.relationship or TEAM)
        if facing is None or not _is_somebody(facing):
            return _Place(stated.side, stated.circle or "customer", stated.relationship or conversation)
        found = self.counterpart(facing)
        return _Place(stated.side, stated.circle or found.circle, stated.relationship or found.relationship)


def _is_somebody(person: str) -> bool:
    """Whether this names one person; "customer" or "caller" may be a different one in each conversation."""
    return person.removeprefix("simulated ") not in {
        "customer",
        "caller",
        "client",
        "user",
        "visitor",
        "unknown",
        "them",
    }


def _find_homes(
    people: Sequence[_People], conversations: Sequence[str], sides: Sequence[str | None], placing: _Placing
) -> dict[str, str]:
    """The outsider that each conversation is with: who of them spoke first in it."""
    homes: dict[str, str] = {}
    for row, (speaker, _, _) in enumerate(people):
        is_them = sides[row] == "them" if sides[row] is not None else not placing.is_ours(speaker)
        if is_them:
            homes.setdefault(conversations[row], speaker)
    return homes


def _find_aliases(turns: pa.Table, us: Us) -> dict[str, str]:
    """Addresses that are one person: the same full name, seen as sender, once at work and else in private.

    Two business addresses with one name stay two people (there are many called John Smith); a private address joins
    the only business address, or the first private one, of its name.
    """
    by_name: defaultdict[str, dict[str, None]] = defaultdict(dict)
    names = turns.column("speaker_name").to_pylist()
    for name, speaker in zip(names, turns.column("speaker").to_pylist(), strict=True):
        if name and "@" in speaker and len(name.split()) > 1:
            by_name[name.casefold()].setdefault(speaker)
    aliases: dict[str, str] = {}
    for addresses in by_name.values():
        private = [who for who in addresses if domain_of(who) in _FREE_MAIL]
        business = [who for who in addresses if domain_of(who) not in _FREE_MAIL]
        own = [who for who in addresses if who in us.addresses]
        if len(business) > 1 or len(addresses) < 2:
            continue
        chosen = (own or business or private)[0]
        aliases.update({who: chosen for who in private if who != chosen})
    return aliases
