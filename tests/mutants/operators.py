"""The small mistakes that a mutant makes: each operator takes one node and gives what may stand in its place."""

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final


@dataclass(frozen=True, slots=True)
class Change:
    """What stands in the place of a node. `text` says it where before and after would not."""

    node: ast.AST
    text: str = ""


_COMPARISONS: Final[Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,  # of sets and dictionaries too
    ast.BitAnd: ast.BitOr,
}
_NAMES: Final[Mapping[str, str]] = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "ROUND_DOWN": "ROUND_HALF_UP",
    "ROUND_HALF_UP": "ROUND_DOWN",
    "ROUND_CEILING": "ROUND_FLOOR",
}
_DECIMALS: Final = frozenset({"Decimal", "Lots", "Money", "Price"})


def changes(node: ast.AST) -> Iterator[Change]:
    """Everything that may stand in the place of this node."""
    for operator in _OPERATORS.get(type(node), ()):
        yield from operator(node)


def _comparison(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.Compare)
    for place, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            yield Change(_with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]]))


def _boolean(node: ast.AST) -> Iterator[Change]:
    """And for or, and each operand left out."""
    assert isinstance(node, ast.BoolOp)
    yield Change(_with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or()))
    for place in range(len(node.values)):
        rest = node.values[:place] + node.values[place + 1 :]
        yield Change(rest[0] if len(rest) == 1 else _with(node, values=rest))


def _sign(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.UnaryOp)
    if isinstance(node.op, ast.Not | ast.USub):
        yield Change(node.operand)


def _arithmetic(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.BinOp | ast.AugAssign)
    yield Change(_with(node, op=_ARITHMETIC[type(node.op)]()))


def _constant(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.Constant)
    if isinstance(node.value, bool):
        yield Change(_with(node, value=not node.value))
    elif isinstance(node.value, int):
        yield Change(_with(node, value=node.value + 1))
        if node.value == 1:
            yield Change(_with(node, value=0))


def _name(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.Name)
    if node.id in _NAMES and isinstance(node.ctx, ast.Load):
        yield Change(_with(node, id=_NAMES[node.id]))


def _call(node: ast.AST) -> Iterator[Change]:
    """Each keyword left out; and one more where a decimal is written as text."""
    assert isinstance(node, ast.Call)
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            rest = node.keywords[:place] + node.keywords[place + 1 :]
            yield Change(_with(node, keywords=rest), f"{ast.unparse(node.func)}() without {keyword.arg}")
    if isinstance(node.func, ast.Name) and node.func.id in _DECIMALS:
        yield from _decimal_text(node)


def _decimal_text(node: ast.Call) -> Iterator[Change]:
    match node.args:
        case [ast.Constant(value=str() as text)]:
            try:
                other = Decimal(text) + 1
            except InvalidOperation:
                return
            yield Change(_with(node, args=[ast.Constant(str(other))]))


def _condition(node: ast.AST) -> Iterator[Change]:
    """A bare condition negated: comparisons, `not` and `and`/`or` have mutants of their own."""
    assert isinstance(node, ast.If | ast.IfExp | ast.While)
    if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        negated = ast.UnaryOp(ast.Not(), node.test)
        condition = ast.unparse(node.test)
        yield Change(_with(node, test=negated), f"if {condition} => if not {condition}")


def _filter(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.comprehension)
    for place, condition in enumerate(node.ifs):
        rest = node.ifs[:place] + node.ifs[place + 1 :]
        yield Change(_with(node, ifs=rest), f"for ... without if {ast.unparse(condition)}")


def _return(node: ast.AST) -> Iterator[Change]:
    assert isinstance(node, ast.Return)
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield Change(_with(node, value=ast.Constant(None)))


def _assignment(node: ast.AST) -> Iterator[Change]:
    """Left out where it writes into something; without a plain name nothing behind it would run."""
    assert isinstance(node, ast.Assign)
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield from _left_out(node)


def _left_out(node: ast.AST) -> Iterator[Change]:
    yield Change(ast.Pass(), f"without {ast.unparse(node)}")


def _jump(node: ast.AST) -> Iterator[Change]:
    yield Change(ast.Break() if isinstance(node, ast.Continue) else ast.Continue())


_OPERATORS: Final[Mapping[type[ast.AST], tuple[Callable[[ast.AST], Iterator[Change]], ...]]] = {
    ast.Compare: (_comparison,),
    ast.BoolOp: (_boolean,),
    ast.UnaryOp: (_sign,),
    ast.BinOp: (_arithmetic,),
    ast.AugAssign: (_arithmetic, _left_out),
    ast.Constant: (_constant,),
    ast.Name: (_name,),
    ast.Call: (_call,),
    ast.If: (_condition,),
    ast.IfExp: (_condition,),
    ast.While: (_condition,),
    ast.comprehension: (_filter,),
    ast.Return: (_return,),
    ast.Expr: (_left_out,),
    ast.Raise: (_left_out,),
    ast.Assign: (_assignment,),
    ast.Continue: (_jump,),
    ast.Break: (_jump,),
}


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A shallow copy with other fields: the tree that it comes from stays as it is."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made
