"""Groups of options: a parameter of a verb that is a dataclass stands for options of its own.

Each field is an option, declared as Typer wants it, and the verb gets them together::

    @dataclass(frozen=True)
    class Thermostat:
        temperature: Annotated[float, typer.Option(help="Temperature, K.")] = 300.0

    def md(structure: Structure, *, thermostat: Thermostat) -> None:

gives `gaunt-md md STRUCTURE --temperature 600`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def ungrouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb that has the fields of its groups for parameters, in the groups' places."""
    types = get_type_hints(verb, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in types.items() if is_dataclass(kind)}

    @functools.wraps(verb)
    def with_groups(**options: Any) -> None:
        for name, group in groups.items():
            chosen = {field.name: options.pop(field.name) for field in fields(group)}
            options[name] = group(**chosen)
        verb(**options)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        if name in groups:
            parameters += _of_fields(groups[name])
        else:
            parameters.append(_parameter(name, parameter.default, types[name]))
    with_groups.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_groups.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_groups


def _of_fields(group: Any) -> Iterator[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield _parameter(field.name, default, types[field.name])


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)
