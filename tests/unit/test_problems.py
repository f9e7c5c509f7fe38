"""The registry of problem codes."""

import pytest

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
        "internal",
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
