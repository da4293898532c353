"""Whether the page answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from troth.web.api.rim import make_router
from troth.web.visit import Nothing

router = make_router("health")


class Health(BaseModel):
    """How the served book does."""

    status: Literal["ok"] = "ok"
    ready: bool = Field(description="Whether there is a view to show; false in the first moments.")
    behind: bool = Field(description="Whether something changed whose figures are still being worked out.")


@router.get("/health")
def show_health(visit: Nothing) -> Health:
    """Whether the page answers, and with figures of now. Needs no token."""
    return Health(ready=visit.keeper.is_ready, behind=visit.keeper.is_behind)
