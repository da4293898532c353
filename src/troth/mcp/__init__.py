"""troth for AI assistants: the Model Context Protocol over standard input and output, and over HTTP. Extra `serve`."""

from troth.mcp.http import Assistant
from troth.mcp.tools import make_server

__all__ = ["Assistant", "make_server"]
