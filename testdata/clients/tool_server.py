"""A shop's tools, served by the reference implementation: `tool_server.py http PORT` or `tool_server.py stdio`."""

import asyncio
import os
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

tools = MCPServer("orders", instructions="Ask before you pay.")


@tools.tool()
def look_up(order: int) -> dict[str, Any]:
    """Reads an order."""
    return {"order": order, "state": "sent", "sum": 12.5}


@tools.tool()
async def pack(context: Context, parcels: int) -> str:
    """Packs parcels, one after the other."""
    for packed in range(parcels):
        await context.report_progress(packed + 1, parcels, "for alice@example.com")
        await asyncio.sleep(0.05)
    return f"packed {parcels}"


@tools.tool()
async def wait(context: Context) -> str:
    """Works until it is cancelled, and leaves a mark when it is."""
    await context.report_progress(1, 2)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        with open(os.environ["MARK"], "w") as mark:
            mark.write("cancelled")
        raise
    return "done"


@tools.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("there is no paper")


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        tools.run("stdio")
    else:
        import uvicorn

        uvicorn.run(tools.streamable_http_app(), port=int(sys.argv[2]), log_level="warning")
