"""Worth: what goes with trust in deals and money, what begets it, and trials that tell what brings it.

Whoever keeps the whole book sees the figures as of now; analysts see them as they were published (`web.editions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pyarrow.compute as pc
from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.desk import clock
from troth.errors import InputError
from troth.signals import SHOWN
from troth.web.charting import offer_chart
from troth.web.downloading import name_makers, offer_csv, offer_file
from troth.web.editions import find_edition
from troth.web.freezing import thaw
from troth.web.jobs import UNFINISHED, Job
from troth.web.later import find_later
from troth.web.sessions import make_secret
from troth.web.visit import Team, Visit

if TYPE_CHECKING:
    from troth.begetting import Reciprocity
    from troth.swaying import Influence
    from troth.trial.told import Trial
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
def show_worth(visit: Team, kind: Kind = "deal", job: Annotated[str, Query(max_length=64)] = "") -> Response:
    """Everything that goes with trust; parts that are still being worked out say so. `job`: a trial's, of one's own."""
    return _show(visit, kind, job=_find_job(visit, job) if job else None)


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
    """Two pages for a management meeting, in the visitor's language; made beside the requests, saved when there."""
    from troth.worthreport import render_report, typeset_report  # noqa: PLC0415  # charts, which few pages need

    if not _is_whole(visit):
        raise HTTPException(403, "the report names accounts, so it is for whoever keeps the whole book")
    view, found = visit.view, _find_worth(visit, kind)
    made_with, language = name_makers(), visit.look.language

    def make() -> bytes:
        if found is None:
            raise RuntimeError("the report was begun before its figures were there")
        if ending == "pdf":
            return typeset_report(found, whose=view.whose, made_with=made_with, language=language)
        return render_report(found, whose=view.whose, made_with=made_with, language=language).encode()

    content = None
    if found is not None:
        content = find_later(view, ("worth report", kind, ending, language), lambda: visit.keeper.work_later(make))
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
    is_whole = _is_whole(visit)
    if not is_whole:
        _check_pause(visit)
    asked = {
        "practice": practice, "until": until, "circle": circle, "outcome": outcome, "by": visit.who.name,
        "is_whole": is_whole,
    }  # fmt: skip
    return _begin(visit, "trial", make_secret() if is_whole else "of analysts", asked)


@router.post("/worth/trials/stop")
def stop_trial(visit: Team, trial: Annotated[str, Form()], note: Annotated[str, Form()] = "") -> Response:
    """Ask for the practice no more; the day of reading stays."""
    visit.keeper.change(lambda book: book.trials.stop(trial, note=note or None))
    return visit.go(_STARTED)


@router.post("/worth/trials/read")
def read_trial(visit: Team, trial: Annotated[str, Form()], early: Annotated[bool, Form()] = False) -> Response:
    """The result of a trial; that it was read is kept, since who looks often finds what is not there."""
    _check_group(visit)
    found, is_whole = visit.keeper.open_book().trials.find(trial), _is_whole(visit)
    if clock() < found.until and not (early and is_whole):
        raise InputError(f"trial {found.trial_id} is read on its day: its last day is {found.last_day}.")
    asked = {"trial": found.trial_id, "early": early, "is_whole": is_whole}
    return _begin(visit, "reading", make_secret() if is_whole else f"{found.trial_id}\n{visit.who.person}", asked)


def _begin(visit: Visit, kind: str, key: str, asked: Mapping[str, object]) -> Response:
    """Have a trial drawn or read beside the requests, and lead to where it is told."""
    by = visit.who.person or visit.who.name
    return visit.go(f"/worth?job={visit.serving.worker.add_anew(kind, key, asked, by=by)}#trials")


def _find_job(visit: Visit, job_id: str) -> Job:
    """A job that this visitor asked for.

    Raises: HTTPException 404.
    """
    job = visit.serving.worker.find(job_id)
    if job is None or job.kind not in {"trial", "reading"} or job.by != (visit.who.person or visit.who.name):
        raise HTTPException(404)
    return job


def _check_pause(visit: Visit) -> None:
    """Refuse an analyst's trial where one was stated since figures were published: what a trial could find is told when
    it is stated, from the book as it stands then, and two of these could be held against each other.

    Raises: InputError.
    """
    editions = visit.view.editions
    published = pc.max(editions.filter(pc.not_equal(editions["part"], "trial"))["published_at"]).as_py()
    if any(one.stated_at >= published for one in visit.keeper.open_book().trials.list()):
        raise InputError("a trial was started since the last period was published. Start the next one after the next.")


def _show(visit: Visit, kind: Kind, *, job: Job | None = None) -> Response:
    from troth.trial.practices import PRACTICES  # noqa: PLC0415  # scipy, which few pages need
    from troth.trial.told import OUTCOME_WORDS  # noqa: PLC0415
    from troth.worth.ratios import LEAST_ACCOUNTS, LEAST_ENDS  # noqa: PLC0415
    from troth.worthtold import LEVELS  # noqa: PLC0415

    _check_group(visit)
    view = visit.keeper.view()
    is_whole, edition = _is_whole(visit), None if _is_whole(visit) else find_edition(view.editions, kind)
    parts = _find_parts(visit, kind)
    told = job.told.get("reading") if job is not None and job.state == "done" else None
    return visit.show(
        "worth.html", kind=kind, **parts, job=job, edition=edition,
        is_behind=(is_whole and None in parts.values()) or (job is not None and job.state in UNFINISHED),
        is_whole=is_whole, pictures=PICTURES, listed=_LISTED, least_ends=LEAST_ENDS, mine=visit.view.by_name,
        least_accounts=LEAST_ACCOUNTS, levels=("all", *LEVELS), has_outcomes=not is_whole or view.outcomes.num_rows > 0,
        practices=PRACTICES, outcome_words=OUTCOME_WORDS, facets=SHOWN, now=view.made_at,
        deals=_list_deals(parts["found"]), reading=None if told is None else thaw(told),
    )  # fmt: skip


def _find_parts(visit: Visit, kind: Kind) -> dict[str, Any]:
    """What the page tells; None where it is still worked out, or was not published."""
    if _is_whole(visit):
        return {
            "found": _find_worth(visit, kind), "reciprocity": _find_reciprocity(visit),
            "influence": _find_influence(visit), "suggestions": _find_suggestions(visit), "trials": _find_trials(visit),
        }  # fmt: skip
    parts = {"found": kind} | {part: part for part in ("reciprocity", "influence", "suggestions")}
    editions = {name: find_edition(visit.keeper.view().editions, part) for name, part in parts.items()}
    given = {name: None if edition is None else edition.found for name, edition in editions.items()}
    return given | {"trials": _find_trials(visit)}


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
    """Refuse whoever does not keep the whole book where nothing was published, as of a team that is too small.

    Raises: HTTPException 404.
    """
    editions = visit.keeper.view().editions
    if not _is_whole(visit) and not pc.any(pc.not_equal(editions["part"], "trial")).as_py():
        raise HTTPException(
            404, "what goes with trust is told of a team of at least 8 people, once figures of a whole period of it "
            "were published. The page Team says what is missing",
        )  # fmt: skip


def _worth_or_none(visit: Visit, kind: Kind) -> Worth:
    """What was found, or published.

    Raises: HTTPException 503 while it is being worked out, 404 where it was withheld.
    """
    _check_group(visit)
    if not _is_whole(visit):
        edition = find_edition(visit.keeper.view().editions, kind)
        if edition is None or edition.found is None:
            raise HTTPException(404, "of these there are too few accounts for a figure of a group")
        return edition.found
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
