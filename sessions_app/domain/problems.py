"""The one registry of problem codes: problem bodies, Ack.refused, ErrorAlert and docs/errors.md all come from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sessions_app.domain.frames.payloads import ErrorAlert, Retry, RetryPolicy, Severity
from sessions_app.domain.lifecycle import CLOSE_PROBLEMS, CloseCode

# The policies by which a client comes back without a person or a change of state.
BY_ITSELF: Final = frozenset({RetryPolicy.SAME_FRAME_AFTER, RetryPolicy.NEW_SESSION_AFTER})


class Scope(StrEnum):
    """Where a code occurs."""

    BOTH = "both"
    FRAMES = "frames"
    HTTP = "HTTP"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means.

    `final`: the frame's number is consumed, resending changes nothing. `policy`: how to come back; by default never
    after a final refusal, else with the same frame `after_seconds` later. `close_code`: what follows on the socket.
    """

    code: str
    title: str
    remediation: str
    status: int = 400
    final: bool = True
    policy: RetryPolicy | None = None
    after_seconds: int = 0
    severity: Severity = Severity.ERROR
    close_code: int | None = None
    scope: Scope = Scope.BOTH

    @property
    def retry(self) -> RetryPolicy:
        """The policy in force."""
        return self.policy or (RetryPolicy.NEVER if self.final else RetryPolicy.SAME_FRAME_AFTER)

    @property
    def retryable(self) -> bool:
        """Whether the client may come back by itself."""
        return self.retry in BY_ITSELF

    @property
    def wait(self) -> int | None:
        """Seconds until the same frame or request may come again; None: it may not."""
        # Never 0: who is told to come back at once asks in a loop.
        return max(self.after_seconds, 1) if self.retry is RetryPolicy.SAME_FRAME_AFTER else None


class Refused(Exception):
    """A request or frame that our rules refuse: the code of its problem, what was wrong, and where.

    `retry_after`: seconds; by default what the registry says of the code.
    """

    def __init__(
        self, code: str, message: str = "", *, path: str | None = None, retry_after: int | None = None
    ) -> None:
        self.problem = PROBLEMS[code]
        self.code = code
        self.message = message or self.problem.title
        self.path = path
        self.retry_after = self.problem.wait if retry_after is None else retry_after
        super().__init__(self.message)

    def alert(self) -> ErrorAlert:
        """What an EA is told; the caller names the frame it is about."""
        problem = self.problem
        seconds = problem.after_seconds if self.retry_after is None else self.retry_after
        return ErrorAlert(
            code=problem.code,
            severity=problem.severity,
            retryable=problem.retryable,
            retry=Retry(policy=problem.retry, after_seconds=seconds),
            # Both hold text of the client's: as much of it as the frame's fields take.
            path=self.path and self.path[:255],
            message=self.message[:1000],
            remediation=problem.remediation,
        )


# Whoever reads these has the gateway's address, and nothing of its repository.
_SCHEMAS: Final = "all of them: GET /ea-gateway/v1/schemas/frames.json"
_ASK: Final = RetryPolicy.AFTER_OPERATOR
_RENEW: Final = RetryPolicy.NEW_SESSION_AFTER
_SHUT: Final = CloseCode.KEY_REFUSED

