"""The pages, one module for each; a new one gets its router a place here."""

from typing import Final

from fastapi import APIRouter

from troth.web import storing
from troth.web.api import API_ROUTERS
from troth.web.pages import doors, promises, questions, relationships, today

ROUTERS: Final[tuple[APIRouter, ...]] = (
    doors.router, today.router, relationships.router, promises.router, questions.router,
    *API_ROUTERS, storing.router,
)  # fmt: skip
