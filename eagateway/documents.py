"""The generated parts of the documents: frame tables, problem and close codes, state diagrams, AsyncAPI."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml

from eagateway.routing import STREAM
from eagateway.wire import FRAME_TYPES, schema_document
from orders.domain import commands, copies
from orders.domain.denials import SENTENCES
from sessions_app.domain.lifecycle import KEY_MOVES, SESSION_MOVES, CloseCode
from sessions_app.domain.problems import PROBLEMS

_CLOSE_MEANINGS: Final = {
    "SERVICE_RESTART": "the gateway restarts; a ShutdownNotice came first; resume",
    "TRY_LATER": "a part of the gateway is away; resume after the time told",
    "PROTOCOL_ERROR": "malformed beyond its budget, or a sequence conflict; the session is closed",
    "TOKEN_INVALID": "unknown or rotated token, or no valid Hello in time; open a new session",
    "KEY_REFUSED": "key rejected or revoked, or account suspended; stop",
    "VERSION_UNSUPPORTED": "no common protocol version; stop",
    "HEARTBEAT_TIMEOUT": "no StatusHeartbeat in time; open a new session, keep the outbox",
    "PREEMPTED": "a newer authorised session of this account; stop",
    "SESSION_CLOSED": "the session has ended; open a new one",
    "SUPERSEDED": "a newer socket of the same session",
    "FLOOD": "over a bound, or a slow reader; back off, resume",
}


def sections() -> dict[str, str]:
    """Generated Markdown by the name of its marker."""
    return {
        "frames": _frames(),
        "fields": _fields(),
        "problems": _problems(),
        "close-codes": _close_codes(),
        "denials": _table(("code", "meaning"), [(f"`{code}`", text) for code, text in SENTENCES.items()]),
        "sessions": _diagram(SESSION_MOVES),
        "keys": _diagram(KEY_MOVES),
        "commands": _diagram(commands.MOVES),
        "copies": _diagram(copies.MOVES),
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
    marked = [root / "docs" / name for name in ("protocol.md", "states.md")]
    filled = {path: fill(path.read_text()) for path in marked}
    return filled | {root / "docs" / "asyncapi.yaml": asyncapi()}


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _frames() -> str:
    rows = [
        (f"`{name}`", kind.sender, "yes" if kind.durable else "", kind.in_pending, _first_line(kind.payload.__doc__))
        for name, kind in FRAME_TYPES.items()
    ]
    return _table(("type", "from", "numbered", "while pending", "what"), rows)


def _first_line(doc: str | None) -> str:
    return " ".join((doc or "").split("\n\n")[0].split())


def _fields() -> str:
    definitions = schema_document()["$defs"]
    parts = []
    for name in FRAME_TYPES:
        schema = definitions[name]
        rows = [
            (f"`{field}`", _kind(spec), "yes" if field in schema.get("required", []) else "")
            for field, spec in schema["properties"].items()
        ]
        parts.append(f"### {name}\n\n{_table(('field', 'type', 'required'), rows)}")
    return "\n\n".join(parts)


def _kind(spec: Mapping[str, Any]) -> str:
    """A field's type in a few words."""
    options = [option for option in spec.get("anyOf", [spec]) if option.get("type") != "null"]
    words = []
    for option in options:
        if "$ref" in option:
            words.append(option["$ref"].rpartition("/")[2])
        elif option.get("type") == "array":
            words.append(f"list of {_kind(option.get('items', {}))}")
        else:
            words.append(option.get("format") or str(option.get("type", "any")))
    return " or ".join(words)


def _problems() -> str:
    rows = [
        (f"`{item.code}`", str(item.status), "final" if item.final else "retry", item.title, item.remediation)
        for item in PROBLEMS.values()
    ]
    return _table(("code", "HTTP", "frame", "meaning", "what to do"), rows)


def _close_codes() -> str:
    rows = [(str(getattr(CloseCode, name)), name.lower(), text) for name, text in _CLOSE_MEANINGS.items()]
    return _table(("code", "name", "meaning"), sorted(rows))


def _diagram(moves: "Mapping[Any, frozenset[Any]]") -> str:
    """A state table as a mermaid diagram."""
    lines = [f"    {_name(before)} --> {_name(after)}" for before, afters in moves.items() for after in sorted(afters)]
    ends = [f"    {_name(state)} --> [*]" for state, afters in moves.items() if not afters]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, *ends, "```"])


def _name(state: StrEnum) -> str:
    return state.value


def asyncapi() -> str:
    """The event socket as an AsyncAPI 3.0 document."""
    messages = {
        name: {"payload": {"$ref": f"schemas/frames.json#/$defs/{name}"}, "summary": _first_line(kind.payload.__doc__)}
        for name, kind in FRAME_TYPES.items()
    }
    senders = {"receive": ("EA", "both"), "send": ("server", "both")}
    operations = {
        action: {
            "action": action,
            "channel": {"$ref": "#/channels/stream"},
            "messages": [
                {"$ref": f"#/channels/stream/messages/{name}"}
                for name, kind in FRAME_TYPES.items()
                if kind.sender in allowed
            ],
        }
        for action, allowed in senders.items()
    }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "EA gateway, event socket",
            "version": "1.0.0",
            "description": "One JSON object per message: schemas/frames.json#/$defs/Envelope around the payload.",
        },
        "channels": {"stream": {"address": f"/{STREAM}", "messages": messages}},
        "operations": operations,
    }
    return yaml.safe_dump(document, sort_keys=False, width=110)
