"""The pages, one module for each; a new one gets its router a place here."""

from typing import Final

from fastapi import APIRouter

from troth.web import storing
from troth.web.api import API_ROUTERS
from troth.web.pages import (
    account,
    answer,
    bring,
    check,
    doors,
    promises,
    questions,
    relationship,
    relationships,
    settings,
    surveys,
    team,
    today,
    touchpoints,
    validity,
    worth,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    doors.router, account.router, today.router, relationships.router, relationship.router,
    promises.router, questions.router,
    bring.router, *API_ROUTERS, storing.router, touchpoints.router,
    team.router, surveys.router, answer.router, check.router, validity.router, worth.router, settings.router,
)  # fmt: skip
