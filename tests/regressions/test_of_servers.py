"""What the Go dagnats leaves open to everybody, tried on a real server."""

import asyncio
import json
import stat
import urllib.request
from pathlib import Path

import nats
import nats.errors
import pytest

from dagnats.jetstream.datadir import data_dir_of
from tests.e2e.harness import served

pytestmark = pytest.mark.slow


def test_nobody_comes_in_without_credentials(tmp_path: Path) -> None:
    async def refused(url: str, **given: str) -> bool:
        try:
            connection = await nats.connect(
                url, allow_reconnect=False, connect_timeout=5, **given
            )
        except Exception as wrong:
            return "uthoriz" in str(wrong)
        await connection.close()
        return False

    with served(tmp_path):
        where = json.loads((tmp_path / "endpoint.json").read_text())
        assert asyncio.run(refused(where["url"]))
        assert asyncio.run(refused(where["url"], user="dagnats", password="guess"))
        mode = stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode)
        assert mode == 0o600
