"""Options from a file: `--config FILE` takes the same keys as the flags, for any verb.

A verb takes part with one parameter, which it needs not look at::

    def relax(..., config: ConfigFile = None) -> None:

`gaunt-md relax --config relax.yaml` then reads the options that the command line does not give
from that file, and `gaunt-md config relax` prints one with every key, made from the verb's own
options and help texts.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError, closest

_OWN = "config"


def _read(context: typer.Context, path: Path | None) -> Path | None:
    """Make what the file says the defaults of the verb; runs before other options are looked at."""
    if path is not None and not context.resilient_parsing:
        context.default_map = _values(path, context.command, str(context.info_name))
    return path


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_read,
        help="YAML file with the same keys as these options, which override it; "
        "`gaunt-md config VERB` prints one.",
    ),
]
"""Type of the parameter by which a verb takes part."""


def takes_settings(command: Any) -> bool:
    """Tell whether a verb reads a file of options."""
    return any(parameter.name == _OWN for parameter in command.params)


def commented_yaml(verb: str, command: Any) -> str:
    """Return a valid file with every key of a verb, its default and its meaning.

    Parameters
    ----------
    verb : str
        Name of the verb.
    command : Command
        What Typer made of the verb's function.
    """
    import yaml

    lines = [
        f"# Options of `gaunt-md {verb}`, for `gaunt-md {verb} --config FILE`.",
        "# Keys that keep their default may be left out; null stands for the default described.",
        "# Options on the command line override those in this file.",
    ]
    for key, parameter in _keys(command).items():
        default = None if parameter.required else parameter.default
        item = yaml.safe_dump({key: _plain(default)}, default_flow_style=False, allow_unicode=True)
        lines += ["", *_comment(parameter), item.strip()]
    return "\n".join(lines) + "\n"


def _comment(parameter: Any) -> list[str]:
    import textwrap

    text = parameter.help or ""
    if isinstance(shown := getattr(parameter, "show_default", None), str):
        text += f" Default: {shown}."
    if isinstance(parameter.default, Enum):
        text += f" One of {', '.join(str(choice.value) for choice in type(parameter.default))}."
    if parameter.required:
        text += " Must be given, here or on the command line."
    return textwrap.wrap(
        text, 98, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _keys(command: Any) -> dict[str, Any]:
    """Return the parameters by their keys: "--final-temperature" is final_temperature."""
    return {
        _key(parameter): parameter
        for parameter in command.params
        if parameter.name not in (_OWN, "help")
    }


def _key(parameter: Any) -> str:
    flags = [flag for flag in parameter.opts if flag.startswith("--")]
    name: str = flags[0] if flags else parameter.name
    return name.lstrip("-").replace("-", "_")


def _values(path: Path, command: Any, verb: str) -> dict[str, Any]:
    """Return the options in a file by the names of the verb's parameters."""
    known = _keys(command)
    values = {}
    for written, value in _load(path, verb).items():
        key = str(written).replace("-", "_")
        if key not in known:
            raise InputError(
                f"unknown key '{written}' in '{path}'.{closest(key, known)} "
                f"`gaunt-md config {verb}` prints all of them"
            )
        if value is not None:
            values[known[key].name] = _as_typed(value, known[key], f"{key} in '{path}'")
    return values


def _load(path: Path, verb: str) -> dict[Any, Any]:
    import yaml

    advice = f"`gaunt-md config {verb}` prints a valid one"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no configuration '{path}'; {advice}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"configuration '{path}' is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"configuration '{path}' holds no keys; {advice}")
    return content


def _as_typed(value: Any, parameter: Any, where: str) -> Any:
    """Return a value as the command line would give it, so that both are judged alike."""
    several = getattr(parameter, "multiple", False) or parameter.nargs != 1
    if isinstance(value, dict) or (isinstance(value, list) and not several):
        raise InputError(f"{where} is {value!r}; one value is expected")
    if several:
        return [str(one) for one in (value if isinstance(value, list) else [value])]
    return value if isinstance(value, bool) else str(value)


def _plain(default: Any) -> Any:
    """Return a default in the types that YAML knows."""
    if isinstance(default, list | tuple):
        return [_plain(one) for one in default]
    return default if default is None or isinstance(default, bool | int | float) else str(default)
