"""What the two pages for a management meeting say: the answer and its figures, then how sure that is.

Plain words and numbers only, so that the HTML page and the PDF say the same; nothing here is markup of either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from troth.lenses import WHOLE
from troth.plain import clean_line
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
    (
        "That trust caused a sale, or that raising a score raises revenue. Only a trial, in which chance decides who "
        "gets a practice first, says more."
    ),
    "That words show lying, honesty, character, a feeling or a hormone.",
    "That these figures compare with those of another company or language.",
    "Anything about single employees: nothing here is broken down by person, and nobody is ranked.",
    (
        "That trust must matter much: in 549 studies it moves attitudes more than behaviour (Khamitov et al. 2024), "
        "and among over 200 purchasing managers it had no effect on the choice of supplier once performance was taken "
        "into account (Doney & Cannon 1997)."
    ),
)
"""What a reader must not conclude; MEASUREMENT.md section 6."""

_CAUTION: Final = "“Goes with” is all that is said: no figure here can tell what trust brings about."


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
        is_told: whether the answer is a ratio; where not, `missing` says what there is and what is needed, and `advice`
            where more comes from and what will then stand here.
        drawings: those of the first page; `forest` is the second page's.
        roads: what other analyses of the same deals say.
        income: what goes with trust in money that came in, by month.
        money_table: open deals with what more trust goes with, the largest first; empty where no sum is told.
    """

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


def lay_out_pages(found: Worth, *, whose: str, made_with: str) -> Pages:
    """What both pages say.

    Args:
        found: what was measured.
        whose: who the books belong to.
        made_with: version and encoder, for the foot.
    """
    things = "deals" if found.kind == "deal" else "renewals"
    won = found.ratio("won")
    is_told = won is not None and won.enough
    has_ratios = any(one.enough for one in (*found.curve, *(control.ratio for control in found.controls)))
    return Pages(
        title="What goes with trust",
        about=f"{_trim(whose)} · {things} · as of {_day(found.as_of)}",
        answer=found.say(),
        caution=_CAUTION,
        is_told=is_told,
        missing=() if is_told else tuple(_list_missing(found, things)),
        advice=() if is_told else tuple(_advise(found, things)),
        figures=tuple(_list_figures(found)),
        drawings=tuple(_list_drawings(found, things)),
        money=found.say_money(),
        income=found.revenue.say(),
        money_heads=("Open deal" if found.kind == "deal" else "Open renewal", "Account", "About", "80 % interval"),
        money_table=tuple(_list_money(found)),
        money_more=_tell_more_money(found),
        forest=_draw_checks(found) if has_ratios else None,
        controls=tuple(_list_controls(found)) if has_ratios else (),
        strength=_tell_strength(won),
        roads=tuple(_list_roads(found)) if is_told else (),
        basis=tuple(_list_basis(found, things)),
        left_out=tuple(_list_left_out(found)),
        notes=tuple(_list_notes(found)),
        never=NEVER,
        method=tuple(_list_method(found, things)),
        foot=f"{made_with}. Nothing in this report left the machine.",
    )


def _list_missing(found: Worth, things: str) -> Iterator[Line]:
    """What there is and what is needed."""
    won = found.ratio("won")
    ends, accounts = (0, 0) if won is None else (won.ends, won.accounts)
    since = f"of accounts of which something had been read {MAIN_LAG:.0f} days before"
    yield Line(name=f"{things.capitalize()} won", cells=(f"{ends}", f"{LEAST_ENDS}"), says=since)
    yield Line(name="Accounts", cells=(f"{accounts}", f"{LEAST_ACCOUNTS}"), says="of which something had been read")


def _advise(found: Worth, things: str) -> Iterator[str]:
    """Where more comes from, and what this page tells once there is enough."""
    yield (
        f"More comes from a longer history of mail and chat with the accounts that have {things}, and from older "
        "exports of the CRM. A figure could be worked out from fewer, but the next month would overturn it."
    )
    yield (
        f"Then this page tells how many times as high the odds are that one of the {things} is won where trust was "
        "higher, with its interval; how likely and how soon they are won at low, typical and high trust; how that "
        f"changes with how long before the trust was known; and, where it can be told, what goes with it in money, for "
        f"each open {found.kind} and in sum."
    )


