"""Mutants that change nothing anybody could see, each with its reason: explained.toml beside this file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("explained.toml")
Key = tuple[str, str, str]


def explained(file: Path = FILE) -> Mapping[Key, str]:
    """The reason by (module, function, change)."""
    rows = tomllib.loads(file.read_text(encoding="utf-8")).get("mutant", [])
    return {(row["module"], row["function"], row["change"]): row["reason"] for row in rows}
