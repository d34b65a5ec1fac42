"""A shop's bot behind a gateway, for the real client libraries. Needs BOTWARDEN_BIN; nothing leaves this machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from anthropic_model import anthropic_model
from gateway import OPEN, Gateway
from openai_model import openai_model
from upstream import Upstream

MODELS = {"openai": openai_model, "anthropic": anthropic_model}


@dataclass
class Shop:
    """A gateway before a scripted model."""

    upstream: Upstream
    gateway: Gateway
    # A key with the rights `chat` and `assert-user`.
    key: str

    @property
    def url(self) -> str:
        """What people write into `base_url` of OpenAI's clients."""
        return f"{self.gateway.url}/v1"


StartShop = Callable[..., Shop]


def _start(stack: ExitStack, folder: Path, dialect: str, limits: str = "", tools: str = OPEN) -> Shop:
    upstream = Upstream(MODELS[dialect])
    stack.callback(upstream.close)
    gateway = Gateway(folder, dialect, upstream.url, limits, tools)
    stack.callback(gateway.close)
    return Shop(upstream, gateway, gateway.key("chat", "assert-user"))


@pytest.fixture
def start_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartShop]:
    """Starts shops of a dialect, with limits and with what decides about tools where they are given."""
    with ExitStack() as stack:
        yield lambda dialect, limits="", tools=OPEN: _start(
            stack, tmp_path_factory.mktemp("shop"), dialect, limits, tools
        )


@pytest.fixture(scope="module")
def openai_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop without limits whose model speaks OpenAI's dialect."""
    with ExitStack() as stack:
        yield _start(stack, tmp_path_factory.mktemp("openai"), "openai")


@pytest.fixture(scope="module")
def anthropic_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop without limits whose model speaks Anthropic's dialect."""
    with ExitStack() as stack:
        yield _start(stack, tmp_path_factory.mktemp("anthropic"), "anthropic")
