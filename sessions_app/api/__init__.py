"""The REST door: sessions of terminals, and problem bodies (RFC 9457) for everything that is refused."""

from sessions_app.rest.problems import problem_response

__all__ = ["problem_response"]
