"""The JSON API under /api/v1, one module for each resource."""

from typing import Final

from fastapi import APIRouter

from troth.web.api import check, close, description, findings, health, promises, questions, relationships, tables, turns

API_ROUTERS: Final[tuple[APIRouter, ...]] = (
    turns.router, findings.router, relationships.router, promises.router, questions.router, close.router, check.router,
    tables.router, health.router, description.router, description.page_router,
)  # fmt: skip
