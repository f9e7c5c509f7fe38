"""Frames as the scripted gateway heard and said them, for the check at the end of a run of the whole repository."""

import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "EAGATEWAY_FRAME_TAP"


def note(sender: str, frame: dict[str, Any]) -> None:
    """Write one frame down, where the run asks for it: the SDK's tests run without, too."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        with (Path(folder) / f"sdk-{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps([time.time(), sender, json.dumps(frame)]) + "\n")
