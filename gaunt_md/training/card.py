"""The card of a potential: what someone should know before using it, as Markdown."""

from __future__ import annotations

from typing import Any

from ..words import counted
from .quantities import UNITS

OPTIMISERS = {"soap": "SOAP", "adamw": "AdamW"}


def card(manifest: dict[str, Any]) -> str:
    """Return the card of a potential, from the manifest of its file.

    Parameters
    ----------
    manifest : dict
        As `gaunt_md.potential_file.read_manifest` returns it.
    """
    training = manifest["training"]
    sections = [
        f"# {manifest['name']}",
        f"Gaunt tensor product potential for {', '.join(manifest['elements'])}. "
        f"Licence of the training data: {manifest['licence']}.",
        "## Data\n\n" + _data(training),
        "## Errors\n\n" + _errors(manifest["errors"]),
        "## Range\n\n" + _range(manifest),
        "## Configuration\n\n" + _configuration(manifest),
    ]
    return "\n\n".join(sections) + "\n"


def _data(training: dict[str, Any]) -> str:
    rows = [
        f"| {data['file']} | {data['frames']} | `{data['sha256']}` |" for data in training["data"]
    ]
    counts = training["structures"]
    return (
        "\n".join(["| file | structures | sha256 |", "| --- | --- | --- |", *rows])
        + f"\n\n{counts['train']} structures were trained on, {counts['validation']} decided "
        "which epoch is kept." + _start(training.get("started_from"))
    )


def _start(file: dict[str, str] | None) -> str:
    if file is None:
        return ""
    return (
        f" The training started from the potential {file['name']} (`{file['file']}`, sha256 "
        f"`{file['sha256']}`), whose data are on its own card."
    )


def _errors(errors: dict[str, dict[str, float | None]]) -> str:
    lines = [f"| | {' | '.join(errors)} |", f"| --- |{' --- |' * len(errors)}"]
    for name, (quantity, unit) in UNITS.items():
        cells = [
            "–" if (value := values.get(name)) is None else f"{value:.3g}"
            for values in errors.values()
        ]
        lines.append(f"| {quantity}, {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _range(manifest: dict[str, Any]) -> str:
    pairs = [
        f"{pair} {distance:.2f} Å" for pair, distance in manifest["shortest_distances"].items()
    ]
    return (
        f"Shortest distances in the training data: {', '.join(pairs)}. Below them the potential "
        "extrapolates"
        + (
            "; the repulsion of the nuclei is built in."
            if manifest["hyperparameters"]["core_repulsion"]
            else "."
        )
    )


def _configuration(manifest: dict[str, Any]) -> str:
    training = manifest["training"]
    options = training["configuration"]["training"]
    # Versions without this option knew no other optimiser.
    optimiser = OPTIMISERS[options.get("optimiser", "adamw")]
    energies = ", ".join(
        f"{element} {energy:.6f} eV" for element, energy in manifest["reference_energies"].items()
    )
    return (
        f"Cutoff {manifest['cutoff']:g} Å, {counted(manifest['layers'], 'layer')}, "
        f"{counted(manifest['channels'], 'channel')}, {manifest['dtype']}; reference energies: "
        f"{energies}. Weights of epoch "
        f"{training['epochs']} of {options['epochs']} by {optimiser} "
        f"with batches of {options['batch_size']} and a learning rate of "
        f"{options['learning_rate']:g}, {training['minutes']:g} minutes. "
        f"Written by gaunt-md {manifest['gaunt_md_version']}, torch "
        f"{manifest['torch_version']}, {manifest['created']}. All options are in the file: "
        "`gaunt-md info FILE --json`."
    )
