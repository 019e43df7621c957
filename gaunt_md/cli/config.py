"""`gaunt-md config`: print a training configuration to start from."""

from __future__ import annotations

from typing import Annotated

import typer


def config(
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema for editors instead.")
    ] = False,
) -> None:
    """Print a commented, valid training configuration: `gaunt-md config > train.yaml`."""
    import json

    from ..training.config import Configuration, commented_yaml

    if schema:
        typer.echo(json.dumps(Configuration.model_json_schema(), indent=2))
    else:
        typer.echo(commented_yaml(), nl=False)
