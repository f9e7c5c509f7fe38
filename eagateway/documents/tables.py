"""The generated parts of the documents: frame tables, problem and close codes, state diagrams, AsyncAPI.

What a field means is text, not code: docs/schemas/meanings.toml says it, and everything else comes from the types.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from backoffice.manage import urls as manage
from backoffice.manage.door import scope_for
from backoffice.policy import ACTS, ROLES, ROUTES, Managing, Members, StaffGroup, may_as, permissions_of
from backoffice.tenants import urls as tenants
from eagateway.documents import asyncapi
from eagateway.documents.frame_types import ENVELOPE, schema_document
from eagateway.protocol import FRAME_TYPES
from orders.domain.decision.setting_table import Help, Setting
from orders.domain.decision.settings import SETTINGS
from orders.domain.states import commands, copies, differences, fill_waits
from orders.domain.states.denials import SENTENCES
from orders.domain.states.reasons import (
    CLOSE_CAUSES,
    COMMAND_REASONS,
    DIFFERENCE_REASONS,
    REPORT_FLAGS,
    WAIT_CODES,
    WAIT_REASONS,
)
from sessions_app.domain.alerts import ALERTS
from sessions_app.domain.configuration import CHAIN
from sessions_app.domain.decimals import plain
from sessions_app.domain.frames.payloads import RetryPolicy
from sessions_app.domain.lifecycle import (
    CLOSE_PROBLEMS,
    GRANT_MOVES,
    KEY_MOVES,
    SESSION_MOVES,
    SESSION_REASONS,
    CloseCode,
    Reason,
    close_code,
)
from sessions_app.domain.mailing import MESSAGE_MOVES
from sessions_app.domain.problems import BY_ITSELF, PROBLEMS, Problem, Scope

_MEANINGS: Final = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "meanings.toml"
_HUGE: Final = 2**31
_CLOSE_MEANINGS: Final = {
    "SERVICE_RESTART": ("the gateway stops; ShutdownNotice first", "kept", "resumes, with jitter"),
    "TRY_LATER": ("a part of the gateway is away", "kept", "resumes after the time told"),
    "PROTOCOL_ERROR": ("malformed beyond the budget, sequence conflict", "closed", "after 60 s, three times at most"),
    "TOKEN_INVALID": ("unknown or rotated token; no valid Hello in time", "-", "opens a new session"),
    "KEY_REFUSED": ("key rejected or revoked, account suspended", "ended", "stops, and shows it"),
    "VERSION_UNSUPPORTED": ("no common protocol version", "-", "stops, and shows it"),
    "HEARTBEAT_TIMEOUT": (
        "no StatusHeartbeat in time; ShutdownNotice first",
        "closed",
        "new session, keeps its outbox",
    ),
    "PREEMPTED": ("a newer authorised session of this account", "closed", "stops, and shows it"),
    "SESSION_CLOSED": ("the session has ended", "closed", "opens a new session"),
    "SUPERSEDED": ("a newer socket of the same session", "kept", "nothing: the newer one goes on"),
    "FLOOD": ("over a bound, or a slow reader", "kept", "resumes, with back-off"),
}


_POLICIES: Final = {
    RetryPolicy.NEVER: "never sends this again; a new frame or request may be right",
    RetryPolicy.SAME_FRAME_AFTER: "sends the same frame (same `id`, same `seq`, and all behind it) or request again "
    "after `after_seconds`; in HTTP `Retry-After`",
    RetryPolicy.NEW_SESSION_AFTER: "opens a new session after `after_seconds`; what was not acknowledged goes there, "
    "with its old ids and new numbers",
    RetryPolicy.AFTER_PROMOTION: "waits for SessionState `authenticated`",
    RetryPolicy.AFTER_OPERATOR: "stops, and shows it: a person must act first",
}
# By which a session ends.
_ENDS: Final = frozenset(
    {
        Reason.PREEMPTED,
        Reason.HEARTBEAT_TIMEOUT,
        Reason.SHUTDOWN_BY_EA,
        Reason.KEY_REVOKED,
        Reason.KEY_REJECTED,
        Reason.ACCOUNT_SUSPENDED,
        Reason.PROTOCOL_ERROR,
        Reason.CLOSED_BY_OPERATOR,
        Reason.PENDING_LAPSED,
    }
)


@cache
def meanings() -> Mapping[str, Mapping[str, str]]:
    """What each field means, by object and field."""
    return tomllib.loads(_MEANINGS.read_text(encoding="utf-8"))


def sections() -> dict[str, str]:
    """Generated Markdown by the name of its marker."""
    return {
        "frames": _frames(),
        "fields": _fields(),
        "envelope": _field_table(ENVELOPE, schema_document()["$defs"][ENVELOPE]),
        "problems": _problems(item for item in PROBLEMS.values() if item.scope is not Scope.HTTP),
        "http-problems": _problems(item for item in PROBLEMS.values() if item.scope is Scope.HTTP),
        "retry-policies": _policies(),
        "close-codes": _close_codes(),
        "denials": _table(("code", "meaning"), [(f"`{code}`", text) for code, text in SENTENCES.items()]),
        "sessions": _diagram(SESSION_MOVES),
        "keys": _diagram(KEY_MOVES),
        "grants": _diagram(GRANT_MOVES),
        "messages": _diagram(MESSAGE_MOVES),
        "commands": _diagram(commands.MOVES),
        "copies": _diagram(copies.MOVES),
        "differences": _diagram(differences.MOVES),
        "fill-waits": _diagram(fill_waits.MOVES),
        "command-reasons": _sentences("reason", COMMAND_REASONS),
        "report-flags": _sentences("flag", REPORT_FLAGS),
        "close-causes": _sentences("cause", CLOSE_CAUSES),
        "difference-reasons": _sentences("reason", DIFFERENCE_REASONS),
        "wait-codes": _sentences("code", WAIT_CODES),
        "wait-reasons": _sentences("reason", WAIT_REASONS),
        "reasons": _reasons(),
        "reports": _reports(),
        "settings": settings_table(SETTINGS.rows),
        "configuration": _configuration(),
        "staff-groups": _staff_groups(),
        "tenant-pages": _tenant_pages(),
        "management-routes": _management_routes(),
        "alerts": _table(
            ("code", "severity", "meaning"), [(f"`{c}`", level, text) for c, (level, text) in ALERTS.items()]
        ),
    }


def fill(text: str) -> str:
    """`text` with every `<!-- generated:NAME -->` ... `<!-- /generated -->` part made anew.

    :raises KeyError: a marker names no section
    """
    found = sections()

    def part(match: "re.Match[str]") -> str:
        return f"<!-- generated:{match[1]} -->\n{found[match[1]]}\n<!-- /generated -->"

    return re.sub(r"<!-- generated:([a-z-]+) -->.*?<!-- /generated -->", part, text, flags=re.DOTALL)


def documents(root: Path) -> dict[Path, str]:
    """Every generated document with the text that it should have."""
    names = ("protocol.md", "states.md", "operations.md", "errors.md", "pages.md", "management.md")
    marked = [root / "docs" / name for name in names]
    filled = {path: fill(path.read_text()) for path in marked}
    return filled | {root / "docs" / "asyncapi.yaml": asyncapi.render()}


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _frames() -> str:
    rows = [
        (f"`{name}`", kind.sender, "yes" if kind.durable else "", kind.in_pending, kind.summary)
        for name, kind in FRAME_TYPES.items()
    ]
    return _table(("type", "from", "numbered", "while pending", "what"), rows)


def _staff_groups() -> str:
    """Each act with the groups that may do it."""
    rows = [
        (f"`{name}`", *("yes" if name in permissions_of(group) else "" for group in StaffGroup))
        for name in sorted(ACTS, key=lambda name: (list(StaffGroup).index(ACTS[name]), name))
    ]
    reads = ("`... view_...` of every table", *("yes" for _ in StaffGroup))
    return _table(("permission", *(group.value for group in StaffGroup)), [reads, *rows])


def _configuration() -> str:
    """The chain: each setting with its variable, default and bounds."""
    rows = [
        (row.name.replace("_", " "), f"`{row.variable}`", _word(row.default), row.kind.words, row.help) for row in CHAIN
    ]
    return _table(("setting", "variable of the deployment", "default", "takes", "what it does"), rows)


def _word(value: int | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _tenant_pages() -> str:
    """Each page of tenants with the roles that open it."""
    rows = [
        (f"`{_address(name)}`", row.title, *("yes" if may_as(role, row.door.least) else "" for role in ROLES))
        for name, row in ROUTES.items()
        if isinstance(row.door, Members)
    ]
    return _table(("page", "title", *(role.value for role in ROLES)), rows)


def _management_routes() -> str:
    """Each route of the management API with the least scope that reads it, and that writes there."""
    places = {f"manage:{item.name}": f"/manage/{item.pattern}" for item in manage.urlpatterns}
    rows = [
        (f"`{_readable(places[name])}`", *(scope_for(role).value if role else "" for role in (door.reads, door.writes)))
        for name, door in ((name, row.door) for name, row in ROUTES.items())
        if isinstance(door, Managing)
    ]
    return _table(("route", "reads", "writes"), rows)


def _readable(pattern: str) -> str:
    """A pattern with places for ids, as a reader writes it."""
    return re.sub(r"<\w+:(\w+?)(_id)?>", r"<\1>", pattern)


def _address(name: str) -> str:
    """A page's address with places for ids, as a reader writes it."""
    pattern = next(str(item.pattern) for item in tenants.urlpatterns if f"tenants:{item.name}" == name)
    return _readable(f"/t/{pattern}")


