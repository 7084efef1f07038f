"""A separate token cache for each test module, and one thread."""

from collections.abc import Iterator

import pytest

from tests.golden.material import one_thread


@pytest.fixture(scope="module", autouse=True)
def quiet_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the token cache of one module apart from the user's."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
