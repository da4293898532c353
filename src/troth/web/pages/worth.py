"""Worth: what goes with trust in deals and money, what begets it, and trials that tell what brings it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pyarrow.compute as pc
from fastapi import APIRouter, Form
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.signals import SHOWN
from troth.web.charting import offer_chart
from troth.web.downloading import name_makers, offer_csv, offer_file
from troth.web.later import find_later
from troth.web.team import WHOLE
from troth.web.visit import Team, Visit

if TYPE_CHECKING:
    from troth.begetting import Reciprocity
    from troth.swaying import Influence
    from troth.trial.told import Reading, Trial
    from troth.trialsuggesting import Suggestions
    from troth.worthtold import Worth

router = APIRouter()
Kind = Literal["deal", "renewal"]

PICTURES: Final = MappingProxyType(
    {
        "incidence": "How likely deals are won, at low, typical and high trust",
        "freeze": "The ratio by how long before the trust was known",
        "forest": "Every ratio beside what must show nothing",
    }
)
"""What is drawn, and its heading."""
_LISTED: Final = 8
_STARTED: Final = "/worth#trials"


@router.get("/worth")
def show_worth(visit: Team, kind: Kind = "deal") -> Response:
    """Everything that goes with trust; parts that are still being worked out say so."""
    return _show(visit, kind)


@router.get("/worth.csv")
def save_worth(visit: Team, kind: Kind = "deal") -> Response:
    """Every figure of the page's first half as CSV; accounts by name for the sole user alone."""
    from troth.worthtold import COLUMNS  # noqa: PLC0415  # scipy, which few pages need

    rows = _worth_or_none(visit, kind).list_rows()
    kept = [row for row in rows if _is_whole(visit) or row["part"] not in {"money", "left out"}]
    return offer_csv(kept, columns=COLUMNS, name=f"worth-{kind}.csv")


@router.get("/worth/chart.{ending}")
def draw_worth(
    visit: Team, ending: Literal["json", "svg", "png", "csv"], kind: Kind = "deal",
    of: Literal["incidence", "freeze", "forest"] = "incidence", theme: str = "light", width: int = 720,
) -> Response:  # fmt: skip
    """One picture of it."""
    found = _worth_or_none(visit, kind)
    return offer_chart(
        lambda chosen: found.chart(of, theme=chosen, say=visit.say), ending, name=f"worth-{kind}-{of}", theme=theme,
        width=width,
    )  # fmt: skip


@router.get("/worth/report.{ending}")
def save_report(visit: Team, ending: Literal["html", "pdf"], kind: Kind = "deal") -> Response:
    """Two pages for a management meeting; made beside the requests, and saved when it is there."""
    from troth.worthreport import render_report, typeset_report  # noqa: PLC0415  # charts, which few pages need

    if not _is_whole(visit):
        raise HTTPException(403, "the report names accounts, so it is for whoever keeps the whole book")
    view, found = visit.view, _find_worth(visit, kind)
    made_with = name_makers()

    def make() -> bytes:
        if found is None:
            raise RuntimeError("the report was begun before its figures were there")
        if ending == "pdf":
            return typeset_report(found, whose=view.whose, made_with=made_with)
        return render_report(found, whose=view.whose, made_with=made_with).encode()

    content = None
    if found is not None:
        content = find_later(view, ("worth report", kind, ending), lambda: visit.keeper.work_later(make))
    if content is None:
        return visit.show("worth_wait.html", kind=kind)
    form = "application/pdf" if ending == "pdf" else "text/html; charset=utf-8"
    return offer_file(content, name=f"worth-{kind}.{ending}", kind=form)


@router.post("/worth/trials")
def start_trial(
    visit: Team, practice: Annotated[str, Form()], until: Annotated[str, Form()] = "",
    circle: Annotated[str, Form()] = "customer", outcome: Annotated[str, Form()] = "held",
) -> Response:  # fmt: skip
    """Draw half of the accounts for a practice; it is read on its day."""
    _check_group(visit)
    by = visit.who.name or None
    visit.keeper.change(
        lambda book: book.trials.start(practice, until=until or None, circle=circle, outcome=outcome, by=by)
    )
    return visit.go(_STARTED)


@router.post("/worth/trials/stop")
def stop_trial(visit: Team, trial: Annotated[str, Form()], note: Annotated[str, Form()] = "") -> Response:
    """Ask for the practice no more; the day of reading stays."""
    visit.keeper.change(lambda book: book.trials.stop(trial, note=note or None))
    return visit.go(_STARTED)


@router.post("/worth/trials/read")
def read_trial(visit: Team, trial: Annotated[str, Form()], early: Annotated[bool, Form()] = False) -> Response:
    """The result of a trial; that it was read is kept, since who looks often finds what is not there."""
    _check_group(visit)
    reading = visit.keeper.change(lambda book: book.trials.read(trial, early=early))
    return _show(visit, "deal", reading=reading)


