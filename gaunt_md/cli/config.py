"""`gaunt-md config`: print a configuration to start from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..errors import InputError, closest
from .settings import commented_yaml, takes_settings


def _completed(context: typer.Context, incomplete: str) -> list[str]:
    return [verb for verb in ("train", *_configurable(context)) if verb.startswith(incomplete)]


def config(
    context: typer.Context,
    verb: Annotated[
        str,
        typer.Argument(
            help="The verb to configure: train, relax, phonons, ...", autocompletion=_completed
        ),
    ] = "train",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print train's JSON schema for editors instead.")
    ] = False,
) -> None:
    """Print a commented, valid configuration: `gaunt-md config > train.yaml`.

    Example: gaunt-md config phonons > phonons.yaml && gaunt-md phonons si.cif --config phonons.yaml
    """
    import json

    if verb != "train":
        known = _configurable(context)
        if verb not in known:
            names = ["train", *known]
            raise InputError(
                f"there is no configuration for '{verb}'; the verbs with one are "
                f"{', '.join(names)}.{closest(verb, names)}"
            )
        typer.echo(commented_yaml(verb, known[verb]), nl=False)
        return
    from ..training import config as training

    if schema:
        typer.echo(json.dumps(training.Configuration.model_json_schema(), indent=2))
    else:
        typer.echo(training.commented_yaml(), nl=False)


def _configurable(context: typer.Context) -> dict[str, Any]:
    """Return the verbs that take --config, by name."""
    group: Any = context.find_root().command
    return {name: command for name, command in group.commands.items() if takes_settings(command)}
