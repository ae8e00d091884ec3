"""The official MCP SDK as a client of a federation node: everything that a generic client asks of a server.

    mcp_client.py ENDPOINT

Prints what came back as one JSON object, for EndToEndTests/MCPInteropTests.swift to judge.
"""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError


async def failure_of(call):
    """How the server says no: the code of a JSON-RPC error, or the text of an error result."""
    try:
        result = await call
    except McpError as error:
        return {"code": error.error.code}
    return {"is_error": result.isError, "text": result.content[0].text}


async def main(endpoint):
    async with streamablehttp_client(endpoint + "/mcp") as (read, write, session_id):
        async with ClientSession(read, write) as session:
            hello = await session.initialize()
            await session.send_ping()
            tools = await session.list_tools()

            async def text(name, /, **arguments):
                result = await session.call_tool(name, arguments)
                assert not result.isError, (name, result)
                assert [item.type for item in result.content] == ["text"], (name, result)
                return result.content[0].text

            facts = {
                "protocol": hello.protocolVersion,
                "server": hello.serverInfo.name,
                "server_version": hello.serverInfo.version,
                "session": session_id(),
                "tools": {tool.name: tool.inputSchema for tool in tools.tools},
                "cortex_identity": await text("cortex_identity"),
                "sync_events": await text("sync_events", limit=2),
                "sync_read_signal": await text("sync_read_signal"),
                "federation_status": await text("federation_status"),
                "announce_peer": await text("announce_peer", name="delta", endpoint="http://127.0.0.1:9"),
                "bad_cursor": await failure_of(session.call_tool("sync_events", {"since": "yesterday"})),
                "bad_limit": await failure_of(session.call_tool("sync_events", {"limit": "many"})),
                "unknown_tool": await failure_of(session.call_tool("format_disk", {})),
                "missing_argument": await failure_of(session.call_tool("announce_peer", {"name": "delta"})),
            }
            since = json.loads(facts["sync_events"])[-1]["id"]
            facts["rest"] = await text("sync_events", since=since)
    print(json.dumps(facts))


asyncio.run(main(sys.argv[1]))