def _paragraphs(text: str) -> str:
    """A docstring without its indentation."""
    return "\n".join(line.strip() for line in text.splitlines())


def _fields() -> str:
    definitions = schema_document()["$defs"]
    objects = [name for name, schema in definitions.items() if "properties" in schema and name != ENVELOPE]
    enums = [(f"`{name}`", _values(schema)) for name, schema in definitions.items() if "enum" in schema]
    return "\n\n".join([*(_object(name, definitions[name]) for name in objects), _names(enums)])


def _object(name: str, schema: Mapping[str, Any]) -> str:
    """One frame's payload, or an object inside one: what it is, and its fields."""
    return f"### {name}\n\n{_paragraphs(schema.get('description', ''))}\n\n{_field_table(name, schema)}"


def _field_table(name: str, schema: Mapping[str, Any]) -> str:
    told, required = meanings()[name], schema.get("required", [])
    rows = [
        (f"`{field}`", _kind(spec), "yes" if field in required else _default(spec), told[field])
        for field, spec in schema["properties"].items()
    ]
    return _table(("field", "type", "required", "meaning"), rows)


def _names(enums: Sequence[tuple[str, ...]]) -> str:
    return f"### Names\n\n{_table(('type', 'values'), enums)}"


def _values(schema: Mapping[str, Any]) -> str:
    return ", ".join(f"`{value}`" for value in schema["enum"])


