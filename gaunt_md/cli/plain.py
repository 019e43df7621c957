"""Help texts: paragraphs as wide as the terminal, and types that fit into a narrow column."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from .groups import ungrouped


class _Command(TyperCommand):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.help = _unwrapped(self.help or "")

    def get_params(self, ctx: Any) -> list[Any]:
        return [_with_short_type(one, ctx) for one in super().get_params(ctx)]


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return [_with_short_type(one, ctx) for one in super().get_params(ctx)]


class Verbs(typer.Typer):
    """A `typer.Typer` whose help writes "--json", not "--json <bool>", and wraps anew."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=_Group, **options)

    def command(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """Return the decorator that adds a verb, whose options may come in groups."""
        add = super().command(*arguments, cls=_Command, **options)
        return lambda verb: add(ungrouped(verb))


def _with_short_type(parameter: Any, context: Any) -> Any:
    """Let a flag have no type, a range that of its numbers, and choices break between words."""
    shown = getattr(parameter, "display_type", None)  # which older versions of Typer lack
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    elif shown and isinstance(parameter, TyperOption) and parameter.metavar is None:
        parameter.metavar = shown(context).replace(" range>", ">").replace("|", " | ")
    return parameter


def _unwrapped(docstring: str) -> str:
    """Return paragraphs without the line breaks that they have in the source."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
