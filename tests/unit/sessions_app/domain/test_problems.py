"""The registry of problem codes."""

import pytest

from sessions_app.domain.frames.payloads import RetryPolicy, Severity
from sessions_app.domain.lifecycle import CloseCode
from sessions_app.domain.problems import PROBLEMS, Refused


def test_every_problem_says_what_it_means_and_what_to_do() -> None:
    for code, problem in PROBLEMS.items():
        assert problem.code == code
        assert problem.title
        assert problem.remediation
        assert 400 <= problem.status < 600


def test_what_may_succeed_later_is_never_final() -> None:
    assert {code for code, problem in PROBLEMS.items() if not problem.final} == {
        "fenced",
        "flood",
        "heartbeat_timeout",
        "internal",
        "maintenance",
        "parts_incomplete",
        "request_in_flight",
        "resend_in_flight",
        "service_restart",
        "session_closed",
        "session_full",
        "throttled",
        "try_later",
    }


def test_a_refusal_speaks_with_its_own_message_or_that_of_its_code() -> None:
    assert Refused("throttled", retry_after=3).message == "Too many requests"
    refused = Refused("invalid", "Expected `int`", path="$.seq")
    assert (refused.code, str(refused), refused.path) == ("invalid", "Expected `int`", "$.seq")
    assert refused.problem.status == 400


def test_a_code_outside_the_registry_cannot_be_refused_with() -> None:
    with pytest.raises(KeyError):
        Refused("no_such_code")


def test_a_way_back_agrees_with_what_the_refusal_means() -> None:
    for code, problem in PROBLEMS.items():
        if problem.retry is RetryPolicy.SAME_FRAME_AFTER:
            assert not problem.final, code
        assert problem.retryable == (problem.after_seconds > 0), code
        assert (problem.wait is None) == (problem.retry is not RetryPolicy.SAME_FRAME_AFTER), code


def test_only_codes_of_the_protocol_close_a_socket() -> None:
    known = {value for name, value in vars(CloseCode).items() if name.isupper()}
    assert {problem.close_code for problem in PROBLEMS.values()} <= known | {None}


def test_case_108_an_internal_failure_is_told_as_worth_another_try() -> None:
    alert = Refused("internal").alert()
    assert (alert.code, alert.severity, alert.retryable) == ("internal", Severity.ERROR, True)
    assert alert.retry is not None
    assert (alert.retry.policy, alert.retry.after_seconds) == (RetryPolicy.SAME_FRAME_AFTER, 5)
    assert alert.remediation == "Send it again after the time told"


def test_a_time_told_by_the_refusal_wins_over_that_of_its_code() -> None:
    alert = Refused("throttled", retry_after=30).alert()
    assert alert.retry is not None
    assert alert.retry.after_seconds == 30
    assert Refused("throttled").retry_after == 1
    assert Refused("invalid").retry_after is None


def test_an_alert_says_what_was_wrong_where_and_fits_its_schema() -> None:
    alert = Refused("invalid", "x" * 2000, path="$.lots").alert()
    assert (alert.path, len(alert.message), alert.retryable) == ("$.lots", 1000, False)
    assert alert.retry is not None
    assert alert.retry.policy is RetryPolicy.NEVER