def _list_figures(found: Worth) -> Iterator[Figure]:
    """At most four numbers for somebody in a hurry."""
    won = found.ratio("won")
    if won is None or not won.enough:
        return
    yield Figure(
        value=f"{won.ratio:.2f} times",
        says="the odds of being won in a week, where trust was one standard deviation higher",
        band=f"95 %: {won.low:.2f} to {won.high:.2f}",
    )
    if won.low <= 1.0 <= won.high:  # two numbers side by side would read as a link that is not there
        yield from _list_overall(found)
        return
    low, high = (_find_chance(found, level) for level in ("low", "high"))
    if low and high:
        yield Figure(
            value=f"{_share(low.chance)} → {_share(high.chance)}",
            says=f"won within {low.days} days of opening, at low and at high trust",
            band=f"80 %: {_share(low.low)} to {_share(low.high)}, {_share(high.low)} to {_share(high.high)}",
        )
    slow, quick = (_find_time(found, level) for level in ("low", "high"))
    if slow and quick:
        yield Figure(
            value=f"{slow.mean:.0f} → {quick.mean:.0f} days",
            says=f"to win on average ({slow.days} where not won by then), at low and at high trust",
            band=f"80 %: {slow.low:.0f} to {slow.high:.0f}, {quick.low:.0f} to {quick.high:.0f}",
        )
    if found.tells_money and found.money is not None:
        total = found.money.total
        yield Figure(
            value=f"{total.median:+,.0f} {_trim(found.money.currency)}",
            says=f"goes with half a standard deviation more trust among open {found.kind}s, in {HORIZON_DAYS} days",
            band=f"80 %: {total.low80:+,.0f} to {total.high80:+,.0f}",
        )


def _list_overall(found: Worth) -> Iterator[Figure]:
    """How it goes whatever the trust."""
    chance, time = _find_chance(found, "all"), _find_time(found, "all")
    if chance:
        yield Figure(
            value=_share(chance.chance),
            says=f"won within {chance.days} days of opening, whatever the trust",
            band=f"80 %: {_share(chance.low)} to {_share(chance.high)}",
        )
    if time:
        yield Figure(
            value=f"{time.mean:.0f} days",
            says=f"to win on average ({time.days} where not won by then), whatever the trust",
            band=f"80 %: {time.low:.0f} to {time.high:.0f}",
        )


def _find_chance(found: Worth, level: str) -> Chance | None:
    """The longest chance of being won that is told at this level of trust."""
    told = [one for one in found.chances if one.end == "won" and one.trust == level and one.enough]
    return max(told, key=lambda one: one.days, default=None)


def _find_time(found: Worth, level: str) -> TimeToWin | None:
    return next((one for one in found.times if one.trust == level and one.enough), None)


def _list_drawings(found: Worth, things: str) -> Iterator[Drawing]:
    """The charts of the first page that there is something to draw for."""
    told = {one.trust for one in found.chances if one.end == "won" and one.enough}
    if told:
        by_trust = bool(told - {"all"})
        levels = "Low, typical, high: the trust that 10, 50 and 90 % of these weeks were below." if by_trust else ""
        yield Drawing(
            picture="incidence",
            title="How likely won, by trust" if by_trust else "How likely won",
            says=f"Share of {things} won by then. Shaded: 80 % band. {levels}".strip(),
            alt=f"Share of {things} won by 30, 60, 90 and 180 days{' at three levels of trust' if by_trust else ''}.",
        )
    if any(one.enough for one in found.curve):
        yield Drawing(
            picture="freeze",
            title="Why trust is taken 28 days before",
            says="Near 0 days a customer who has already decided warms up: that is no effect of trust. Bars: 95 %.",
            alt="Odds ratio of winning and of losing with trust frozen 0, 7, 14, 28 and 56 days before.",
        )


def _list_money(found: Worth) -> Iterator[Line]:
    """Open deals of which a sum is told, the largest first."""
    if not found.tells_money or found.money is None:
        return
    money = found.money
    told = [row for row in zip(money.ids, money.relationships, money.deals, strict=True) if row[2].is_told]
    told.sort(key=lambda row: -abs(row[2].median))
    for name, account, one in told[:_LISTED]:
        interval = f"{one.low80:+,.0f} to {one.high80:+,.0f}"
        yield Line(
            name=_trim(name, _LONGEST_CELL),
            cells=(_trim(account, _LONGEST_CELL), f"{one.median:+,.0f} {_trim(money.currency)}", interval),
        )


def _tell_more_money(found: Worth) -> str:
    """What the table leaves out."""
    if not found.tells_money or found.money is None:
        return ""
    told = sum(one.is_told for one in found.money.deals)
    parts = [f"{told - _LISTED} more in the table that troth worth --format csv gives"] if told > _LISTED else []
    if len(found.money.deals) > told:
        parts.append(f"{len(found.money.deals) - told} whose own interval holds zero")
    if found.money.unpriced:
        parts.append(f"{found.money.unpriced} open without an amount in {_trim(found.money.currency)}")
    return f"Not listed: {'; '.join(parts)}." if parts else ""


