"""What the TorchScript code of a potential file may say.

A potential computes: it needs tensor operations, its own functions and nothing else. Code that
defines hooks which run while it is loaded, names an operator that is not on the list (those that
read or write files are not), or loops without a bound is refused before torch sees it.

This guards against accidents and simple malice. It is not a sandbox: torch itself calls
TorchScript code from others "locally executable code". Use potential files of people you trust.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from .errors import PotentialFileError

_TENSOR_OPERATORS = """
__and__ __contains__ __derive_index __getitem__ __is__ __isnot__ __not__ __or__ __range_length
_set_item abs add add_ addmm all amax amin any append arange argsort atan2 autograd.grad baddbmm
bincount bmm broadcast_tensors cat ceil chunk clamp clone contiguous copy_ cos cross cumsum
detach diff dim div einsum elu empty empty_like eq erf exp expand expand_as flatten floor
floor_divide floordiv full full_like gather ge gelu gt index index_add index_add_ index_put
index_put_ index_select insert is_floating_point le len linalg_vector_norm linear list log log1p
logical_and logical_not logical_or lt masked_fill masked_fill_ matmul max maximum mean min
minimum mm mul mul_ narrow ne neg new_empty new_full new_ones new_zeros nonzero norm numel ones
ones_like outer permute pow prod reciprocal relu remainder repeat repeat_interleave
requires_grad_ reshape rsqrt scatter_add searchsorted select sigmoid silu silu_ sin sinh size
slice softplus sort split split_with_sizes sqrt square squeeze stack sub sub_ sum t tanh tensor
tensor_split to transpose tril triu type_as unbind unflatten unsqueeze view view_as where zero_
zeros zeros_like
"""
_LANGUAGE_OPERATORS = """
RaiseException abs device dtype is_cpu is_cuda layout max min name requires_grad tolist
unchecked_cast unchecked_unwrap_optional
"""
_ALLOWED = frozenset(
    [f"torch.{word}" for word in _TENSOR_OPERATORS.split()]
    + [f"ops.prim.{word}" for word in _LANGUAGE_OPERATORS.split()]
)
_FILE_OPERATORS = frozenset({"from_file", "load", "open", "save"})


def check_code(entries: Mapping[str, bytes], name: str) -> None:
    """Check the code among the entries of an archive.

    Parameters
    ----------
    entries : mapping from path to content
        Those that end in ``.py`` are code.
    name : str
        The file's name, for messages.

    Raises
    ------
    PotentialFileError
        If the code says more than a potential needs.
    """
    code = {path: content for path, content in entries.items() if path.endswith(".py")}
    try:
        trees = {path: ast.parse(content.decode()) for path, content in code.items()}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PotentialFileError(f"'{name}' has code that cannot be read: {error}") from error
    declared = {word for tree in trees.values() for word in _declarations(tree)}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            complaint = _complaint(node, declared)
            if complaint:
                raise PotentialFileError(
                    f"'{name}' is refused: its code {complaint} ({path}), which no potential "
                    "needs. Use potential files of people you trust only."
                )


def _declarations(tree: ast.AST) -> Iterator[str]:
    """Yield the names of attributes and functions that code declares."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            # Attributes that are no identifiers: __annotations__["0"] = ...
            for target in node.targets:
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    yield str(target.slice.value)


def _complaint(node: ast.AST, declared: set[str]) -> str:
    """Return what is wrong with one node of the syntax tree, or nothing."""
    if isinstance(node, ast.FunctionDef) and node.name.startswith("__") and node.name != "__len__":
        return f"defines {node.name}"
    if isinstance(node, ast.While):
        return "has a loop without a bound"
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "imports"
    word = _last_word(node)
    if word in _FILE_OPERATORS:
        return f"uses '{word}'"
    if isinstance(node, ast.Attribute) and not _is_known(_dotted(node), declared):
        return f"uses '{ast.unparse(node)}'"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        attribute = node.args[1] if len(node.args) == 2 else None
        if not isinstance(attribute, ast.Constant) or attribute.value not in declared:
            return "uses getattr with a name that it does not declare"
    return ""


def _last_word(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return ""


def _dotted(node: ast.expr) -> list[str]:
    """Return the words of a dotted name; the first is empty if it begins with an expression."""
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def _is_known(words: list[str], declared: set[str]) -> bool:
    match words:
        case ["torch", "autograd"] | ["ops", _]:
            return True
        case ["ops", "gaunt", _]:
            return True
        case ["torch" | "ops", *_]:
            return ".".join(words) in _ALLOWED
        case ["__torch__", "torch", "classes", *_]:
            return False
        case ["__torch__" | "CONSTANTS", *_]:
            return True
    return words[-1] in declared