def _default(spec: Mapping[str, Any]) -> str:
    """What an absent field is taken for; nothing where it is just not known."""
    default = spec.get("default")
    return "" if default in (None, [], {}) else f"else `{json.dumps(default)}`"


def _kind(spec: Mapping[str, Any]) -> str:
    """A field's type in a few words, with its bounds."""
    options = spec.get("anyOf", [spec])
    words = [_one_kind(option) for option in options if option.get("type") != "null"]
    return " or ".join(words) + (" or null" if len(words) < len(options) else "")


def _one_kind(spec: Mapping[str, Any]) -> str:
    if "$ref" in spec:
        return f"`{spec['$ref'].rpartition('/')[2]}`"
    if "const" in spec:
        return f"`{json.dumps(spec['const'])}`"
    if "enum" in spec:
        return "a frame type"
    if spec.get("type") == "array":
        return f"list of {_kind(spec['items'])}{_bounds(spec, 'minItems', 'maxItems')}"
    names = spec.get("type", "any")
    word = spec.get("format") or (names if isinstance(names, str) else " or ".join(names))
    return word + _bounds(spec, "minLength", "maxLength") + _bounds(spec, "minimum", "maximum")


def _bounds(spec: Mapping[str, Any], least: str, most: str) -> str:
    """Bounds that a writer may meet; those of the number format itself say nothing."""
    low, high = spec.get(least), spec.get(most)
    high = None if high is not None and high >= _HUGE else high
    low = None if low is not None and low <= -_HUGE else low
    if low is not None and high is not None:
        return f", {low} to {high}"
    if high is not None:
        return f", at most {high}"
    return f", {low} or more" if low else ""


