"""A model as a file or a setting: its constants, where they come from, and an id that no altered copy keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Final, cast

from troth.errors import SettingsError
from troth.trust.model import Model
from troth.trust.yardstick import Yardstick

_FORM: Final = 1
_WAY_OUT: Final = "Learn the constants anew (troth learn), or go back to the start values (troth learn --forget)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the constants of a model come from."""

    learned_on: date
    readings: int  # that they were learned from
    relationships: int
    held_out: int  # relationships that the decision rests on, none of them learned from
    gain: float  # log likelihood per held-out reading over the start values


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionedModel:
    """A model with its version and where it comes from."""

    model: Model
    provenance: Provenance

    @property
    def version(self) -> str:
        """The id of these constants."""
        return name_version(self.model)


def name_version(model: Model) -> str:
    """An id made of the constants alone: equal where they are equal to the last bit, on every machine."""
    plain = json.dumps(_spell_out(model), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def write_model(versioned: VersionedModel) -> dict[str, Any]:
    """The JSON form of a model, for a file or a setting; `read_model` takes it back."""
    origin = asdict(versioned.provenance) | {"learned_on": versioned.provenance.learned_on.isoformat()}
    return {"form": _FORM, "version": versioned.version, "origin": origin, "constants": _spell_out(versioned.model)}


def read_model(kept: object) -> VersionedModel:
    """The model that `write_model` made this of.

    Raises: SettingsError when it is of another form, was altered, or holds constants that cannot be.
    """
    if not isinstance(kept, Mapping) or set(cast("Mapping[str, Any]", kept)) != {
        "form",
        "version",
        "origin",
        "constants",
    }:
        raise SettingsError(f"these are no learned constants. {_WAY_OUT}")
    whole = cast("Mapping[str, Any]", kept)
    if whole["form"] != _FORM:
        raise SettingsError(
            f"these constants have form {whole['form']!r}, and this troth reads form {_FORM}. {_WAY_OUT}"
        )
    try:
        origin: dict[str, Any] = dict(whole["origin"])
        origin["learned_on"] = date.fromisoformat(origin["learned_on"])
        provenance = Provenance(**origin)
        model = _take_in(whole["constants"])
    except SettingsError as error:
        raise SettingsError(f"the learned constants cannot be: {error} {_WAY_OUT}") from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(f"the learned constants cannot be read: {error}. {_WAY_OUT}") from error
    if name_version(model) != whole["version"]:
        raise SettingsError(f"the learned constants were altered: their version is not theirs. {_WAY_OUT}")
    return VersionedModel(model=model, provenance=provenance)


def _spell_out(model: Model) -> dict[str, Any]:
    spelled = {field.name: getattr(model, field.name) for field in fields(model)}
    return spelled | {
        "correlations": dict(model.correlations),
        "means": dict(model.means),
        "segment_means": {segment: dict(means) for segment, means in model.segment_means.items()},
        "yardsticks": [asdict(stick) for stick in model.yardsticks],
    }


def _take_in(constants: Mapping[str, Any]) -> Model:
    names = {field.name for field in fields(Model)}
    if set(constants) != names:
        raise SettingsError(f"they name {sorted(set(constants) ^ names)} too many or too few.")
    whole: dict[str, Any] = dict(constants)
    whole["correlations"] = {gauge: tuple(map(tuple, rows)) for gauge, rows in whole["correlations"].items()}
    whole["yardsticks"] = tuple(_take_in_yardstick(stick) for stick in whole["yardsticks"])
    return Model(**whole)


def _take_in_yardstick(stick: Mapping[str, Any]) -> Yardstick:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stick.items()}
    return Yardstick(**plain)