_OF_ACCESS: Final = (
    Problem(
        "account_id_invalid", "The account id is not <broker server>:<login>", "Send e.g. ICMarketsSC-Demo04:5012345"
    ),
    Problem(
        "account_suspended",
        "This account is suspended",
        "Ask the operator of the gateway",
        403,
        True,
        _ASK,
        close_code=_SHUT,
    ),
    Problem(
        "account_not_granted",
        "These credentials do not serve this account",
        "Ask the operator of the gateway to grant the account",
        403,
        True,
        _ASK,
    ),
    Problem("already_authenticated", "This socket has said Hello already", "Send Hello once per socket"),
    Problem("auth_method_unknown", "This authentication method is not offered here", "Use one of the listed methods"),
    Problem("credentials_refused", "The token is not valid here", "Get a new token from its issuer", 401),
    Problem(
        "fenced",
        "A newer session of this account is in charge",
        "Stop this terminal or close the other one",
        409,
        final=False,  # it took no number: the same frame may come under a new session
        policy=_ASK,
        close_code=CloseCode.PREEMPTED,
    ),
    Problem("idempotency_key_reused", "This Idempotency-Key was used for another request", "Use a new key", 422),
    Problem("key_malformed", "The key is not 128 bits or more of base64url", "Generate 32 random bytes, base64url"),
    Problem("key_not_enrolled", "This key is not known here", "Ask your tenant's admin to enrol it", 403, True, _ASK),
    Problem(
        "key_rejected",
        "This key was rejected or revoked",
        "Ask the operator of the gateway",
        403,
        True,
        _ASK,
        close_code=_SHUT,
    ),
    Problem(
        "not_authenticated",
        "This session may not send that yet",
        "Wait for the approval of the key",
        403,
        policy=RetryPolicy.AFTER_PROMOTION,
    ),
    Problem("not_found", "There is no such thing here", "Check the address and your token", 404),
    Problem(
        "session_closed",
        "This session has ended",
        "Open a new session",
        410,
        False,
        _RENEW,
        1,
        close_code=CloseCode.SESSION_CLOSED,
    ),
    Problem(
        "management_token_refused",
        "This token opens nothing: it is unknown, was revoked, or has expired",
        "Ask an admin of your tenant for another one",
        401,
        scope=Scope.HTTP,
    ),
    Problem(
        "scope_insufficient",
        "The scope of this token does not reach so far",
        "Ask an admin of your tenant for a token of the scope that `detail` names",
        403,
        scope=Scope.HTTP,
    ),
    Problem("tenant_suspended", "This tenant is suspended", "Ask the operator of the gateway", 403, scope=Scope.HTTP),
    Problem(
        "left_to_staff",
        "This deployment leaves that to its staff",
        "Ask the operator of the gateway",
        403,
        scope=Scope.HTTP,
    ),
    Problem(
        "token_in_address",
        "A token stands in the address, where logs show it",
        "Send it in the Authorization header, and open a new session: this token may have been read",
        400,
        True,
        scope=Scope.HTTP,
    ),
    Problem(
        "token_invalid",
        "The token is unknown or was rotated",
        "Open a new session",
        401,
        True,
        _RENEW,
        1,
        close_code=CloseCode.TOKEN_INVALID,
    ),
)
_OF_FRAMES: Final = (
    Problem(
        "field_unreadable",
        "A field could not be read: the frame was taken without it, or with it as it was meant",
        "Send at `path` what `message` asks for; it is told once on each link",
        severity=Severity.WARNING,
        scope=Scope.FRAMES,
    ),
    Problem("frame_too_big", "The frame is too big", "Split it, or leave out what is not needed"),
    Problem("frame_unexpected", "This frame type is not sent by an EA", "Leave it to the gateway"),
    Problem("id_reused", "This id was used for another frame", "Give every new frame a new id"),
    Problem("invalid", "The payload breaks the schema", f"Send at `path` what `message` asks for; {_SCHEMAS}"),
    Problem("malformed", "The text is not a frame", "Send one JSON object with v, type, id and payload"),
    Problem("not_your_command", "This account was sent no such command", "Report only what this account was sent"),
    Problem(
        "poisoned",
        "The gateway cannot store this frame",
        "Skip it; the operator has been told",
        422,
        severity=Severity.CRITICAL,
    ),
    Problem("resend_out_of_range", "These numbers were never sent", "Ask for 1 <= from <= to <= top_seq"),
    Problem("seq_missing", "A durable frame needs a seq of 1 or more", "Number durable frames from 1 without gaps"),
    Problem(
        "ticket_reused",
        "This ticket was another position before",
        "Nothing of it is copied: its trade server counts anew. Close it by hand, or trade on a new account",
    ),
    Problem(
        "sequence_conflict",
        "This number was used for another frame",
        "Open a new session and renumber",
        409,
        True,
        _RENEW,
        60,
        Severity.CRITICAL,
        CloseCode.PROTOCOL_ERROR,
    ),
    Problem(
        "parts_incomplete",
        "A part of this frame is missing or does not fit: the whole was discarded",
        "Send all parts again, from the first, with another `digest`",
        400,
        False,
        after_seconds=1,
        severity=Severity.WARNING,
        scope=Scope.FRAMES,
    ),
    Problem(
        "session_full",
        "A pending session stores no more frames",
        "Wait for the approval of the key",
        429,
        False,
        after_seconds=60,
        severity=Severity.WARNING,
    ),
    Problem(
        "snapshot_unusable",
        "This snapshot says nothing",
        "Connect to the broker; answer `same` only to the hash asked with. You are asked again",
        severity=Severity.WARNING,
        scope=Scope.FRAMES,
    ),
    Problem(
        "unknown_field",
        "A field has a name that is not known, and was ignored: it looks like another one",
        "Write the name that `message` tells; it is told once on each link",
        severity=Severity.WARNING,
        scope=Scope.FRAMES,
    ),
    Problem("unknown_type", "This frame type is not known", f"Send one of the known types; {_SCHEMAS}"),
    Problem(
        "version_unsupported",
        "This protocol version is not spoken here",
        "Use version 1, subprotocol ea-gateway.v1",
        406,
        severity=Severity.CRITICAL,
        close_code=CloseCode.VERSION_UNSUPPORTED,
    ),
)
_OF_THE_MOMENT: Final = (
    Problem(
        "maintenance",
        "The gateway is in maintenance for this account",
        "Come back after the time told; the session is kept",
        503,
        False,
        after_seconds=60,
        severity=Severity.WARNING,
        close_code=CloseCode.TRY_LATER,
    ),
    Problem(
        "resend_in_flight",
        "The page asked for before is still on its way",
        "Ask again when it has come",
        429,
        False,
        after_seconds=1,
    ),
    Problem("internal", "The gateway failed on this", "Send it again after the time told", 500, False, after_seconds=5),
    Problem(
        "throttled",
        "Too many requests",
        "Come back after the time told",
        429,
        False,
        after_seconds=1,
        severity=Severity.WARNING,
        close_code=CloseCode.FLOOD,
    ),
    Problem(
        "try_later",
        "A part of the gateway is away",
        "Send it again after the time told",
        503,
        False,
        after_seconds=5,
        severity=Severity.WARNING,
        close_code=CloseCode.TRY_LATER,
    ),
)
# Why a link ends; on the exchange these are the answers.
_OF_ENDS: Final = (
    Problem(
        "flood",
        "Too much at once, or read too slowly",
        "Come back after the time told",
        429,
        False,
        after_seconds=1,
        close_code=CloseCode.FLOOD,
    ),
    Problem(
        "heartbeat_timeout",
        "No StatusHeartbeat came in time",
        "Open a new session",
        410,
        False,
        _RENEW,
        1,
        close_code=CloseCode.HEARTBEAT_TIMEOUT,
    ),
    Problem(
        "key_refused",
        "The key was rejected or revoked, or the account suspended",
        "Ask the operator of the gateway",
        403,
        True,
        _ASK,
        close_code=_SHUT,
    ),
    Problem(
        "preempted",
        "A newer session of this account is in charge",
        "Stop this terminal or close the other one",
        409,
        True,
        _ASK,
        close_code=CloseCode.PREEMPTED,
    ),
    Problem(
        "protocol_error",
        "The session has ended for what was sent",
        "Open a new session after 60 s, three times at most",
        400,
        True,
        _RENEW,
        60,
        Severity.CRITICAL,
        CloseCode.PROTOCOL_ERROR,
    ),
    Problem(
        "service_restart",
        "The gateway restarts",
        "Come back after the time told",
        503,
        False,
        after_seconds=1,
        severity=Severity.WARNING,
        close_code=CloseCode.SERVICE_RESTART,
    ),
    Problem(
        "superseded",
        "A newer link of this session has taken over",
        "Let the newer one go on",
        409,
        close_code=CloseCode.SUPERSEDED,
    ),
)
_OF_HTTP: Final = (
    Problem("bad_request", "The request is broken", "See `detail`", 400, scope=Scope.HTTP),
    Problem("body_too_big", "The body is too big", "Send 64 KiB at most, 1 MiB to an exchange", 413, scope=Scope.HTTP),
    Problem(
        "method_not_allowed",
        "This address does not take that method",
        "Use one of the methods that `Allow` names; all of them: GET /ea-gateway/v1/openapi.json",
        405,
        scope=Scope.HTTP,
    ),
    Problem("not_acceptable", "The answer would be JSON", "Accept application/json", 406, scope=Scope.HTTP),
    Problem(
        "media_type_unsupported", "The body is not JSON", "Send Content-Type: application/json", 415, scope=Scope.HTTP
    ),
    Problem(
        "request_in_flight",
        "This Idempotency-Key is being answered",
        "Ask again",
        409,
        False,
        after_seconds=1,
        severity=Severity.WARNING,
        scope=Scope.HTTP,
    ),
    Problem(
        "conflict",
        "What is there does not allow it, or somebody else was first",
        "Read it again, and ask for what is still wanted",
        409,
        scope=Scope.HTTP,
    ),
    Problem(
        "outcome_unknown",
        "A request under this Idempotency-Key began, and nobody knows how it ended",
        "Read whether it was done; if not, ask again with a new key",
        409,
        scope=Scope.HTTP,
    ),
    Problem("uri_too_long", "The address is too long", "Send 4096 characters at most", 414, scope=Scope.HTTP),
)
PROBLEMS: Final[Mapping[str, Problem]] = {
    problem.code: problem for problem in (*_OF_ACCESS, *_OF_FRAMES, *_OF_THE_MOMENT, *_OF_ENDS, *_OF_HTTP)
}


def close_words(code: int) -> str:
    """The reason beside a close code, in at most 123 bytes: some servers pass it on, and a person may read it."""
    return PROBLEMS[CLOSE_PROBLEMS[code]].title
