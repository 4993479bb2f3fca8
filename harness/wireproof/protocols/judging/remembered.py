"""Judgements that are kept: the same bytes are the same again, and needn't be parsed anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

MOST_REMEMBERED = 1024
LONGEST_REMEMBERED_BYTES = 2048

_Rest = ParamSpec("_Rest")
_Result = TypeVar("_Result")


def remembered(
    function: Callable[Concatenate[bytes, _Rest], _Result],
) -> Callable[Concatenate[bytes, _Rest], _Result]:
    """Return `function`, which depends on its arguments alone, with a memory of short messages.

    What it raises is not kept. Of long messages none is, so that a peer can fill no memory.
    """
    kept: Any = lru_cache(maxsize=MOST_REMEMBERED)(function)

    @wraps(function)
    def asked(message: bytes, /, *args: _Rest.args, **kwargs: _Rest.kwargs) -> _Result:
        judge = kept if len(message) <= LONGEST_REMEMBERED_BYTES else function
        result: _Result = judge(message, *args, **kwargs)
        return result

    return asked
