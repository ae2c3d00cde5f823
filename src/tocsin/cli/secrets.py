"""The key that seals what the database holds of secrets, on the database of this machine."""

from cyclopts import App

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson

secrets = App(name="secrets", group=HERE, help="The key that seals secrets in the database of this machine.")


@secrets.command
def key(*, json: AsJson = False) -> None:
    """Print a new key, as TOCSIN_SECRET_KEY takes it. Nothing is changed."""
    from tocsin.kit.sealing import new_key

    made = new_key()
    if json:
        show.as_json({"key": made})
    else:
        show.line(made)


@secrets.command
def rotate(*, json: AsJson = False) -> None:
    """Seal every secret anew: with a new key in the file beside the database, or with the first that the settings name.

    The server may go on running. Keep the keys from before for as long as you keep backups that were made with them.
    """
    with local.prepared() as app:
        name = app.rotate_key()
    if json:
        show.as_json({"key": name})
    else:
        show.line(f"Everything is sealed with key {name}.")
