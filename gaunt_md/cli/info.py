"""`gaunt-md info`: what a potential file says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ..words import counted
from .options import OptionalPotential


def info(
    potential: OptionalPotential = None,
    path: Annotated[bool, typer.Option("--path", help="Print where the file lies.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole manifest.")] = False,
) -> None:
    """Describe a potential; without one, list those that come with gaunt-md.

    Example: gaunt-md info si
    """
    import json

    from .. import potential_file

    if potential is None:
        _list_shipped()
    elif path:
        typer.echo(potential_file.find(potential).resolve())
    elif as_json:
        typer.echo(
            json.dumps(potential_file.read_manifest(potential), indent=2, ensure_ascii=False)
        )
    else:
        file = potential_file.read(potential)
        for name, value in _rows(file.manifest):
            typer.echo(f"{name:22}{value}")
        typer.echo(f"{'file':22}{file.path.resolve()}")
        typer.echo(f"{'sha256':22}{file.sha256}")


def _list_shipped() -> None:
    from .. import potential_file

    for name, path in potential_file.shipped_potentials().items():
        manifest = potential_file.read_manifest(path)
        elements = " ".join(manifest["elements"])
        typer.echo(f"{name:12}{elements:20}{path}")


def _rows(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what people want to know, in words."""
    from ..training.quantities import sentence

    yield "name", manifest["name"]
    yield "elements", " ".join(manifest["elements"])
    yield "licence of the data", manifest["licence"] or "not stated"
    yield "cutoff", f"{manifest['cutoff']:g} Å, {counted(manifest['layers'], 'layer')}"
    yield "network", f"{counted(manifest['channels'], 'channel')}, {manifest['dtype']}"
    for data, errors in manifest["errors"].items():
        known = {quantity: error for quantity, error in errors.items() if error is not None}
        for quantity, error in known.items():
            yield f"{data} errors", sentence(quantity, error)
    for pair, distance in manifest["shortest_distances"].items():
        yield "shortest distance", f"{pair} {distance:.3f} Å in the training data"
    yield from _training(manifest["training"])
    yield (
        "written",
        (
            f"{manifest['created']} by gaunt-md {manifest['gaunt_md_version']}, "
            f"torch {manifest['torch_version']}"
        ),
    )


def _training(training: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known of the training; a file made by other means may know nothing."""
    for data in training.get("data", []):
        yield (
            "training data",
            f"{data['file']}, {data['frames']} structures, sha256 {data['sha256']}",
        )
    if counts := training.get("structures"):
        yield (
            "training",
            f"{counts['train']} structures trained on, {counts['validation']} validated on",
        )
    if "epochs" in training:
        yield "", f"potential of epoch {training['epochs']}, after {training['minutes']:g} minutes"
    if start := training.get("started_from"):
        yield "", f"started from {start['name']} ({start['file']}, sha256 {start['sha256']})"
