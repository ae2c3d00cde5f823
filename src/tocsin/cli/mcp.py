"""The command that serves an assistant."""

import os
import sys

from cyclopts import App

from tocsin import settings
from tocsin.cli.client import NoToken
from tocsin.cli.options import AROUND

server = App()


@server.command(group=AROUND)
def mcp() -> None:
    """Serve an assistant through the Model Context Protocol, on standard input and output, until it hangs up.

    It acts with TOCSIN_TOKEN, and may do what that token may do.
    """
    from tocsin.cli import mcpserver
    from tocsin.client.wire import Tocsin

    known = settings.read(os.environ)
    if not known.token:
        raise NoToken
    with Tocsin(known.api_url, known.token) as tocsin:
        mcpserver.serve(tocsin, sys.stdin.buffer)
