"""`gaunt-md bench`: measurements on this machine, side by side with what else is installed."""

from __future__ import annotations

from . import bench_md, bench_product, bench_profile, bench_train
from .plain import Verbs

app = Verbs(help="Measure on this machine, beside what else is installed.", no_args_is_help=True)
for verb in (bench_md.md, bench_train.train, bench_profile.profile, bench_product.product):
    app.command()(verb)
