"""The parts of a served book, put together for one user on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troth import __version__
from troth.desk import clock
from troth.encoder import encoder_id
from troth.library import Book
from troth.web.app import Serving
from troth.web.keeper import Keeper
from troth.web.rendering import Pages
from troth.web.sessions import DoorKeys, MemorySessions

if TYPE_CHECKING:
    from troth.book import Store
    from troth.settings import Settings


def make_serving(store: Store, settings: Settings) -> Serving:
    """Serve a store to its one user. The first view is begun at once; `serving.keeper.close` hands the store back."""
    keeper = Keeper(store, settings, open_book=Book)
    keeper.renew()
    return Serving(
        keeper=keeper,
        pages=Pages(zone=settings.zone, foot=f"troth {__version__}, {encoder_id()}"),
        sessions=MemorySessions(clock),
        keys=DoorKeys(),
    )
