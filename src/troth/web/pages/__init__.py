"""The pages, one module for each; a new one gets its router a place here."""

from typing import Final

from fastapi import APIRouter

from troth.web.pages import doors, promises, questions, today

ROUTERS: Final[tuple[APIRouter, ...]] = (doors.router, today.router, promises.router, questions.router)
