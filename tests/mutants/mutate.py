"""The mutants of a module: found in its syntax tree, named so that each can be made again, compiled."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType
from typing import Final

from tests.mutants.operators import Change, changes

# Decorators and bases say how a class is built, not what the trade rules are (`frozen`, `slots`, `kw_only`).
_UNTOUCHED: Final = frozenset({"decorator_list", "bases", "keywords", "format_spec", "type_params"})
_ANNOTATIONS: Final = frozenset({"annotation", "returns"})
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a tree where another node can stand: a field of `owner`, or one item of it."""

    owner: ast.AST
    field: str
    item: int | None

    def get(self) -> ast.AST:
        held = getattr(self.owner, self.field)
        node: ast.AST = held if self.item is None else held[self.item]
        return node

    def put(self, node: ast.AST) -> None:
        if self.item is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.item] = node


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a node stands. `entry` is the outermost function whose body holds it: (name, first line of its code)."""

    names: tuple[str, ...] = ()
    entry: tuple[str, int] | None = None
    lines: range = range(0)
    annotation: bool = False


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small mistake in one module.

    `id` finds it in today's source (path:line:number on that line); (`module`, `function`, `change`) survives lines
    that move. `lines`: those of its statement, without the body of a compound one. `entry`: see Scope; None for what
    is evaluated when the module is imported.
    """

    path: Path
    module: str
    function: str
    change: str
    line: int
    lines: range
    entry: tuple[str, int] | None
    number: int = 0
    tree: ast.Module = field(repr=False, default_factory=lambda: ast.Module([], []))
    site: Site | None = field(repr=False, default=None)
    put: ast.AST = field(repr=False, default_factory=ast.Pass)

    @property
    def id(self) -> str:
        return f"{self.path.as_posix()}:{self.line}:{self.number}"

    @property
    def key(self) -> tuple[str, str, str]:
        return self.module, self.function, self.change


def find_mutants(path: Path, *, root: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its source."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    found: list[Mutant] = []
    on_line: Counter[int] = Counter()
    same: Counter[tuple[str, str]] = Counter()
    for site, scope, line, change in _walk(tree, Scope()):
        text, function = change.text or _text(site, change), ".".join(scope.names) or "<module>"
        on_line[line] += 1
        same[function, text] += 1
        again = same[function, text]
        mutant = Mutant(path, module, function, text if again == 1 else f"{text} ({again})", line, scope.lines, None)
        entry = scope.entry
        found.append(replace(mutant, entry=entry, number=on_line[line], tree=tree, site=site, put=change.node))
    return found


def compile_mutant(mutant: Mutant) -> CodeType:
    """The module's code with the mistake in it. The tree keeps it: meant for a process that looks at nothing else."""
    assert mutant.site is not None
    mutant.site.put(ast.copy_location(mutant.put, mutant.site.get()))
    return compile(ast.fix_missing_locations(mutant.tree), str(mutant.path), "exec", dont_inherit=True)


def entry_code(code: CodeType, entry: tuple[str, int]) -> CodeType | None:
    """The code of the function that starts there."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if (constant.co_name, constant.co_firstlineno) == entry:
                return constant
            inner = entry_code(constant, entry)
            if inner is not None:
                return inner
    return None


# Walking the tree -----------------------------------------------------------------------------------------------------


def _walk(node: ast.AST, scope: Scope) -> Iterator[tuple[Site, Scope, int, Change]]:
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED and not isinstance(node, ast.Call):
            continue
        inside = _inside(node, name, scope)
        items = value if isinstance(value, list) else [value]
        for place, child in enumerate(items):
            if isinstance(child, ast.AST) and not _is_docstring(child):
                site = Site(node, name, place if isinstance(value, list) else None)
                yield from _visit(site, child, inside)


def _visit(site: Site, node: ast.AST, scope: Scope) -> Iterator[tuple[Site, Scope, int, Change]]:
    if isinstance(node, ast.stmt):
        scope = replace(scope, lines=_own_lines(node))
    if not scope.annotation:
        line = getattr(node, "lineno", scope.lines.start)
        for change in changes(node):
            yield site, scope, line, change
    yield from _walk(node, scope)


def _inside(node: ast.AST, name: str, scope: Scope) -> Scope:
    """The scope of what stands in this field. An annotation is a type, but a bound in its `Meta()` is a rule."""
    if name in _ANNOTATIONS:
        return replace(scope, annotation=True)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Meta":
        return replace(scope, annotation=False)
    if isinstance(node, ast.ClassDef) and name == "body":
        return replace(scope, names=(*scope.names, node.name))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body":
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return replace(scope, names=(*scope.names, node.name), entry=scope.entry or (node.name, first))
    return scope


def _own_lines(node: ast.stmt) -> range:
    """A statement's lines; a compound one's up to its body."""
    body = getattr(node, "body", None)
    last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
    return range(node.lineno, max(last, node.lineno) + 1)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(site: Site, change: Change) -> str:
    """Before and after; of a constant or a name, what it stands in, unless that is long."""
    node = site.get()
    before, after = _unparsed(node), _unparsed(change.node)
    if isinstance(node, ast.Constant | ast.Name) and isinstance(site.owner, ast.expr | ast.keyword | ast.Return):
        outer = _unparsed(site.owner)
        site.put(change.node)
        changed = _unparsed(site.owner)
        site.put(node)
        if len(outer) <= _LONGEST:
            before, after = outer, changed
    return f"{before} => {after}"


def _unparsed(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
