"""The EA's journal, read and added to from outside by what ea/README.md says of it, apart from the EA's own code."""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CHECKSUM = 9  # a blank and eight digits


@dataclass(slots=True)
class Entry:
    """One command: its number, id and attempt, what it says, and its state."""

    seq: int
    command_id: str
    attempt: int
    payload: dict[str, Any]
    state: str = "R"


@dataclass(slots=True)
class Journal:
    """What a journal says. `entries`: the commands, by id and attempt. `waiting`: reports and intents that the gateway
    has not acknowledged. `told`: all of them. `repeated`: commands that were received again. `sessions`: their ids.
    """

    entries: dict[tuple[str, int], Entry] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    repeated: int = 0
    gap_fills: int = 0
    max_copy_no: int = 0
    watching: bool = False
    _first: int = 1

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """Its whole lines; the last one may be being written, or be cut by a death."""
        journal = cls()
        for line in path.read_bytes().decode("utf-8", "replace").split("\n")[:-1]:
            journal._take(line[6:7], line[8:-_CHECKSUM])
        return journal

    def ordered(self) -> list[Entry]:
        """The commands by number."""
        return sorted(self.entries.values(), key=lambda entry: entry.seq)

    def _take(self, kind: str, fields: str) -> None:
        head, *parts = fields.split("\t")
        words = head.split(" ")
        if kind == "Z":
            raise NotImplementedError("a journal that was written anew")
        if kind == "R":
            self._received(int(words[0]), json.loads(head.split(" ", 3)[3]))
        elif kind in "SQD" and (entry := self.entries.get((words[0], int(words[1])))):
            entry.state = "R" if kind == "Q" else kind
        elif kind == "G":
            self._filled(int(words[0]), int(words[1]))
        elif kind == "A":
            self._acknowledged(int(words[0]))
        elif kind == "N":
            self._session(words[0], int(words[1]))
        self.watching |= kind == "C"
        for part in parts:
            if part.startswith("F"):
                _, name, _, _, payload = part[1:].split(" ", 4)
                self.told.append({"type": name, **json.loads(payload)})
                self.waiting.append(self.told[-1])

    def _received(self, seq: int, payload: dict[str, Any]) -> None:
        named = (payload["command_id"], payload.get("attempt", 1))
        self.repeated += named in self.entries
        self.entries.setdefault(named, Entry(seq, *named, payload))
        self.max_copy_no = max(self.max_copy_no, payload["copy_no"])

    def _filled(self, seq: int, following: int) -> None:
        self.gap_fills += 1
        for entry in self.entries.values():
            if entry.state == "R" and seq <= entry.seq < following:
                entry.state = "V"

    def _acknowledged(self, seq: int) -> None:
        del self.waiting[: seq - self._first + 1]
        self._first = seq + 1

    def _session(self, name: str, first: int) -> None:
        self._first = first
        if name not in self.sessions:
            self.sessions.append(name)


def append(path: Path, kind: str, fields: str) -> None:
    """Write a record behind the last one, as the program would have."""
    body = f"{kind} {fields}".encode()
    with path.open("ab") as file:
        file.write(b"%05d %s %08x\n" % (len(body), body, zlib.crc32(body)))
