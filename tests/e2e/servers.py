"""The two servers, each by day on the database that it serves in a deployment, and by night on both."""

from typing import Final

import pytest

SERVERS: Final = (
    pytest.param("daphne", marks=pytest.mark.daily("embedded")),
    pytest.param("uvicorn", marks=pytest.mark.daily("production")),
)
