"""Results as text and back: frozen dataclasses of ours with what they hold, for what is shown later just as it was.

Every value comes back equal, an Arrow table as an empty one: tables hold rows of single turns, and what is kept is
figures. A result of a version whose classes had other fields does not come back; that is said, and nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa

from troth.errors import InputError

_OURS: Final = "troth."


def freeze(value: object) -> str:
    """A result as text.

    Raises: TypeError where it holds what is no figure, word, time or dataclass of ours.
    """
    return json.dumps(_pack(value), ensure_ascii=False, separators=(",", ":"))


def thaw(text: str) -> Any:
    """The result that `freeze` made a text of.

    Raises: InputError where it was made by another version.
    """
    try:
        return _unpack(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise InputError("this was published by another version of troth, which this one cannot show.") from error


def _pack(value: object) -> object:
    if value is None or isinstance(value, (bool, str, int, float)):
        return value
    for kind, pack in _PACK.items():
        if isinstance(value, kind):
            return pack(value)
    kind = type(value)
    if not (is_dataclass(value) and kind.__module__.startswith(_OURS)):
        raise TypeError(f"{kind.__name__} is no part of a result")
    held = {each.name: _pack(getattr(value, each.name)) for each in fields(value) if each.init}
    return {"of": f"{kind.__module__}:{kind.__qualname__}", "held": held}


def _unpack(kept: Any) -> Any:
    if not isinstance(kept, dict):
        return kept
    kind = next(iter(cast("dict[str, Any]", kept)))
    return _BACK[kind](kept)


def _unpack_ours(kept: Mapping[str, Any]) -> Any:
    module, _, name = kept["of"].partition(":")
    if not module.startswith(_OURS):
        raise ValueError(module)
    made = getattr(import_module(module), name)
    if not is_dataclass(made) or not isinstance(made, type):
        raise TypeError(name)
    return made(**{field: _unpack(each) for field, each in kept["held"].items()})


_PACK: Final[Mapping[type, Callable[[Any], object]]] = {
    np.generic: lambda value: value.item(),
    dt.datetime: lambda value: {"time": value.isoformat()},
    np.ndarray: lambda value: {"array": value.tolist(), "dtype": value.dtype.str},
    tuple: lambda value: {"tuple": list(map(_pack, value))},
    list: lambda value: {"list": list(map(_pack, value))},
    Mapping: lambda value: {"map": [[_pack(key), _pack(each)] for key, each in value.items()]},
    pa.Table: lambda _: {"table": None},
}
_BACK: Final[Mapping[str, Callable[[Any], Any]]] = {
    "time": lambda kept: dt.datetime.fromisoformat(kept["time"]),
    "array": lambda kept: np.array(kept["array"], np.dtype(kept["dtype"])),
    "tuple": lambda kept: tuple(map(_unpack, kept["tuple"])),
    "list": lambda kept: list(map(_unpack, kept["list"])),
    "map": lambda kept: {_unpack(key): _unpack(each) for key, each in kept["map"]},
    "table": lambda _: pa.table({}),
    "of": _unpack_ours,
}
