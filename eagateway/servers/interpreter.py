"""How the interpreter serves the threads of a server, set when everything is loaded."""

import gc
import sys
from typing import Final

SWITCH_SECONDS: Final = 0.001
"""After so long a thread that works lets another go on. The writer waits for the database a few times in each batch,
and after each for its turn: with the default of 5 ms the slowest hundredth of the intents took twice as long."""
COLLECT_AFTER: Final = (20_000, 20, 20)
"""How many new objects may stay before cycles are looked for. A batch makes thousands, and hardly a cycle: with the
default of 700 that search took a twentieth of the process's time."""


def settle_interpreter() -> None:
    """Hand over between threads soon, and look for cycles seldom, and never among what was loaded before."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
