"""Known failures. Each has a reason; a stale one fails, and so does another way of failing.

The file is TOML:

    [[known]]
    id = "SEG-SINGLE"
    reason = "ticket 4711, fixed in 2.4"
    message = "wrong reply"          # optional: must be part of what is found
"""

import tomllib
from collections.abc import Collection
from pathlib import Path

import msgspec

from wireproof.errors import UsageError
from wireproof.files import read_limited
from wireproof.results import CheckResult, RequirementResult, Verdict

MAX_FILE_BYTES = 1024 * 1024


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known failure.

    Attributes:
        id: the requirement that is not kept.
        reason: why that is borne for now.
        message: a part of the message that is expected; empty for any.

    """

    id: str
    reason: str
    message: str = ""


def read_baseline(path: Path, catalogue: Collection[str]) -> dict[str, Known]:
    """Read a baseline file.

    Args:
        path: of the file.
        catalogue: the IDs that there are; an entry for another would excuse nothing for ever.

    Raises:
        UsageError: there is none, it is no baseline, or an entry has no reason or no requirement.

    """
    text = read_limited(path, MAX_FILE_BYTES, "baseline")
    try:
        parsed = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not a baseline: {error}") from None
    entries = parsed.pop("known", [])
    if parsed or not isinstance(entries, list):
        raise UsageError(f"{path} is not a baseline", "write [[known]] tables with id and reason")
    found: dict[str, Known] = {}
    for entry in entries:
        try:
            known = msgspec.convert(entry, Known)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"{path}: {error}", 'each [[known]] needs id = "…" and reason = "…"'
            ) from None
        if not known.reason.strip():
            raise UsageError(f"{path}: {known.id} has no reason")
        if known.id not in catalogue:
            raise UsageError(
                f"{path}: there is no requirement {known.id!r}", "wireproof rules lists them"
            )
        if known.id in found:
            raise UsageError(f"{path}: {known.id} stands there twice", "give it one reason")
        found[known.id] = known
    return found


def apply_baseline(result: CheckResult, known: dict[str, Known]) -> CheckResult:
    """Excuse what is known, and fail what is stale.

    Returns:
        The result, in which a known failure is NON-STRICT and says why, and a known failure that
        passes is FAIL, because the baseline is no longer true.

    """
    lines = [_judge(line, known.get(line.id)) for line in result.requirements]
    return msgspec.structs.replace(result, requirements=lines)


def _judge(line: RequirementResult, known: Known | None) -> RequirementResult:
    if known is None:
        return line
    if line.verdict is Verdict.PASS:
        return msgspec.structs.replace(
            line,
            verdict=Verdict.FAIL,
            message=f"passes, yet the baseline excuses it ({known.reason}): take the entry out",
        )
    if not line.verdict.is_finding:
        return line
    if known.message not in line.message:
        return msgspec.structs.replace(
            line, message=f"{line.message}; the baseline knows it as {known.message!r}"
        )
    return msgspec.structs.replace(
        line, verdict=Verdict.NON_STRICT, message=f"{line.message}; known: {known.reason}"
    )