def _problems(problems: Iterable[Problem]) -> str:
    rows = [
        (
            f"`{item.code}`",
            str(item.status),
            item.severity.value,
            "yes" if item.final else "no",
            f"`{item.retry}`" + (f", {item.after_seconds} s" if item.retryable else ""),
            str(item.close_code or ""),
            _plain(item.title),
            item.remediation,
        )
        for item in sorted(problems, key=lambda item: item.code)
    ]
    return _table(("code", "HTTP", "severity", "final", "retry", "closes with", "meaning", "what to do"), rows)


def _policies() -> str:
    rows = [(f"`{policy}`", "yes" if policy in BY_ITSELF else "no", _POLICIES[policy]) for policy in RetryPolicy]
    return _table(("policy", "`retryable`", "the client"), rows)


def _plain(text: str) -> str:
    """`text` without anything that Markdown takes for a tag."""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _close_codes() -> str:
    rows = []
    for name, texts in _CLOSE_MEANINGS.items():
        code = getattr(CloseCode, name)
        problem = PROBLEMS[CLOSE_PROBLEMS[code]]
        rows.append((str(code), name.lower(), *texts, f"{problem.status} `{problem.code}`"))
    return _table(("code", "name", "meaning", "session", "the EA", "on the exchange"), sorted(rows))


def _reasons() -> str:
    rows = [
        (f"`{reason}`", text, str(close_code(reason)) if reason in _ENDS else "")
        for reason, text in SESSION_REASONS.items()
    ]
    return _table(("reason", "meaning", "close code"), rows)


def _sentences(head: str, sentences: Mapping[Any, str]) -> str:
    """Short words that rows keep, each with its sentence."""
    return _table((head, "meaning"), [(f"`{word}`", text) for word, text in sentences.items()])


def _reports() -> str:
    rows = [(f"`{status}`", f"`{state}`") for status, state in commands.BY_REPORT.items()]
    return _table(("status of the report", "the command becomes"), rows)


def settings_table(rows: Iterable[Setting]) -> str:
    """What a subscription's object in the provisioning file may say, and what each setting does."""
    lines = [(f"`{row.name}`", row.kind.words, _written(row.default), _explained(row.help)) for row in rows]
    return _table(("setting", "value", "default", "what it does"), lines)


def _written(default: Any) -> str:
    """A setting's default as the file would write it."""
    if default is None:
        return "none"
    if default == "":
        return "empty"
    return f"`{json.dumps(plain(default) if isinstance(default, Decimal) else default)}`"


def _explained(told: Help) -> str:
    return told.sentence + (f" See [copying.md](copying.md#{told.section})." if told.section else "")


def _diagram(moves: "Mapping[Any, frozenset[Any]]") -> str:
    """A state table as a mermaid diagram."""
    lines = [f"    {_name(before)} --> {_name(after)}" for before, afters in moves.items() for after in sorted(afters)]
    ends = [f"    {_name(state)} --> [*]" for state, afters in moves.items() if not afters]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, *ends, "```"])


def _name(state: StrEnum) -> str:
    return state.value
