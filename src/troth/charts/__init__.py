"""One Altair chart per question, for notebooks, reports and pictures. Needs the extra `charts`; loaded when drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from troth.charts.ledger import draw_ledger
    from troth.charts.look import Chart, Theme, take_spec
    from troth.charts.path import draw_path
    from troth.charts.reciprocity import draw_influence, draw_reciprocity
    from troth.charts.saving import save_chart
    from troth.charts.touchpoints import draw_touchpoints
    from troth.charts.trial import draw_suggestions, draw_trial
    from troth.charts.worth import draw_forest, draw_freeze, draw_incidence

__all__ = [
    "Chart",
    "Theme",
    "draw_forest",
    "draw_freeze",
    "draw_incidence",
    "draw_influence",
    "draw_ledger",
    "draw_path",
    "draw_reciprocity",
    "draw_suggestions",
    "draw_touchpoints",
    "draw_trial",
    "save_chart",
    "take_spec",
]

_HOMES = {
    "take_spec": "look",
    "Chart": "look", "Theme": "look", "draw_ledger": "ledger", "draw_path": "path", "draw_touchpoints": "touchpoints",
    "save_chart": "saving", "draw_forest": "worth", "draw_freeze": "worth", "draw_incidence": "worth",
    "draw_influence": "reciprocity", "draw_reciprocity": "reciprocity", "draw_suggestions": "trial",
    "draw_trial": "trial",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"troth.charts.{_HOMES[name]}"), name)
