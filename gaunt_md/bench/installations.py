"""Other packages that take part where they are installed, here or in another environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, closest


@dataclass(frozen=True)
class Peer:
    """A package that is compared.

    Attributes
    ----------
    name : str
        What people call it.
    key : str
        Its name in `--peer KEY=PYTHON` and in the scripts.
    distribution, module : str
        Its name on PyPI, and that of what one imports.
    """

    name: str
    key: str
    distribution: str
    module: str


@dataclass(frozen=True)
class Installed:
    """A peer, the interpreter that can import it, and the versions found there."""

    peer: Peer
    python: str
    versions: dict[str, Any]


PEERS = (Peer("MACE", "mace", "mace-torch", "mace"),)

_VERSIONS = """
import json, sys
from importlib import metadata, util
assert util.find_spec(sys.argv[1]), f"no module {sys.argv[1]}"
print(json.dumps({name: metadata.version(name) for name in sys.argv[2:]}))
"""


def installed_peers(given: Sequence[str]) -> tuple[list[Installed], list[str]]:
    """Find the peers.

    Parameters
    ----------
    given : sequence of str
        KEY=PYTHON; peers that are not named are looked for in this environment.

    Returns
    -------
    installed : list of Installed
    absent : list of str
        What is missing, and how to give it.

    Raises
    ------
    InputError
        If a name is unknown, or the interpreter cannot import the peer.
    """
    pythons = dict(_parsed(one) for one in given)
    installed, absent = [], []
    for peer in PEERS:
        python = pythons.get(peer.key)
        if python is None and find_spec(peer.module):
            python = sys.executable
        if python is None:
            absent.append(
                f"{peer.name} is not installed here; where it is, name that environment's "
                f"interpreter: --peer {peer.key}=/path/to/bin/python"
            )
        else:
            installed.append(Installed(peer, python, _versions(peer, python)))
    return installed, absent


def _parsed(given: str) -> tuple[str, str]:
    known = [peer.key for peer in PEERS]
    name, _, python = given.partition("=")
    if name in known and not python:
        raise InputError(
            f"--peer '{given}' lacks the interpreter of the environment that {name} is in: "
            f"--peer {name}=/path/to/bin/python"
        )
    if name not in known:
        raise InputError(
            f"--peer '{given}' is not NAME=PYTHON with NAME among {', '.join(known)}."
            f"{closest(name, known)} PYTHON is the interpreter of the environment it is in"
        )
    # Not resolved: an interpreter knows its environment by the link it is called by.
    return name, str(Path(shutil.which(python) or python).absolute())


def _versions(peer: Peer, python: str) -> dict[str, Any]:
    command = [python, "-c", _VERSIONS, peer.module, peer.distribution, "torch"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        versions: dict[str, Any] = json.loads(done.stdout)
    except OSError as error:
        said = str(error.strerror)
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["it does not answer as Python does"])[-1]
    else:
        return versions
    raise InputError(
        f"'{python}' cannot import {peer.name}: {said}. Install {peer.distribution} there, or "
        f"leave out --peer {peer.key}"
    )
