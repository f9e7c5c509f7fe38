"""`make stack`: run a deployment's processes here until Ctrl-C."""

import argparse
import signal
import sys

from tests.services import NotInstalledError
from tests.stack import StackFailed, running


def main() -> int:
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="port of the proxy (8000)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(port=options.port) as stack:
            sys.stdout.write(f"ready on {stack.url} (gateways: {', '.join(stack.addresses)})\n")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
        return 0
    except (StackFailed, NotInstalledError) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
