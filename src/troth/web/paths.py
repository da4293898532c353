"""Names and ids of strangers in a path: whatever they hold, a slash and a line break too."""

from __future__ import annotations

from starlette.convertors import Convertor


class Whole(Convertor[str]):
    """All that stands there. Starlette's own `path` ends at a line break."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """As it came."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value
