"""A mail server of the tests: it speaks SMTP, keeps what it takes, and can refuse, hang or drop the line."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum


class Manner(StrEnum):
    TAKES = "takes"
    REFUSES = "refuses"  # the recipient, for good
    DEFERS = "defers"  # the recipient, for now
    HANGS = "hangs"  # it never says a word
    DROPS = "drops"  # the line, in the middle of the text
    FORGETS_TO_ANSWER = "forgets to answer"  # it keeps the mail and drops the line


class Sink:
    """What has arrived, and how the server behaves from now on. `connections`: how many there were."""

    def __init__(self) -> None:
        self.manner = Manner.TAKES
        self.taken: list[EmailMessage] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            if self.manner is Manner.HANGS:
                await reader.read()  # until the client has had enough
                return
            writer.write(b"220 sink\r\n")
            while line := (await reader.readline()).strip().upper():
                answer = await self._answer(line, reader, writer)
                if answer is None:
                    return
                writer.write(answer + b"\r\n")
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        if line.startswith(b"RCPT") and self.manner in (Manner.REFUSES, Manner.DEFERS):
            return b"550 nobody of this name" if self.manner is Manner.REFUSES else b"451 come again"
        if line == b"QUIT":
            return b"221 bye"
        if line != b"DATA":
            return b"250 ok"
        writer.write(b"354 go on\r\n")
        if self.manner is Manner.DROPS:
            return None
        text = await reader.readuntil(b"\r\n.\r\n")
        self.taken.append(message_from_bytes(text[:-3], policy=policy.default))
        return None if self.manner is Manner.FORGETS_TO_ANSWER else b"250 kept"


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """A server on a port of its own, in a thread of its own."""
    sink, loop = Sink(), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(sink.serve, "127.0.0.1", 0))
    sink.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="smtp-sink", daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
