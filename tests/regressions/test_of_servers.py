"""What the Go dagnats leaves open to everybody, tried on a real server."""

import asyncio
import json
import stat
from pathlib import Path

import nats
import nats.errors
import pytest

from tests.e2e.harness import served

pytestmark = pytest.mark.slow


def test_nobody_comes_in_without_credentials(tmp_path: Path) -> None:
    async def refused(url: str, **given: str) -> None:
        async def tell(_: Exception) -> None:
            """Keep the client from logging."""

        with pytest.raises(nats.errors.Error, match=r"(?i)authoriz"):
            await nats.connect(url, allow_reconnect=False, error_cb=tell, **given)

    with served(tmp_path):
        where = json.loads((tmp_path / "serve.json").read_text())
        asyncio.run(refused(where["nats_url"]))
        asyncio.run(refused(where["nats_url"], user="dagnats", password="guess"))
        mode = stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode)
        assert mode == 0o600
