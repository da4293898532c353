"""What a user may state in `troth.toml`: who we are, circles, accounts, calendar. Everything has a working default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from troth.errors import SettingsError
from troth.people import Circles, Us, read_us


class Settings(BaseModel):
    """Settings of one firm or one person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    us: tuple[str, ...] = Field(default=(), description="Our addresses and domains; guessed if absent.")
    customers: tuple[str, ...] = Field(default=(), description="Addresses or domains that are customers.")
    colleagues: tuple[str, ...] = Field(default=(), description="Addresses or domains that are colleagues.")
    friends: tuple[str, ...] = Field(default=(), description="Addresses or domains that are friends.")
    accounts: dict[str, str] = Field(default={}, description="Address or domain to the name of its account.")
    zone: str = Field(default="UTC", description="Zone whose midnight closes the books, as Europe/Berlin.")
    country: str | None = Field(default=None, description="Country of public holidays, ISO 3166, for instance DE.")
    dates: Literal["dmy", "mdy"] = Field(default="dmy", description="How 3/4 is read: day first or month first.")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {zone!r}; write it like Europe/Berlin") from error
        return zone

    def our_side(self) -> Us | None:
        """Who we are, or None where nothing is stated."""
        return read_us(self.us) if self.us else None

    def circles(self) -> Circles:
        """Stated circles and accounts."""
        stated = {
            who.lower().removeprefix("@"): circle
            for circle, members in (
                ("customer", self.customers),
                ("colleague", self.colleagues),
                ("friend", self.friends),
            )
            for who in members
        }
        return Circles(stated=stated, accounts={who.lower(): name for who, name in self.accounts.items()})

    def having(self, **stated: Any) -> Settings:
        """These settings with what is not None replaced.

        Raises: SettingsError when a value cannot be.
        """
        given = {name: value for name, value in stated.items() if value is not None}
        return parse_settings(self.model_dump() | given, "option")


def parse_settings(values: dict[str, Any], where: str) -> Settings:
    """Check values; `where` names the file or option in the error."""
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Settings.model_fields)
        raise SettingsError(f"{where}: {name}: {first['msg']}. Settings are: {known}.") from error


def load_settings(path: Path | None = None) -> Settings:
    """Read `troth.toml`; without a path, the one in the current folder, or defaults where there is none.

    Raises: SettingsError naming the file, the line or setting, and what was expected.
    """
    chosen = path or Path("troth.toml")
    if path is None and not chosen.is_file():
        return Settings()
    try:
        values = tomllib.loads(chosen.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{chosen}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: is not TOML: {error}.") from error
    return parse_settings(values, str(chosen))
