"""The console script: the commands, and the two that run a server.

What a server is made of takes a second to import, so it is imported when one is run: `tocsin --help` stays quick.
"""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from tocsin.cli import completing, show
from tocsin.cli.main import app, run
from tocsin.cli.options import AROUND, AsJson

rehearse = App(name="rehearse", help="Try everything out against a stand-in for the guarded service.")
app.command(rehearse)


@app.command
def serve() -> None:
    """Run the server: pages, API, and the engine that pages people. Settings come from the environment."""
    from tocsin import main

    main.serve()


@rehearse.command(name="serve")
def rehearse_serve() -> None:
    """Run the stand-in for Rose, with its switches, and a mail catcher, on loopback."""
    from tocsin import rehearse as rehearsing

    rehearsing.run_stand_in()


@rehearse.command(name="run")
def rehearse_run() -> None:
    """Run a server, the stand-in for Rose and a mail catcher together, with an address for everybody in the plan.

    Mails go to the catcher unless TOCSIN_SMTP_URL says otherwise. A server that is killed is started again.
    """
    from tocsin import rehearse as rehearsing

    rehearsing.run_with_server()


@app.command(group=AROUND)
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell that completes.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Print what lets a shell complete the commands of Tocsin; the shell reads it when it starts."""
    script = completing.script(shell)
    if json:
        show.as_json({"shell": shell, "script": script})
    else:
        show.raw(script)


if __name__ == "__main__":
    run()
