"""What `[team]` and `[digest]` of troth.toml may say: who signs in, by whom, and whom the close is mailed to.

No secret stands there: the client's secret and the mail account's password come from the environment or the keyring.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from troth.people import FREE_MAIL
from troth.told import LANGUAGES

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Team(BaseModel):
    """A team that shares a book: everybody signs in at the firm's identity provider (OpenID Connect)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="Address of the identity provider, as its own configuration names it.")
    client_id: str = Field(min_length=1, description="What the provider calls this troth.")
    address: str = Field(description="Address by which browsers reach this troth, as https://troth.firm.com.")
    domains: tuple[str, ...] = Field(default=(), description="Mail domains whose people are members.")
    members: dict[str, Literal["owner", "analyst", "member"]] = Field(
        default={}, description="Mail address to role; somebody of `domains` who is not here is a member."
    )
    hosts: tuple[str, ...] = Field(default=(), description="Further names by which browsers may call this troth.")
    certificate: Path | None = Field(default=None, description="PEM file with the certificate, where TLS ends here.")
    key: Path | None = Field(default=None, description="PEM file with its key.")
    behind_proxy: bool = Field(default=False, description="TLS ends at a proxy before this troth.")
    period: Literal["month", "week"] = Field(default="month", description="What figures of the team are about.")

    @field_validator("issuer", "address")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        address = given.rstrip("/")
        parts = urlsplit(address)
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError(f"{given!r} is no web address")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError(f"{given!r} must begin with https://")
        return address

    @field_validator("address")
    @classmethod
    def _has_no_path(cls, address: str) -> str:
        if urlsplit(address).path:
            raise ValueError(f"{address!r} must be a name of its own, without a path")
        return address

    @field_validator("domains")
    @classmethod
    def _are_ones_own(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        stated = tuple(domain.strip().lower().removeprefix("@") for domain in domains)
        for domain in stated:
            if domain in FREE_MAIL or "." not in domain or "@" in domain:
                raise ValueError(f"{domain!r} is not the mail domain of one firm")
        return stated

    @field_validator("members")
    @classmethod
    def _are_addresses(
        cls, members: dict[str, Literal["owner", "analyst", "member"]]
    ) -> dict[str, Literal["owner", "analyst", "member"]]:
        for address in members:
            if not address.isascii() or address.count("@") != 1 or address.split() != [address]:
                raise ValueError(f"{address!r} is no mail address")
        return {address.lower(): role for address, role in members.items()}

    @model_validator(mode="after")
    def _can_be_served(self) -> Team:
        if not self.members and not self.domains:
            raise ValueError("name members, or the mail domains of those who are")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.is_https and (self.certificate is None) == (not self.behind_proxy):
            raise ValueError("give certificate and key, or say behind_proxy = true where a proxy ends TLS")
        return self

    @property
    def is_https(self) -> bool:
        """Whether browsers reach us over TLS; only a trial on one machine does without."""
        return self.address.startswith("https://")

    @property
    def names(self) -> tuple[str, ...]:
        """Every host name by which browsers may call."""
        return (urlsplit(self.address).hostname or "", *self.hosts)

    def role_of(self, address: str) -> str | None:
        """What somebody with this mail address is; None where they do not belong to the team."""
        if address in self.members:
            return self.members[address]
        return "member" if address.rpartition("@")[2] in self.domains else None


class Digest(BaseModel):
    """How the day's close goes out by mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smtp: str = Field(description="The mail server: smtps://user@mail.firm.com, or smtp:// with STARTTLS.")
    sender: str = Field(description="The address it comes from.")
    to: tuple[str, ...] = Field(default=(), description="Whom it goes to; each gets their own close alone.")
    ca: Path | None = Field(default=None, description="PEM file of an authority of one's own that signed the server.")
    language: str = Field(default="en", description="What it is written in: en or de.")
    languages: dict[str, str] = Field(default={}, description="Mail address to language, for whoever wants another.")

    @field_validator("smtp")
    @classmethod
    def _is_a_server(cls, given: str) -> str:
        parts = urlsplit(given)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"{given!r} is no mail server; write it like smtps://user@mail.firm.com")
        if parts.password is not None:
            raise ValueError("leave the password out; it comes from TROTH_SMTP_PASSWORD or the keyring")
        return given

    @field_validator("language", "languages")
    @classmethod
    def _are_spoken(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        for language in [given] if isinstance(given, str) else given.values():
            if language not in LANGUAGES:
                raise ValueError(f"{language!r} is no language of a close; there are {', '.join(LANGUAGES)}")
        return given if isinstance(given, str) else {check_address(who).lower(): told for who, told in given.items()}

    def language_of(self, person: str) -> str:
        """The language that somebody's close is written in."""
        return self.languages.get(person, self.language)

    @field_validator("sender", "to")
    @classmethod
    def _are_addresses(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in [given] if isinstance(given, str) else given:
            check_address(address)
        return given.lower() if isinstance(given, str) else tuple(address.lower() for address in given)


def check_address(address: str) -> str:
    """A plain mail address, with nothing that a header or a mail server reads as more than that.

    Raises: ValueError.
    """
    local, _, domain = address.rpartition("@")
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+-/=?^_`{|}~")
    if not local or not domain or not set(local) <= allowed or not set(domain) <= allowed or len(address) > 254:
        raise ValueError(f"{address!r} is no mail address")
    return address