def _show(visit: Visit, kind: Kind, *, reading: Reading | None = None) -> Response:
    from troth.trial.practices import PRACTICES  # noqa: PLC0415  # scipy, which few pages need
    from troth.trial.told import OUTCOME_WORDS  # noqa: PLC0415
    from troth.worth.ratios import LEAST_ACCOUNTS, LEAST_ENDS  # noqa: PLC0415
    from troth.worthtold import LEVELS  # noqa: PLC0415

    _check_group(visit)
    view = visit.keeper.view()
    parts: dict[str, Any] = {
        "found": _find_worth(visit, kind),
        "reciprocity": _find_reciprocity(visit),
        "influence": _find_influence(visit),
        "suggestions": _find_suggestions(visit),
        "trials": _find_trials(visit),
    }
    return visit.show(
        "worth.html", kind=kind, is_behind=any(part is None for part in parts.values()), found=parts["found"],
        reciprocity=parts["reciprocity"], influence=parts["influence"], suggestions=parts["suggestions"],
        trials=parts["trials"],
        is_whole=_is_whole(visit), pictures=PICTURES, listed=_LISTED, least_ends=LEAST_ENDS, mine=visit.view.by_name,
        least_accounts=LEAST_ACCOUNTS, levels=("all", *LEVELS), has_outcomes=view.outcomes.num_rows > 0,
        practices=PRACTICES, outcome_words=OUTCOME_WORDS, facets=SHOWN, now=view.made_at,
        deals=_list_deals(parts["found"]), reading=reading,
    )  # fmt: skip


def _list_deals(found: Worth | None) -> list[tuple[str, str, Any]]:
    """Open deals of which a sum is told, the largest first."""
    if found is None or found.money is None:
        return []
    money = found.money
    told = [row for row in zip(money.ids, money.relationships, money.deals, strict=True) if row[2].is_told]
    return sorted(told, key=lambda row: -abs(row[2].median))


def _is_whole(visit: Visit) -> bool:
    """Whether this visitor sees the whole book: then accounts may be named."""
    return visit.who.person is None


def _check_group(visit: Visit) -> None:
    """Refuse whoever does not keep the whole book where the team was never found to be large enough for a figure.

    Raises: HTTPException 404.
    """
    figures = visit.keeper.view().figures
    is_group = pc.and_(pc.equal(figures["team"], WHOLE), pc.is_null(figures["withheld"]))
    if not _is_whole(visit) and not pc.any(is_group).as_py():
        raise HTTPException(
            404, "what goes with trust is told of a team of at least 8 people, once figures of a whole period of it "
            "were published. The page Team says what is missing",
        )  # fmt: skip


def _worth_or_none(visit: Visit, kind: Kind) -> Worth:
    """What was found.

    Raises: HTTPException 503 while it is being worked out.
    """
    _check_group(visit)
    found = _find_worth(visit, kind)
    if found is None:
        raise HTTPException(503, "this is being worked out. Ask again in a moment", headers={"Retry-After": "3"})
    return found


def _find_worth(visit: Visit, kind: Kind) -> Worth | None:
    keeper, view = visit.keeper, visit.keeper.view()

    def work() -> Worth:
        from troth.worthing import gather_evidence, measure_worth  # noqa: PLC0415  # scipy, which few pages need

        steps = keeper.store.table("outcome_steps")
        return measure_worth(
            gather_evidence(
                outcomes=view.outcomes, steps=steps, turns=view.known.turns, readings=view.standing.readings,
                as_of=view.standing.now, model=view.model, segments=view.segments,
            ),
            kind=kind,
        )  # fmt: skip

    return find_later(view, ("worth", kind), lambda: keeper.work_later(work))


def _find_influence(visit: Visit) -> Influence | None:
    keeper, view = visit.keeper, visit.keeper.view()

    def work() -> Influence:
        from troth.swaying import measure_influence  # noqa: PLC0415  # scipy, which few pages need

        return measure_influence(
            view.known, view.standing.readings, view.standing.promises, now=view.standing.now, model=view.model,
            segments=view.segments,
        )  # fmt: skip

    return find_later(view, "influence", lambda: keeper.work_later(work))


def _find_reciprocity(visit: Visit) -> Reciprocity | None:
    keeper, view = visit.keeper, visit.keeper.view()

    def work() -> Reciprocity:
        from troth.begetting import measure_reciprocity  # noqa: PLC0415  # scipy, which few pages need

        people = keeper.ask(lambda book: book.people()).to_pylist()
        main = {name: row["person"] for row in people for name in (*row["addresses"], *row["handles"])}
        return measure_reciprocity(
            view.known, view.standing.readings, main=lambda name: main.get(name, name), model=view.model,
            segments=view.segments, until=view.standing.now,
        )  # fmt: skip

    return find_later(view, "reciprocity", lambda: keeper.work_later(work))


def _find_suggestions(visit: Visit) -> Suggestions | None:
    keeper, view = visit.keeper, visit.keeper.view()

    def work() -> Suggestions:
        from troth.trialsuggesting import suggest_practices  # noqa: PLC0415  # scipy, which few pages need
        from troth.worth.deals import take_deals  # noqa: PLC0415

        return suggest_practices(
            readings=view.standing.readings, turns=view.known.turns, as_of=view.standing.now,
            deals=take_deals(view.outcomes, as_of=view.standing.now), steps=keeper.store.table("outcome_steps"),
            model=view.model, segments=view.segments,
        )  # fmt: skip

    return find_later(view, "what to try", lambda: keeper.work_later(work))


def _find_trials(visit: Visit) -> tuple[Trial, ...] | None:
    view = visit.keeper.view()
    return find_later(view, "trials", lambda: visit.keeper.ask_later(lambda book: book.trials.list()))
