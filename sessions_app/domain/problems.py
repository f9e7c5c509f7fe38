"""The one registry of problem codes: HTTP problem bodies, Ack.refused and ErrorAlert all take them from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means. `final`: the frame's number is consumed, resending changes nothing."""

    code: str
    title: str
    remediation: str
    status: int = 400
    final: bool = True


class Refused(Exception):
    """A request or frame that our rules refuse: the code of its problem, what was wrong, and where."""

    def __init__(
        self, code: str, message: str = "", *, path: str | None = None, retry_after: int | None = None
    ) -> None:
        self.problem = PROBLEMS[code]
        self.code = code
        self.message = message or self.problem.title
        self.path = path
        self.retry_after = retry_after
        super().__init__(self.message)


_ALL: Final = (
    Problem(
        "account_id_invalid", "The account id is not <broker server>:<login>", "Send e.g. ICMarketsSC-Demo04:5012345"
    ),
    Problem("account_suspended", "This account is suspended", "Ask the operator of the gateway", 403),
    Problem("already_authenticated", "This socket has said Hello already", "Send Hello once per socket"),
    Problem("auth_method_unknown", "This authentication method is not offered here", "Use one of the listed methods"),
    Problem(
        "fenced",
        "A newer session of this account is in charge",
        "Stop this terminal or close the other one",
        409,
        final=False,  # it took no number: the same frame may come under a new session
    ),
    Problem("frame_too_big", "The frame is too big", "Split it, or leave out what is not needed"),
    Problem("frame_unexpected", "This frame type is not sent by an EA", "See the table of frames in docs/protocol.md"),
    Problem("id_reused", "This id was used for another frame", "Give every new frame a new id"),
    Problem("idempotency_key_reused", "This Idempotency-Key was used for another request", "Use a new key", 422),
    Problem("internal", "The gateway failed on this frame", "Resend it after the time told", 500, final=False),
    Problem("invalid", "The payload breaks the schema", "See `path` and `message`, and docs/schemas"),
    Problem("key_malformed", "The key is not 128 bits or more of base64url", "Generate 32 random bytes, base64url"),
    Problem("key_not_enrolled", "This key is not known here", "Ask your tenant's admin to enrol it", 403),
    Problem("key_rejected", "This key was rejected or revoked", "Ask the operator of the gateway", 403),
    Problem("malformed", "The text is not a frame", "Send one JSON object with v, type, id and payload"),
    Problem("not_authenticated", "This session may not send that yet", "Wait for the approval of the key", 403),
    Problem("not_found", "There is no such thing here", "Check the address and your token", 404),
    Problem("not_your_command", "This command belongs to another account", "Report only what this account was sent"),
    Problem("poisoned", "The gateway cannot store this frame", "Skip it; the operator has been told", 422),
    Problem("resend_out_of_range", "These numbers were never sent", "Ask for 1 <= from <= to <= top_seq"),
    Problem("seq_missing", "A durable frame needs a seq of 1 or more", "Number durable frames from 1 without gaps"),
    Problem("sequence_conflict", "This number was used for another frame", "Open a new session and renumber", 409),
    Problem("session_closed", "This session has ended", "Open a new session", 410, final=False),
    Problem(
        "session_full", "A pending session stores no more frames", "Wait for the approval of the key", 429, final=False
    ),
    Problem("throttled", "Too many requests", "Come back after the time told", 429, final=False),
    Problem("token_invalid", "The token is unknown or was rotated", "Open a new session", 401),
    Problem("try_later", "A part of the gateway is away", "Resend after the time told", 503, final=False),
    Problem("unknown_type", "This frame type is not known", "See the table of frames in docs/protocol.md"),
    Problem(
        "version_unsupported", "This protocol version is not spoken here", "Use version 1, subprotocol ea-gateway.v1"
    ),
)
PROBLEMS: Final[Mapping[str, Problem]] = {problem.code: problem for problem in _ALL}
