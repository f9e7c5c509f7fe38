"""`make demo DEMO_ARGS="--stack"`: the demo on the processes of a deployment, with gateways killed and restarted.

    make demo DEMO_ARGS="--stack --exit --restart-gateway 1 --kill-gateway 1"

A restart is a rolling one: each gateway in turn, while the other serves. A kill takes one gateway, the next kill the
other.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

import django

from tests.services import NotInstalledError
from tests.stack import Stack, StackFailed, running


class Gateways:
    """The stack as the demo sees it: one address, whatever is behind it."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._next = stack, 0

    @property
    def url(self) -> str:
        """The proxy's."""
        return self._stack.url

    def start(self) -> None:
        """Bring up what is down."""
        for number, gateway in enumerate(self._stack.gateways):
            if gateway.child is None:
                self._stack.bring_up(number)

    def kill(self) -> None:
        """SIGKILL one gateway, the next time the other."""
        self._stack.gateways[self._next].kill()
        self._next = (self._next + 1) % len(self._stack.gateways)

    def restart(self) -> None:
        """Each gateway in turn.

        :raises StackFailed: one did not end by itself
        """
        for number, gateway in enumerate(self._stack.gateways):
            if self._stack.restart(number) != 0:
                raise StackFailed(f"{gateway.name} did not end when it was asked to")

    def alive(self) -> bool:
        """Whether a gateway runs."""
        return any(item.child is not None and item.child.poll() is None for item in self._stack.gateways)

    def stop(self) -> None:
        """Nothing: the stack ends with its own block."""


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The demo's own options are read when its settings are known; these are needed, or refused, before.
    early = argparse.ArgumentParser(prog="make demo", add_help=False)
    early.add_argument("--port", type=int, default=8000)
    early.add_argument("--break", dest="fault")
    early.add_argument("--terminal")
    known = early.parse_known_args()[0]
    if known.terminal == "ea":
        early.error("--terminal ea is for the demo's own gateway, which allows what the recorded account does")
    if known.fault is not None:
        early.error("--break is for the demo's own gateway, and --stack has none")
    try:
        with running(port=known.port) as stack:
            # What the stack's processes were told, this one is too.
            os.environ.update(stack.env)
            return _play(stack)
    except KeyboardInterrupt:
        return 130
    except (StackFailed, NotInstalledError) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2


def _play(stack: Stack) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
    django.setup()
    # Settings are read when these are imported.
    from eagateway.demo.run import Options, play  # noqa: PLC0415
    from eagateway.management.commands.demo import Command  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--stack", action="store_true", help="on a deployment's processes")
    Command().add_arguments(parser)  # type: ignore[arg-type]  # it only adds arguments
    given = vars(parser.parse_args())
    names = Options.__dataclass_fields__.keys() & given.keys()
    folder = Path(tempfile.mkdtemp(prefix="eagateway-demo-"))
    return play(Options(folder=folder, **{name: given[name] for name in names}), Gateways(stack))


if __name__ == "__main__":
    sys.exit(main())
