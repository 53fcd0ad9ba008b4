from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.fake_platform import FakePlatform, running


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with running() as found:
        yield found
