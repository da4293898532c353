"""Who is us, who are they, and in which circle: TURNS in, the same TURNS with side, circle and relationship out.

A turn belongs to one relationship. Where anybody from outside takes part, that is the outsider's account or, for
private addresses, the person; side says who spoke. Where all are colleagues, it is the colleague facing `me`.
Without a `me` there is no own view, so all talk inside the firm is one relationship, the team's: a person-level
reading of others is nobody's business (MEASUREMENT.md section 8).

What a source states itself (side, circle, relationship) is kept.

A person may write under several names: addresses, handles, phones. `Known` says which are one person's; each turn is
then placed as that person's, in the account of the address it came from where that has one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, NamedTuple

import pyarrow as pa

from troth.errors import SettingsError
from troth.schema import TURNS
from troth.told import Told

CIRCLES: Final = ("customer", "colleague", "friend")
TEAM: Final = "team"
"""The one relationship of all talk inside the firm where no `me` is given."""

FREE_MAIL: Final = frozenset(
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

_MOST_NAMES: Final = 20  # of one address, that are compared
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
            raise SettingsError(
                Told("unknown circle in {wrong}; the circles are {circles}.", wrong=wrong, circles=", ".join(CIRCLES))
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who is who: what placing must know of the names that turns carry."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Address, handle or phone to all names of its person, the main one first; who has one name alone is left out."""
    homes: Mapping[str, str] = field(default_factory=dict[str, str])  # name to the relationship of its account
    ours: frozenset[str] = frozenset()  # names that an export says are ours
    theirs: frozenset[str] = frozenset()  # names that a system of record knows as its customer's

    def main(self, name: str) -> str:
        """The name under which this one is placed."""
        return self.names.get(name, (name,))[0]


class Guess(NamedTuple):
    """Whose mailbox this seems to be, and on what grounds."""

    us: Us
    grounds: str


def domain_of(person: str) -> str:
    """The domain of an address; empty where the person is a name or a handle."""
    return person.rpartition("@")[2] if "@" in person else ""


def write_name(typed: str) -> str:
    """An address, phone or handle as people type it, as turns carry it.

    >>> write_name(" Bo@Acme.example "), write_name("+49 170 1234567"), write_name("Bo Berg")
    ('bo@acme.example', '+491701234567', 'Bo Berg')
    """
    name = typed.strip()
    if "@" in name:
        return name.lower()
    digits = "".join(char for char in name if char not in " -/().")
    return digits if name.startswith("+") and digits[1:].isdecimal() else name


def read_us(stated: Iterable[str]) -> Us:
    """Take `--me` or `us=` (addresses, domains) to our side; the domain of a business address is ours too.

    Raises: SettingsError when one is neither an address nor a domain.
    """
    addresses: set[str] = set()
    domains: set[str] = set()
    for raw in stated:
        who = raw.strip().lower().removeprefix("@")
        if not who or " " in who or "." not in who:
            raise SettingsError(
                Told("{raw!r} is neither a mail address nor a domain. Say for instance anna@firm.com.", raw=raw)
            )
        if "@" not in who:
            domains.add(who)
            continue
        addresses.add(who)
        if domain_of(who) not in FREE_MAIL:
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
    return Guess(
        read_us([owner]), Told("{owner} takes part in {count} of {n} mails", owner=owner, count=count, n=turns.num_rows)
    )


def place_turns(turns: pa.Table, *, us: Us, circles: Circles | None = None, known: Known | None = None) -> pa.Table:
    """Fill side, circle and relationship of every turn.

    Args:
        turns: TURNS.
        us: our side.
        circles: what the user stated; None means nothing.
        known: who is who; None means what the full names in these turns say.

    Returns: TURNS, same rows in the same order.
    Cost: one pass over the turns, and one look at each name.
    """
    placing = _Placing(us, circles or Circles(), known or _know_namesakes(turns, us))
    columns = {name: turns.column(name).to_pylist() for name in ("conversation_id", "side", "circle", "relationship")}
    people, programs = list(_participants(turns)), turns.column("automatic").to_pylist()
    homes = _find_homes(people, columns["conversation_id"], columns["side"], programs, placing)
    placed = [
        (placing.place_program if program and side is None and not domain_of(who.speaker) else placing.place)(
            who, _Place(side, circle, relationship), homes.get(conversation), conversation
        )
        for who, program, conversation, side, circle, relationship in zip(
            people, programs, *columns.values(), strict=True
        )
    ]
    for number, name in enumerate(("side", "circle", "relationship")):
        values = pa.array([place[number] for place in placed], pa.string())
        turns = turns.set_column(turns.schema.get_field_index(name), TURNS.field(name), values)
    return turns


