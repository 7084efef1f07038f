"""A token cache of each test module's own, and one thread."""

from collections.abc import Iterator

import pytest

from tests.golden.material import one_thread


@pytest.fixture(scope="module", autouse=True)
def quiet_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep prepared tokens for the tests of one module, away from the user's."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
