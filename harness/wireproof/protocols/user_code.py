"""Calls into a protocol class, where what goes wrong is its author's to fix, and is said so."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

from wireproof.errors import ProtocolCodeError
from wireproof.protocols.oracle import MalformedReplyError, harmless

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
_NEVER_THE_BYTES = (NameError, ImportError, NotImplementedError, SyntaxError)


def call_user_code(
    function: Callable[Arguments, Value], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Value:
    """Call a protocol's method.

    Raises:
        ProtocolCodeError: it raised; the message has the file and line.
        MalformedReplyError: it says that the server's reply cannot be one.

    """
    try:
        return function(*args, **kwargs)
    except (MalformedReplyError, ProtocolCodeError):
        raise
    except Exception as error:
        at = _line_of(function, error)
        raise ProtocolCodeError(
            f"{_name(function)} raised {type(error).__name__}: {error}", f"fix it at {at}"
        ) from error


def call_on_reply(
    function: Callable[Arguments, Value], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Value:
    """Call a protocol's method on bytes of the server's: what it cannot take, they may be.

    `json.loads` of garbage raises, and that says more of the garbage than of who calls it.

    Raises:
        ProtocolCodeError: it raised what no bytes can be the cause of.
        MalformedReplyError: it raised anything else; the message has the file and line.

    """
    try:
        return function(*args, **kwargs)
    except (MalformedReplyError, ProtocolCodeError):
        raise
    except _NEVER_THE_BYTES as error:
        raise ProtocolCodeError(
            f"{_name(function)} raised {type(error).__name__}: {error}",
            f"fix it at {_line_of(function, error)}",
        ) from error
    except Exception as error:
        said = harmless(f"{type(error).__name__}: {error}")
        raise MalformedReplyError(
            f"{_name(function)} raised {said}, at {_line_of(function, error)}"
        ) from error


def takes_request(function: Callable[..., object]) -> bool:
    """Say whether a protocol's method has a second parameter `request`, and so is given it."""
    return _takes_request(getattr(function, "__func__", function))


@cache
def _takes_request(function: Callable[..., object]) -> bool:
    return "request" in inspect.signature(function).parameters


def code_error(function: Callable[..., object], did: str, instead: str) -> ProtocolCodeError:
    """Return the error that says what `function` did, what it is to do, and where it stands."""
    return ProtocolCodeError(f"{_name(function)} {did}", f"{instead}; fix it at {_where(function)}")


def _name(function: Callable[..., object]) -> str:
    owner = getattr(function, "__self__", None)
    if owner is not None:  # the class that was asked for, not the base that the method comes from
        return f"{type(owner).__name__}.{getattr(function, '__name__', function)}"
    return str(getattr(function, "__qualname__", repr(function)))


def line_of_import(error: Exception) -> str:
    """Return where a file went wrong while it was imported."""
    if isinstance(error, SyntaxError):
        return f"fix it at {error.filename}:{error.lineno}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"fix it at {frame.filename}:{frame.lineno}"


def _where(function: Callable[..., object]) -> str:
    if isinstance(function, type):
        try:
            return f"{inspect.getfile(function)}:{inspect.getsourcelines(function)[1]}"
        except (OSError, TypeError):
            return function.__qualname__
    plain: Any = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(plain, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _line_of(function: Callable[..., object], error: Exception) -> str:
    """Return the deepest line in the file of `function`, else the deepest of all."""
    frames = traceback.extract_tb(error.__traceback__)
    home = _where(function).rpartition(":")[0]
    own = [frame for frame in frames if frame.filename == home]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}"