def _draw_checks(found: Worth) -> Drawing:
    names = len({control.name for control in found.controls})
    return Drawing(
        picture="forest",
        title="Trust and its controls",
        says="Odds ratios for one standard deviation of trust. Bars: 95 %.",
        alt=f"Odds ratios of trust at every lag beside {names} controls, with 95 % intervals.",
    )


def _list_controls(found: Worth) -> Iterator[Line]:
    """Each control for both ends, and how to read it."""
    for name in dict.fromkeys(one.name for one in found.controls):
        mine = {one.ratio.end: one for one in found.controls if one.name == name}
        says = next(iter(mine.values())).says
        if name == "another account's trust" and all(one.ratio.enough for one in mine.values()):
            says = "holds 1, as it must" if found.is_sound else "does not hold 1: something else is at work here"
        yield Line(name=name, cells=tuple(_tell_ratio(mine[end].ratio) for end in ("won", "lost")), says=says)


def _tell_ratio(one: Ratio) -> str:
    return f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})" if one.enough else "not enough"


def _tell_strength(won: Ratio | None) -> str:
    """The E-value in words."""
    if won is None or not won.enough:
        return "No ratio is told, so there is nothing yet that something unseen could explain away."
    if won.low <= 1.0 <= won.high:
        return f"E-value {e_value(won.ratio):.2f}, and 1 for the interval: chance alone can explain the ratio."
    return (
        f"E-value {e_value(won.ratio):.2f}: something unseen would have to make both higher trust and winning this "
        f"many times as likely to explain the ratio away; {e_value_of_interval(won):.2f} for the nearer end of its "
        "interval."
    )


def _list_roads(found: Worth) -> Iterator[str]:
    yield found.say_within()
    if found.doubly is not None:
        yield found.doubly.say()


def _list_basis(found: Worth, things: str) -> Iterator[Line]:
    """The share of the book that figures stand on."""
    book = found.book
    open_ = len(book.ids) - found.won - found.lost
    yield Line(
        name=f"{things.capitalize()} counted on", cells=(f"{len(book.ids):,} of {book.seen:,} ({_share(found.share)})",)
    )
    yield Line(name="Won, lost, open", cells=(f"{found.won:,}, {found.lost:,}, {open_:,}",))
    yield Line(name="Accounts; weeks watched", cells=(f"{found.accounts:,}; {found.weeks:,}",))
    yield Line(name="With trust known of the account", cells=(f"{found.known:,}",))
    if len(book.ids):
        first = _EPOCH + dt.timedelta(microseconds=int(book.deals.opened.min()))
        yield Line(name="Opened from; watched until", cells=(f"{_day(first)}; {_day(found.as_of)}",))


def _list_left_out(found: Worth) -> Iterator[Line]:
    """What no figure rests on, by reason, with the first ids."""
    told = found.reasons.most_common()
    for reason, count in told[:_REASONS]:
        ids = [_trim(one.outcome_id, _LONGEST_ID) for one in found.left_out if one.reason == reason][:_NAMED]
        more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
        yield Line(name=f"{count:,}", cells=(_trim(reason, _LONGEST_REASON),), says=f"{', '.join(ids)}{more}")
    rest = sum(count for _, count in told[_REASONS:])
    if rest:
        yield Line(name=f"{rest:,}", cells=("for other reasons",), says="troth worth lists them")


def _list_notes(found: Worth) -> Iterator[str]:
    yield from (_trim(note, _LONGEST_NOTE) for note in found.notes[:_NOTES])
    if len(found.notes) > _NOTES:
        yield f"{len(found.notes) - _NOTES} more notes: troth worth"


def _list_method(found: Worth, things: str) -> Iterator[str]:
    """Five lines."""
    score = WHOLE[found.score].plain if found.score in WHOLE else found.score
    yield (
        f"Trust is {score}: a score from what was written and done, followed over time by a filter; no outcome goes "
        "into it. A standard deviation is that between relationships."
    )
    yield (
        f"{things.capitalize()} are cut into weeks. A multinomial logit says how likely a week ends won, lost or open, "
        f"given age, trust as known {MAIN_LAG:.0f} days before that week, and facts from before it."
    )
    facts = ", ".join(dict.fromkeys(name.partition(",")[0] for name in found.adjustment))  # season is two columns
    yield f"Adjusted for, declared before anything was fitted: {facts}. Errors are clustered by account."
    yield (
        "Chances and days are averages over such deals at the trust named, with bands from draws of the "
        "coefficients; low and high are levels that were met."
    )
    yield (
        f"Money: each open one's chance of being won within {HORIZON_DAYS} days, at its trust and half a standard "
        "deviation above, times its amount; told only where the 80 % interval leaves out zero."
    )


def _trim(text: str, longest: int = _LONGEST) -> str:
    """A stranger's words on one line, cut."""
    line = clean_line(text)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _share(value: float) -> str:
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def _day(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