def place_names(
    names: Iterable[str], turns: pa.Table, *, us: Us, circles: Circles | None = None, known: Known | None = None
) -> dict[str, str]:
    """The relationships of addresses and account names, where a turn of theirs would be placed.

    Args:
        names: in lower case.
        turns: TURNS, placed: what is known of them already.
        us: our side.
        circles: what the user stated; None means nothing.
        known: who is who; None means what the full names in these turns say.

    Returns: name to relationship. A name that is neither an address nor a relationship or account is left out.
    """
    stated = circles or Circles()
    homes = {home.lower(): home for home in turns["relationship"].drop_null().unique().to_pylist()}
    homes |= {account.lower(): account for account in stated.accounts.values()} | dict(stated.accounts)
    columns = (turns.column(name).to_pylist() for name in ("side", "speaker", "relationship"))
    for side, speaker, home in zip(*columns, strict=True):
        if side == "them" and home is not None:
            homes.setdefault(speaker.lower(), home)
    placing = _Placing(us, stated, known or _know_namesakes(turns, us))
    whole = {name.lower(): name for name in (known or Known()).names}
    found: dict[str, str] = {}
    for name in names:
        alone = _People(whole.get(name, name), (), ())
        home = homes.get(name)
        if home is None and ("@" in name or name in whole):
            home = placing.place(alone, _Place(None, None, None), None, "").relationship
        if home is not None:
            found[name] = home
    return found


def place_person(names: Sequence[str], *, us: Us, circles: Circles, known: Known) -> tuple[str, str, str | None]:
    """Side, circle and relationship of one person by their names, the main one first.

    The relationship of our own people is None: what colleagues say to each other belongs to nobody alone.
    """
    placing = _Placing(us, circles, known)
    if any(placing.is_ours(name) for name in names):
        return "us", "colleague", None
    place = placing.counterpart(names[0])
    return "them", place.circle or "customer", place.relationship


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
    """The rules, with what they look up; each name is looked up once."""

    def __init__(self, us: Us, circles: Circles, known: Known) -> None:
        self._us, self._circles, self._known = us, circles, known
        self._ours: dict[str, bool] = {}
        self._places: dict[str, _Place] = {}

    def is_ours(self, person: str) -> bool:
        if person not in self._ours:
            names = self._known.names.get(person, (person,))
            self._ours[person] = any(self._us.holds(name) or name in self._known.ours for name in names)
        return self._ours[person]

    def counterpart(self, person: str) -> _Place:
        """The circle and relationship of one outsider."""
        if person not in self._places:
            self._places[person] = self._find_place(person)
        return self._places[person]

    def _find_place(self, person: str) -> _Place:
        """The account of the address itself, else of the person's main name; else the person."""
        names = self._known.names.get(person, (person,))
        # One who works for two firms speaks for the one whose address is used.
        who = person if _is_business(person) else names[0]
        said = (person, who, *names)
        homes, stated, domain = self._known.homes, self._circles.stated, domain_of(who)
        home = next((homes[name] for name in (person, who) if name in homes), None)
        circle = _first(stated, said) or _first(stated, (domain_of(person), domain, home or ""))
        if circle is None:
            is_customer = home is not None or not self._known.theirs.isdisjoint(names)
            circle = "friend" if domain in FREE_MAIL and not is_customer else "customer"
        name = _first(self._circles.accounts, (person, who, domain, home or ""))
        if circle != "customer":
            return _Place(None, circle, name or names[0])
        return _Place(None, circle, name or home or (domain if _is_business(who) else names[0]))

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

    def place_program(self, people: _People, stated: _Place, home: str | None, conversation: str) -> _Place:
        """What a program without an address said, as a bot in a chat: it is no party, and goes where its talk goes."""
        facing = next((who for who in people.all()[1:] if not self.is_ours(who)), home)
        if facing is None:
            return _Place("us", stated.circle or "colleague", stated.relationship or TEAM)
        return self.place(_People(facing, (), ()), stated, home, conversation)

    def _place_inside(self, people: _People, stated: _Place) -> _Place:
        """A turn among colleagues."""
        circle = stated.circle or "colleague"
        if not self._us.addresses:
            return _Place("us", circle, stated.relationship or TEAM)
        speaker, *named = map(self._known.main, people.all())
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


