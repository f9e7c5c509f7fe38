"""The end of a process whose EAs have been told: what still hangs in a thread does not keep it."""

import os
import threading
from typing import Final

# With the drain, which takes 3.5 s at most, it stays below five.
GRACE_SECONDS: Final = 1.2


def end_soon() -> None:
    """End the process after a grace, whatever it does then: a request may wait half a minute for a silent issuer.

    Called after the drain. Everything that was acknowledged is in rows, and the answer would reach nobody.
    """
    timer = threading.Timer(GRACE_SECONDS, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
