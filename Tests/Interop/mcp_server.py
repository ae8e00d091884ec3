"""The official MCP SDK as a Noema node that a federation node polls.

    mcp_server.py PORT LOG [--json] [--stateless]

LOG holds one event a line, in order of id. It is read anew for each call, and each line is served byte for byte.
Answers are event streams unless --json is given, and every conversation has a session unless --stateless is.
"""

import json
import sys

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError

port, log_path, *options = sys.argv[1:]
IDENTITY = {"id": "01KNJX4991ASW6NNKS9BQHNCGB", "mode": "sync", "name": "python", "version": 2}

server = FastMCP(
    "noema",
    host="127.0.0.1",
    port=int(port),
    json_response="--json" in options,
    stateless_http="--stateless" in options,
    log_level="WARNING",
)


@server.tool()
def cortex_identity() -> str:
    return json.dumps(IDENTITY)


@server.tool()
def sync_events(since: str = "", limit: int = 100) -> str:
    if since and len(since) != 26:
        raise ToolError("since must be a valid ULID cursor")
    with open(log_path, encoding="utf-8") as log:
        lines = [line.rstrip("\n") for line in log]
    later = [line for line in lines if json.loads(line)["id"] > since]
    return "[" + ",".join(later[:limit]) + "]"


@server.tool()
def sync_read_signal(since: str = "", limit: int = 100) -> str:
    return "[]"


server.run(transport="streamable-http")
