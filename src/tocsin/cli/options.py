"""Options that many commands share, each with the one sentence that `--help` shows."""

from typing import Annotated

from cyclopts import Parameter

AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON, for a program to read.")]
Incident = Annotated[str, Parameter(help="The incident's id, or its number.")]
Because = Annotated[str, Parameter(help="Why; it stands on the record.")]
