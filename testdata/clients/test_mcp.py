"""The reference client of MCP, in both eras of the protocol, before tools of the reference server over HTTP and stdio."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from gateway import Gateway

TOOL_SERVER = Path(__file__).with_name("tool_server.py")
ERAS = ["legacy", "auto"]
VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
TOOLS = ["look_up", "pack", "wait", "fail"]


@dataclass
class Tools:
    """A gateway before the same tools twice: `web` over HTTP, `local` as a program."""

    gateway: Gateway
    key: str
    mark: Path

    @asynccontextmanager
    async def client(self, path: str, era: str, **headers: str) -> AsyncIterator[Client]:
        headers = {"authorization": f"Bearer {self.key}", **headers}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{self.gateway.url}{path}", http_client=http)
            async with Client(transport, mode=era) as client:
                yield client


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until_open(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the tool server does not listen")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    folder = tmp_path_factory.mktemp("mcp")
    mark, port = folder / "mark", free_port()
    environment = {**os.environ, "MARK": str(mark)}
    with ExitStack() as stack:
        server = subprocess.Popen([sys.executable, TOOL_SERVER, "http", str(port)], env=environment)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        until_open(port)
        os.environ["MARK"] = str(mark)
        gateway = Gateway(
            folder,
            "openai",
            "http://127.0.0.1:9/v1",
            f"""
[[bot.tool_server]]
name = "web"
url = "http://127.0.0.1:{port}/mcp"

[[bot.tool_server]]
name = "local"
command = ["{sys.executable}", "{TOOL_SERVER}", "stdio"]
env = ["MARK"]

[[bot.limit]]
per = "user"
requests = 100
window = "60s"
""",
        )
        stack.callback(gateway.close)
        gateway.command("policy", "pin", "--accept")
        gateway.logs("configuration reloaded")
        yield Tools(gateway, gateway.key("chat", "assert-user"), mark)


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["web", "local"])
def test_tools_of_one_server(tools: Tools, era: str, server: str) -> None:
    async def test() -> None:
        async with tools.client(f"/mcp/{server}", era) as client:
            assert client.protocol_version == VERSIONS[era]
            assert client.instructions == "Ask before you pay."
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            result = await client.call_tool("look_up", {"order": 4711})
            assert not result.is_error
            assert '"sum": 12.5' in result.content[0].text

    run(test)


@pytest.mark.parametrize("era", ERAS)
def test_tools_of_all_servers(tools: Tools, era: str) -> None:
    async def test() -> None:
        async with tools.client("/mcp", era) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == [f"{server}__{tool}" for server in ("web", "local") for tool in TOOLS]
            result = await client.call_tool("local__pack", {"parcels": 1})
            assert result.content[0].text == "packed 1"

    run(test)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["web", "local"])
def test_progress_comes_without_its_words(tools: Tools, era: str, server: str) -> None:
    async def test() -> None:
        seen = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            seen.append((progress, total, message))

        async with tools.client(f"/mcp/{server}", era) as client:
            result = await client.call_tool("pack", {"parcels": 3}, progress_callback=note)
            assert result.content[0].text == "packed 3"
        assert seen == [(1, 3, None), (2, 3, None), (3, 3, None)]

    run(test)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["web", "local"])
def test_a_cancelled_call_is_cancelled_at_its_server(tools: Tools, era: str, server: str) -> None:
    tools.mark.unlink(missing_ok=True)

    async def test() -> None:
        begun = asyncio.Event()

        async def note(*_: object) -> None:
            begun.set()

        async with tools.client(f"/mcp/{server}", era) as client:
            call = asyncio.create_task(client.call_tool("wait", {}, progress_callback=note))
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            while not tools.mark.exists():
                await asyncio.sleep(0.05)

    run(test)


@pytest.mark.parametrize("era", ERAS)
def test_what_fails_is_read_by_the_agent(tools: Tools, era: str) -> None:
    async def test() -> None:
        async with tools.client("/mcp", era) as client:
            for tool, words in [("web__fail", "Error executing tool fail"), ("web__steal", "there is no such tool")]:
                result = await client.call_tool(tool, {})
                assert result.is_error and words in result.content[0].text

    run(test)


@pytest.mark.parametrize("era", ERAS)
def test_what_is_not_offered_is_said_so(tools: Tools, era: str) -> None:
    async def test() -> None:
        async with tools.client("/mcp", era) as client:
            assert client.server_capabilities.resources is None
            with pytest.raises(MCPError) as error:
                await client.list_prompts()
            assert error.value.error.code == -32601

    run(test)


@pytest.mark.parametrize("era", ERAS)
def test_limits_are_errors_of_the_protocol(tools: Tools, era: str) -> None:
    async def test() -> None:
        async with tools.client("/mcp/web", era, **{"x-botwarden-user": f"greedy-{era}"}) as client:
            with pytest.raises(MCPError) as error:
                for _ in range(101):
                    await client.call_tool("look_up", {"order": 1})
            assert "Rate limit exceeded" in error.value.error.message

    run(test)