def _is_business(name: str) -> bool:
    """Whether this is an address under a domain that a firm or a family has for itself."""
    return "@" in name and domain_of(name) not in FREE_MAIL


def _first(table: Mapping[str, str], names: Iterable[str]) -> str | None:
    """What a table that people wrote says of the first of these names that it holds; it is in lower case."""
    return next((found for name in names if (found := table.get(name.lower())) is not None), None)


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
    people: Sequence[_People],
    conversations: Sequence[str],
    sides: Sequence[str | None],
    programs: Sequence[bool],
    placing: _Placing,
) -> dict[str, str]:
    """The outsider that each conversation is with: who of them spoke first in it, and no program."""
    homes: dict[str, str] = {}
    for row, (speaker, _, _) in enumerate(people):
        is_them = sides[row] == "them" if sides[row] is not None else not placing.is_ours(speaker)
        if is_them and not (programs[row] and not domain_of(speaker)):
            homes.setdefault(conversations[row], speaker)
    return homes


def name_speakers(turns: pa.Table) -> list[tuple[str, str]]:
    """Who spoke, each with a name given to it; a handle that nobody named is its own name."""
    named = turns.select(["speaker", "speaker_name"]).group_by(["speaker", "speaker_name"], use_threads=False)
    rows = named.aggregate([])
    pairs = zip(rows["speaker"].to_pylist(), rows["speaker_name"].to_pylist(), strict=True)
    return [(speaker, name or ("" if "@" in speaker else speaker)) for speaker, name in pairs]


def find_namesakes(named: Iterable[tuple[str, str]], us: Us) -> list[tuple[str, str, str]]:
    """Names that are one person's: the same full name, once at work and else in private or in a chat.

    Two business addresses with one full name stay two people (there are many called John Smith), and then nothing
    joins either; nor does an address, handle or phone join that people of different names use. Else a private address
    or a handle of that name joins the only business address, or the first private one in the alphabet; the owner's own
    address goes before both.

    Args:
        named: addresses, handles and phones, each with a name given to it.
        us: our side.

    Returns: pairs that are one person, each with the full name that says so.
    """
    names_of: defaultdict[str, set[str]] = defaultdict(set)
    for who, name in named:
        if len(name.split()) > 1:
            names_of[who].add(" ".join(name.split()).casefold())
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for who, names in names_of.items():
        if not _are_several(names):
            for name in names:
                by_name[name].add(who)
    pairs: list[tuple[str, str, str]] = []
    for name, everybody in by_name.items():
        addresses = sorted(who for who in everybody if "@" in who)
        own = [who for who in addresses if who in us.addresses]
        business = [who for who in addresses if domain_of(who) not in FREE_MAIL]
        chosen = (own or business or addresses)[:1]
        if len(business) < 2 or own:
            joining = sorted(everybody.difference(addresses if len(business) > 1 else business, chosen))
            pairs += [(main, who, name) for main in chosen for who in joining]
    return pairs


def _are_several(names: Set[str]) -> bool:
    """Whether these are names of different people: two of them have no word in common."""
    return any(not set(one.split()) & set(other.split()) for one, other in combinations(sorted(names)[:_MOST_NAMES], 2))


def _know_namesakes(turns: pa.Table, us: Us) -> Known:
    """Who is who by full names alone."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for chosen, who, _ in find_namesakes(name_speakers(turns), us):
        groups[chosen].append(who)
    return Known(names={name: (main, *others) for main, others in groups.items() for name in (main, *others)})
