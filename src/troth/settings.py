"""What a user may state in `troth.toml`: who we are, circles, accounts, calendar. Everything has a working default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from troth.errors import SettingsError
from troth.lenses import Lens, make_lens
from troth.people import Circles, Us, read_us, write_name
from troth.promises.calendar import Calendar, read_closed
from troth.sources.mapped import OwnSource
from troth.teaming import Digest, Team


class OwnPillar(BaseModel):
    """One line of a lens of one's own: a sum of facets such as "FT + CO" or "-OR", and how it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sum: str
    plain: str = ""

    @model_validator(mode="before")
    @classmethod
    def _sum_alone(cls, given: Any) -> Any:
        return {"sum": given} if isinstance(given, str) else given


class OwnLens(BaseModel):
    """A lens of one's own: pillars that are sums of facets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plain: str = ""
    pillars: dict[str, OwnPillar]

    @model_validator(mode="after")
    def _pillars_can_be(self) -> OwnLens:
        self.make("own")
        return self

    def make(self, name: str) -> Lens:
        """The lens as it is used.

        Raises: SettingsError saying which pillar cannot be.
        """
        return make_lens(name, self.plain, {key: (pillar.plain, pillar.sum) for key, pillar in self.pillars.items()})


class Watch(BaseModel):
    """When a change is named. Conventions, chosen by nobody's data: change them as you see fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(default=28, ge=1, le=3650, description="Days back that a trend looks.")
    name_from: float = Field(default=0.8, ge=0.5, lt=1, description="Probability from which a trend gets an arrow.")
    shown_rose_from: float = Field(
        default=0.8, ge=0.5, lt=1, description="SHOWN counts as risen from this probability."
    )
    held_rose_below: float = Field(
        default=0.5, gt=0, le=0.8, description="HELD counts as not risen under this probability."
    )


class TouchRule(BaseModel):
    """Which turns belong to a stage: those that fit every condition given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Literal["marketing", "sales", "onboarding", "service", "billing"]
    channel: str | None = None
    source: str | None = None
    address: str | None = None
    subject: str | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> TouchRule:
        if not any((self.channel, self.source, self.address, self.subject)):
            raise ValueError("give a channel, source, address or subject that the rule is for")
        return self


class Settings(BaseModel):
    """Settings of one firm or one person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    us: tuple[str, ...] = Field(default=(), description="Our addresses and domains; guessed if absent.")
    customers: tuple[str, ...] = Field(default=(), description="Addresses or domains that are customers.")
    colleagues: tuple[str, ...] = Field(default=(), description="Addresses or domains that are colleagues.")
    friends: tuple[str, ...] = Field(default=(), description="Addresses or domains that are friends.")
    accounts: dict[str, str] = Field(default={}, description="Address or domain to the name of its account.")
    people: dict[str, tuple[str, ...]] = Field(default={}, description="A person's name to addresses, handles, phones.")
    account_table: Path | None = Field(default=None, description="CSV file: address or domain, account, circle, owner.")
    zone: str = Field(default="UTC", description="Zone whose midnight closes the books, as Europe/Berlin.")
    country: str | None = Field(default=None, description="Country of public holidays, ISO 3166, for instance DE.")
    dates: Literal["dmy", "mdy"] = Field(default="dmy", description="How 3/4 is read: day first or month first.")
    closed: tuple[str, ...] = Field(default=(), description="Own closing days: 2026-12-24, 12-31 or 12-24..12-31.")

    source: tuple[OwnSource, ...] = Field(default=(), description="Sources of one's own: columns of files or queries.")
    lens: dict[str, OwnLens] = Field(default={}, description="Lenses of one's own: pillars as sums of facets.")
    touchpoints: tuple[TouchRule, ...] = Field(
        default=(), description="Which turns belong to which stage; the first rule that fits counts."
    )
    team: Team | None = Field(default=None, description="A team that shares the book, and how it signs in.")
    digest: Digest | None = Field(default=None, description="How the day's close goes out by mail.")
    largest_upload: int = Field(default=5_000_000_000, ge=1, description="Bytes that the page takes in one upload.")
    trend: Watch = Field(default=Watch(), description="How far back a trend looks, and from when it is named.")

    @field_validator("lens")
    @classmethod
    def _lenses_can_be(cls, lens: dict[str, OwnLens]) -> dict[str, OwnLens]:
        for name, own in lens.items():
            own.make(name)
        return lens

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {zone!r}; write it like Europe/Berlin") from error
        return zone

    @field_validator("closed")
    @classmethod
    def _closed_are_days(cls, closed: tuple[str, ...]) -> tuple[str, ...]:
        try:
            read_closed(closed)
        except SettingsError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return closed

    def calendar(self) -> Calendar:
        """When the firm works: zone, public holidays, own closing days, how dates are written."""
        days, yearly = read_closed(self.closed)
        return Calendar(
            zone=self.zone, country=self.country, order=self.dates, closing_days=days, closing_yearly=yearly
        )

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

    def named_people(self) -> dict[str, tuple[str, ...]]:
        """The names that each stated person has, written as turns carry them."""
        return {who: tuple(write_name(name) for name in names) for who, names in self.people.items()}

    def lenses(self) -> dict[str, Lens]:
        """Lenses of one's own, by name."""
        return {name: own.make(name) for name, own in self.lens.items()}

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
        reason = str(first.get("ctx", {}).get("error", first["msg"])).rstrip(".")
        known = f" Settings are: {', '.join(Settings.model_fields)}." if len(first["loc"]) == 1 else ""
        raise SettingsError(f"{where}: {name}: {reason}.{known}") from error


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
    if isinstance(table := values.get("account_table"), str):
        values["account_table"] = chosen.parent / table  # named from where the settings lie
    return parse_settings(values, str(chosen))
