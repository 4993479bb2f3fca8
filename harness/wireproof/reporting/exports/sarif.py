"""SARIF 2.1.0 (OASIS), as GitHub's code scanning and editors read it: a result for each cause.

What a server does has no line of code. A result lies in the protocol's own file where there is one,
which is the file of the user's that says what is right.
"""

import json
from typing import Any

from wireproof.reporting.digest import Story, stories
from wireproof.reporting.text import escaped
from wireproof.results import CheckResult, RequirementResult, Results, Verdict

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Verdict.FAIL: "error",
    Verdict.FLAKY: "error",
    Verdict.ERROR: "warning",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.NON_STRICT: "note",
}


def sarif(results: Results) -> bytes:
    """Return the log as JSON text, UTF-8."""
    told = stories(results.check) if results.check else []
    rules = {line.id: line for story in told for line in story.lines[:1]}
    driver = {
        "name": "Wireproof",
        "semanticVersion": results.environment.versions.get("wireproof", "0"),
        "rules": [_rule(line) for line in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"wireproof/{escaped(results.target)}/"},
        "results": [_result(story, results, results.check) for story in told if results.check],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1).encode() + b"\n"


def _rule(line: RequirementResult) -> dict[str, Any]:
    return {
        "id": escaped(line.id),
        "shortDescription": {"text": escaped(line.title) or escaped(line.id)},
        "fullDescription": {"text": f"{line.level.value}: {escaped(line.source)}"},
        "defaultConfiguration": {"level": "error"},
    }


def _result(story: Story, results: Results, check: CheckResult) -> dict[str, Any]:
    line = story.lines[0]
    text = f"{results.target}: {story.message or line.title}"
    if line.expected or line.actual:
        text += f"\nexpected: {line.expected}\nactual: {line.actual}"
    if len(story.lines) > 1:
        text += f"\nalso not kept: {', '.join(one.id for one in story.lines[1:])}"
    cause = story.cause.id if story.cause else line.id
    return {
        "ruleId": escaped(line.id),
        "level": _LEVELS.get(story.verdict, "note"),
        "message": {"text": escaped(text, keep_newlines=True)},
        "locations": [{"physicalLocation": _location(check.protocol)}],
        "partialFingerprints": {"wireproof/v1": escaped(f"{check.protocol} {line.id} {cause}")},
    }


def _location(protocol: str) -> dict[str, Any]:
    file, _, _ = protocol.partition(":")
    relative = file.endswith(".py") and not file.startswith(("/", "."))
    uri = escaped(file) if relative else "wireproof.toml"
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
