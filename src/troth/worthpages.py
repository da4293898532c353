"""What the two pages for a management meeting say: the answer and its figures, then how sure that is.

Plain words and numbers only, so that the HTML page and the PDF say the same; nothing here is markup of either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import reduce
from typing import Any, Final

from troth.lenses import WHOLE
from troth.plain import clean_line
from troth.saying import say
from troth.told import Told, as_told
from troth.worth.money import HORIZON_DAYS
from troth.worth.ratios import LEAST_ACCOUNTS, LEAST_ENDS, MAIN_LAG, Ratio, e_value, e_value_of_interval
from troth.worthtold import Chance, Picture, TimeToWin, Worth

_LISTED: Final = 8  # open deals on the first page
_REASONS: Final = 3  # of what was left out
_NAMED: Final = 2  # ids for each of them
_NOTES: Final = 2
_LONGEST_NOTE: Final = 180
_LONGEST: Final = 44  # of a stranger's name, in letters
_LONGEST_CELL: Final = 32  # of one in a table: two lines of it at most, in the widest letters
_LONGEST_REASON: Final = 80
_LONGEST_ID: Final = 18
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

NEVER: Final = (
    Told(
        "That trust caused a sale, or that raising a score raises revenue. Only a trial, in which chance decides who "
        "gets a practice first, says more."
    ),
    Told("That words show lying, honesty, character, a feeling or a hormone."),
    Told("That these figures compare with those of another company or language."),
    Told("Anything about single employees: nothing here is broken down by person, and nobody is ranked."),
    Told(
        "That trust must matter much: in 549 studies it moves attitudes more than behaviour (Khamitov et al. 2024), "
        "and among over 200 purchasing managers it had no effect on the choice of supplier once performance was taken "
        "into account (Doney & Cannon 1997)."
    ),
)
"""What a reader must not conclude; MEASUREMENT.md section 6."""

HEADINGS: Final = (
    Told("What is missing"),
    Told("What counts"),
    Told("There are"),
    Told("Needed"),
    Told("In money"),
    Told("How sure this is"),
    Told("Controls: the same ratio of something else"),
    Told("In place of trust"),
    Told("Won (95 %)"),
    Told("Lost (95 %)"),
    Told("Other roads to the same question"),
    Told("What it stands on"),
    Told("Left out"),
    Told("Nothing."),
    Told("What must not be concluded"),
    Told("How it is measured"),
)
"""What stands over the parts of both forms, whatever was found."""

_CAUTION: Final = Told("“Goes with” is all that is said: no figure here can tell what trust brings about.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that stands alone, and what it is."""

    value: str
    says: str
    band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a table: what it is, its cells, and what it says."""

    name: str
    cells: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart, and the words under it."""

    picture: Picture
    title: str
    says: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Everything that stands on both pages; names of strangers are single lines, cut, and not yet escaped.

    Attributes:
        language: of its reader; every sentence of ours is in it.
        headings: HEADINGS in that language, by what they are in English.
        is_told: whether the answer is a ratio; where not, `missing` says what there is and what is needed, and `advice`
            where more comes from and what will then stand here.
        drawings: those of the first page; `forest` is the second page's.
        roads: what other analyses of the same deals say.
        income: what goes with trust in money that came in, by month.
        money_table: open deals with what more trust goes with, the largest first; empty where no sum is told.
    """

    language: str
    headings: Mapping[str, str]
    title: str
    about: str
    answer: str
    caution: str
    is_told: bool
    missing: tuple[Line, ...]
    advice: tuple[str, ...]
    figures: tuple[Figure, ...]
    drawings: tuple[Drawing, ...]
    money: str
    income: str
    money_heads: tuple[str, ...]
    money_table: tuple[Line, ...]
    money_more: str
    forest: Drawing | None
    controls: tuple[Line, ...]
    strength: str
    roads: tuple[str, ...]
    basis: tuple[Line, ...]
    left_out: tuple[Line, ...]
    notes: tuple[str, ...]
    never: tuple[str, ...]
    method: tuple[str, ...]
    foot: str


def lay_out_pages(found: Worth, *, whose: str, made_with: str, language: str = "en") -> Pages:
    """What both pages say.

    Args:
        found: what was measured.
        whose: who the books belong to.
        made_with: version and encoder, for the foot.
        language: of its reader, one of `told.LANGUAGES`.
    """
    is_deal = found.kind == "deal"
    things = Told("deals") if is_deal else Told("renewals")
    won = found.ratio("won")
    is_told = won is not None and won.enough
    has_ratios = any(one.enough for one in (*found.curve, *(control.ratio for control in found.controls)))
    pages = Pages(
        language=language,
        headings={heading: say(language, heading) for heading in HEADINGS},
        title=Told("What goes with trust"),
        about=Told("{whose} · {things} · as of {day:%-d %B %Y}", whose=_trim(whose), things=things, day=found.as_of),
        answer=found.say(),
        caution=_CAUTION,
        is_told=is_told,
        missing=() if is_told else tuple(_list_missing(found)),
        advice=() if is_told else tuple(_advise(found, things)),
        figures=tuple(_list_figures(found)),
        drawings=tuple(_list_drawings(found, things)),
        money=found.say_money(),
        income=found.revenue.say(),
        money_heads=(
            Told("Open deal") if is_deal else Told("Open renewal"),
            Told("Account{of_a_deal}", of_a_deal=""),
            Told("About{a_sum}", a_sum=""),
            Told("80 % interval"),
        ),
        money_table=tuple(_list_money(found)),
        money_more=_tell_more_money(found),
        forest=_draw_checks(found) if has_ratios else None,
        controls=tuple(_list_controls(found)) if has_ratios else (),
        strength=_tell_strength(won),
        roads=tuple(_list_roads(found)) if is_told else (),
        basis=tuple(_list_basis(found)),
        left_out=tuple(_list_left_out(found, language)),
        notes=tuple(_list_notes(found, language)),
        never=NEVER,
        method=tuple(_list_method(found)),
        foot=Told("{made_with}. Nothing in this report left the machine.", made_with=made_with),
    )
    return _tell(language, pages)


def _tell(language: str, part: Any) -> Any:
    """A part of the pages with our sentences in a language; what others wrote, and is no `Told`, stays as it is."""
    if isinstance(part, Told):
        return say(language, part)
    if isinstance(part, tuple):
        return tuple(_tell(language, each) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{each.name: _tell(language, getattr(part, each.name)) for each in fields(part)})
    return part


def _list_missing(found: Worth) -> Iterator[Line]:
    """What there is and what is needed."""
    won = found.ratio("won")
    ends, accounts = (0, 0) if won is None else (won.ends, won.accounts)
    since = Told("of accounts of which something had been read {days:.0f} days before", days=MAIN_LAG)
    won = Told("Deals won") if found.kind == "deal" else Told("Renewals won")
    yield Line(name=won, cells=(f"{ends}", f"{LEAST_ENDS}"), says=since)
    yield Line(
        name=Told("Accounts"), cells=(f"{accounts}", f"{LEAST_ACCOUNTS}"), says=Told("of which something had been read")
    )


def _advise(found: Worth, things: Told) -> Iterator[Told]:
    """Where more comes from, and what this page tells once there is enough."""
    yield Told(
        "More comes from a longer history of mail and chat with the accounts that have {things}, and from older "
        "exports of the CRM. A figure could be worked out from fewer, but the next month would overturn it.",
        things=things,
    )
    is_deal = found.kind == "deal"
    yield Told(
        "Then this page tells how many times as high the odds are that {one} is won where trust was higher, with its "
        "interval; how likely and how soon they are won at low, typical and high trust; how that changes with how long "
        "before the trust was known; and, where it can be told, what goes with it in money, {each} and in sum.",
        one=Told("one of the deals") if is_deal else Told("one of the renewals"),
        each=Told("for each open deal") if is_deal else Told("for each open renewal"),
    )


def _list_figures(found: Worth) -> Iterator[Figure]:
    """At most four numbers for somebody in a hurry."""
    won = found.ratio("won")
    if won is None or not won.enough:
        return
    yield Figure(
        value=Told("{ratio:.2f} times", ratio=won.ratio),
        says=Told("the odds of being won in a week, where trust was one standard deviation higher"),
        band=Told("95 %: {low:.2f} to {high:.2f}", low=won.low, high=won.high),
    )
    if won.low <= 1.0 <= won.high:  # two numbers side by side would read as a link that is not there
        yield from _list_overall(found)
        return
    low, high = (_find_chance(found, level) for level in ("low", "high"))
    if low and high:
        yield Figure(
            value=Told("{low} → {high}", low=_share(low.chance), high=_share(high.chance)),
            says=Told("won within {days} days of opening, at low and at high trust", days=low.days),
            band=Told(
                "80 %: {low} to {high}, {low_then} to {high_then}",
                low=_share(low.low),
                high=_share(low.high),
                low_then=_share(high.low),
                high_then=_share(high.high),
            ),
        )
    slow, quick = (_find_time(found, level) for level in ("low", "high"))
    if slow and quick:
        yield Figure(
            value=Told("{slow:.0f} → {quick:.0f} days", slow=slow.mean, quick=quick.mean),
            says=Told("to win on average ({days} where not won by then), at low and at high trust", days=slow.days),
            band=Told(
                "80 %: {low:.0f} to {high:.0f}, {low_then:.0f} to {high_then:.0f}",
                low=slow.low,
                high=slow.high,
                low_then=quick.low,
                high_then=quick.high,
            ),
        )
    if found.tells_money and found.money is not None:
        total = found.money.total
        deals = Told(
            "goes with half a standard deviation more trust among open deals, in {days} days", days=HORIZON_DAYS
        )
        renewals = Told(
            "goes with half a standard deviation more trust among open renewals, in {days} days", days=HORIZON_DAYS
        )
        yield Figure(
            value=_write_sum(total.median, found.money.currency),
            says=deals if found.kind == "deal" else renewals,
            band=Told("80 %: {low:+,.0f} to {high:+,.0f}", low=total.low80, high=total.high80),
        )


def _list_overall(found: Worth) -> Iterator[Figure]:
    """How it goes whatever the trust."""
    chance, time = _find_chance(found, "all"), _find_time(found, "all")
    if chance:
        yield Figure(
            value=_share(chance.chance),
            says=Told("won within {days} days of opening, whatever the trust", days=chance.days),
            band=Told("80 %: {low} to {high}", low=_share(chance.low), high=_share(chance.high)),
        )
    if time:
        yield Figure(
            value=Told("{mean:.0f} days", mean=time.mean),
            says=Told("to win on average ({days} where not won by then), whatever the trust", days=time.days),
            band=Told("80 %: {low:.0f} to {high:.0f}", low=time.low, high=time.high),
        )


def _find_chance(found: Worth, level: str) -> Chance | None:
    """The longest chance of being won that is told at this level of trust."""
    told = [one for one in found.chances if one.end == "won" and one.trust == level and one.enough]
    return max(told, key=lambda one: one.days, default=None)


def _find_time(found: Worth, level: str) -> TimeToWin | None:
    return next((one for one in found.times if one.trust == level and one.enough), None)


def _list_drawings(found: Worth, things: Told) -> Iterator[Drawing]:
    """The charts of the first page that there is something to draw for."""
    told = {one.trust for one in found.chances if one.end == "won" and one.enough}
    if told:
        by_trust = bool(told - {"all"})
        share = Told("Share of {things} won by then. Shaded: 80 % band.", things=things)
        levels = Told("Low, typical, high: the trust that 10, 50 and 90 % of these weeks were below.")
        at_each = Told("Share of {things} won by 30, 60, 90 and 180 days at three levels of trust.", things=things)
        yield Drawing(
            picture="incidence",
            title=Told("How likely won, by trust") if by_trust else Told("How likely won"),
            says=Told("{first} {more}", first=share, more=levels) if by_trust else share,
            alt=at_each if by_trust else Told("Share of {things} won by 30, 60, 90 and 180 days.", things=things),
        )
    if any(one.enough for one in found.curve):
        yield Drawing(
            picture="freeze",
            title=Told("Why trust is taken 28 days before"),
            says=Told(
                "Near 0 days a customer who has already decided warms up: that is no effect of trust. Bars: 95 %."
            ),
            alt=Told("Odds ratio of winning and of losing with trust frozen 0, 7, 14, 28 and 56 days before."),
        )


def _list_money(found: Worth) -> Iterator[Line]:
    """Open deals of which a sum is told, the largest first."""
    if not found.tells_money or found.money is None:
        return
    money = found.money
    told = [row for row in zip(money.ids, money.relationships, money.deals, strict=True) if row[2].is_told]
    told.sort(key=lambda row: -abs(row[2].median))
    for name, account, one in told[:_LISTED]:
        interval = Told("{low:+,.0f} to {high:+,.0f}", low=one.low80, high=one.high80)
        yield Line(
            name=_trim(name, _LONGEST_CELL),
            cells=(_trim(account, _LONGEST_CELL), _write_sum(one.median, money.currency), interval),
        )


def _tell_more_money(found: Worth) -> Told:
    """What the table leaves out."""
    if not found.tells_money or found.money is None:
        return Told("")
    told = sum(one.is_told for one in found.money.deals)
    parts: list[Told] = []
    if told > _LISTED:
        parts.append(Told("{n} more in the table that troth worth --format csv gives", n=told - _LISTED))
    if len(found.money.deals) > told:
        parts.append(Told("{n} whose own interval holds zero", n=len(found.money.deals) - told))
    if found.money.unpriced:
        currency = _trim(found.money.currency)
        parts.append(Told("{n} open without an amount in {currency}", n=found.money.unpriced, currency=currency))
    if not parts:
        return Told("")
    listed = reduce(lambda first, then: Told("{first}; {then}", first=first, then=then), parts)
    return Told("Not listed: {parts}.", parts=listed)


def _draw_checks(found: Worth) -> Drawing:
    names = len({control.name for control in found.controls})
    return Drawing(
        picture="forest",
        title=Told("Trust and its controls"),
        says=Told("Odds ratios for one standard deviation of trust. Bars: 95 %."),
        alt=Told("Odds ratios of trust at every lag beside {n} controls, with 95 % intervals.", n=names),
    )


def _list_controls(found: Worth) -> Iterator[Line]:
    """Each control for both ends, and how to read it."""
    for name in dict.fromkeys(one.name for one in found.controls):
        mine = {one.ratio.end: one for one in found.controls if one.name == name}
        says = as_told(next(iter(mine.values())).says)
        if name == "another account's trust" and all(one.ratio.enough for one in mine.values()):
            failed = Told("does not hold 1: something else is at work here")
            says = Told("holds 1, as it must") if found.is_sound else failed
        yield Line(name=Told(name), cells=tuple(_tell_ratio(mine[end].ratio) for end in ("won", "lost")), says=says)


def _tell_ratio(one: Ratio) -> Told:
    if not one.enough:
        return Told("not enough")
    return Told("{ratio:.2f} ({low:.2f} to {high:.2f})", ratio=one.ratio, low=one.low, high=one.high)


def _tell_strength(won: Ratio | None) -> Told:
    """The E-value in words."""
    if won is None or not won.enough:
        return Told("No ratio is told, so there is nothing yet that something unseen could explain away.")
    strength = e_value(won.ratio)
    if won.low <= 1.0 <= won.high:
        return Told(
            "E-value {strength:.2f}, and 1 for the interval: chance alone can explain the ratio.", strength=strength
        )
    return Told(
        "E-value {strength:.2f}: something unseen would have to make both higher trust and winning this many times as "
        "likely to explain the ratio away; {nearer:.2f} for the nearer end of its interval.",
        strength=strength,
        nearer=e_value_of_interval(won),
    )


def _list_roads(found: Worth) -> Iterator[Told]:
    yield found.say_within()
    if found.doubly is not None:
        yield found.doubly.say()


def _list_basis(found: Worth) -> Iterator[Line]:
    """The share of the book that figures stand on."""
    book = found.book
    open_ = len(book.ids) - found.won - found.lost
    counted = Told("{n:,} of {all:,} ({share})", n=len(book.ids), all=book.seen, share=_share(found.share))
    yield Line(name=Told("Deals counted on") if found.kind == "deal" else Told("Renewals counted on"), cells=(counted,))
    ends = Told("{won:,}, {lost:,}, {open:,}", won=found.won, lost=found.lost, open=open_)
    yield Line(name=Told("Won, lost, open"), cells=(ends,))
    watched = Told("{accounts:,}; {weeks:,}", accounts=found.accounts, weeks=found.weeks)
    yield Line(name=Told("Accounts; weeks watched"), cells=(watched,))
    yield Line(name=Told("With trust known of the account"), cells=(_count(found.known),))
    if len(book.ids):
        first = _EPOCH + dt.timedelta(microseconds=int(book.deals.opened.min()))
        days = Told("{first:%-d %B %Y}; {last:%-d %B %Y}", first=first, last=found.as_of)
        yield Line(name=Told("Opened from; watched until"), cells=(days,))


def _list_left_out(found: Worth, language: str) -> Iterator[Line]:
    """What no figure rests on, by reason, with the first ids."""
    told = found.reasons.most_common()
    for reason, count in told[:_REASONS]:
        ids = [_trim(one.outcome_id, _LONGEST_ID) for one in found.left_out if one.reason == reason][:_NAMED]
        names = Told("{names} and {n:,} more", names=tuple(ids), n=count - _NAMED)
        yield Line(
            name=_count(count),
            cells=(_trim(say(language, reason), _LONGEST_REASON),),
            says=names if count > _NAMED else ", ".join(ids),
        )
    rest = sum(count for _, count in told[_REASONS:])
    if rest:
        yield Line(name=_count(rest), cells=(Told("for other reasons"),), says=Told("troth worth lists them"))


def _list_notes(found: Worth, language: str) -> Iterator[str]:
    yield from (_trim(say(language, note), _LONGEST_NOTE) for note in found.notes[:_NOTES])
    if len(found.notes) > _NOTES:
        yield Told("{n} more notes: troth worth", n=len(found.notes) - _NOTES)


def _list_method(found: Worth) -> Iterator[Told]:
    """Five lines."""
    yield Told(
        "Trust is {score}: a score from what was written and done, followed over time by a filter; no outcome goes "
        "into it. A standard deviation is that between relationships.",
        score=Told(WHOLE[found.score].plain) if found.score in WHOLE else found.score,
    )
    yield Told(
        "{things} are cut into weeks. A multinomial logit says how likely a week ends won, lost or open, given age, "
        "trust as known {days:.0f} days before that week, and facts from before it.",
        things=Told("Deals" if found.kind == "deal" else "Renewals"),
        days=MAIN_LAG,
    )
    yield Told(
        "Adjusted for, declared before anything was fitted: {facts}. Errors are clustered by account.",
        facts=tuple(map(Told, dict.fromkeys(name.partition(",")[0] for name in found.adjustment))),  # season has two
    )
    yield Told(
        "Chances and days are averages over such deals at the trust named, with bands from draws of the "
        "coefficients; low and high are levels that were met."
    )
    yield Told(
        "Money: each open one's chance of being won within {days} days, at its trust and half a standard deviation "
        "above, times its amount; told only where the 80 % interval leaves out zero.",
        days=HORIZON_DAYS,
    )


def _trim(text: str, longest: int = _LONGEST) -> str:
    """A stranger's words on one line, cut."""
    line = clean_line(text)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _share(value: float) -> Told:
    return Told("{share:.0f}\N{NO-BREAK SPACE}%", share=100 * value)


def _count(n: int) -> Told:
    return Told("{n:,}", n=n)


def _write_sum(value: float, currency: str) -> Told:
    return Told("{sum:+,.0f} {currency}", sum=value, currency=_trim(currency))
