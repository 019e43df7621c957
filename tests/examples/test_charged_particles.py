"""The example that trains on charged particles learns, with either kind of product."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "04_charged_particles.py"


def errors(*options: str) -> dict[str, float]:
    result = subprocess.run(
        [sys.executable, EXAMPLE, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=True,
    )
    found = re.findall(r"^(.+?)\s+error ([\d.]+)", result.stdout, re.MULTILINE)
    return {name: float(error) for name, error in found}


def test_a_few_epochs_beat_motion_without_forces() -> None:
    quick = ("--epochs", "8", "--samples", "300", "--seeds", "1", "--processes", "1")
    found = errors(*quick)
    assert set(found) == {"no force", "Clebsch-Gordan", "Gaunt"}
    assert max(found["Clebsch-Gordan"], found["Gaunt"]) < 0.9 * found["no force"]


@pytest.mark.slow
def test_gaunt_products_predict_as_well_as_clebsch_gordan_products() -> None:
    found = errors()
    assert found["Gaunt"] <= 1.05 * found["Clebsch-Gordan"]
