"""`botwarden serve`, the binary that BOTWARDEN_BIN names, in a folder of its own."""

import json
import os
import subprocess
import time
from pathlib import Path

PROVIDER_KEY = "sk-provider-secret"

CONFIG = """
[listen]
gateway = "127.0.0.1:0"
ops = "127.0.0.1:0"

[[bot]]
name = "shop"
upstream = {{ dialect = "{dialect}", url = "{url}", key = {{ env = "PROVIDER_KEY" }} }}
models = ["gpt-*", "text-embedding-*", "claude-*"]
tools = "open"  # what passes is tested here, not what may
{limits}
"""


class Gateway:
    """A running gateway with the bot `shop`."""

    def __init__(self, folder: Path, dialect: str, url: str, limits: str = "") -> None:
        self._binary = os.environ["BOTWARDEN_BIN"]
        self._folder = folder
        (folder / "botwarden.toml").write_text(CONFIG.format(dialect=dialect, url=url, limits=limits))
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [self._binary, "serve"],
            cwd=folder,
            env={**os.environ, "PROVIDER_KEY": PROVIDER_KEY},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.url = self._ready()["gateway"]

    def _ready(self) -> dict[str, str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready "):
                return json.loads(line.removeprefix("ready "))
        raise AssertionError(f"the gateway ended before it was ready: {(self._folder / 'log').read_text()}")

    def key(self, *rights: str) -> str:
        """A key of the shop's with these rights; without any, a backend's."""
        flags = [flag for right in rights for flag in ("--right", right)]
        issued = subprocess.run(
            [self._binary, "key", "issue", "--bot", "shop", *flags],
            cwd=self._folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return issued.stdout.strip()

    def command(self, *arguments: str) -> str:
        """What another command on the same configuration prints."""
        done = subprocess.run(
            [self._binary, *arguments], cwd=self._folder, check=True, capture_output=True, text=True
        )
        return done.stdout

    def logs(self, words: str) -> None:
        """Waits until the gateway has logged that."""
        for _ in range(600):
            if words in (self._folder / "log").read_text():
                return
            time.sleep(0.05)
        raise AssertionError(f"`{words}` is not logged")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
