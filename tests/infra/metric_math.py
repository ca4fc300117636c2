"""Metric math as CloudWatch does it, as far as alarms here use it: over series with gaps.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html: an operation
on a missing point is missing, as is a division by zero; comparisons give 0 or 1; IF takes a series
or a number in each place; FILL puts a number into gaps.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

Series = Sequence[float | None]

_ARITHMETIC: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
}


def evaluate(expression: str, metrics: Mapping[str, Series]) -> list[float | None]:
    """Return the value of an expression at each point of its metrics, all of one length."""
    length = {len(series) for series in metrics.values()}
    assert len(length) == 1
    tree = ast.parse(expression, mode="eval").body
    return [_at(tree, metrics, place) for place in range(length.pop())]


def breaching(values: Series, above: float, periods: int) -> list[bool]:
    """Return whether an alarm is up after each point, if missing points are good ones."""
    return [
        place + 1 >= periods
        and all(
            value is not None and value > above for value in values[place + 1 - periods : place + 1]
        )
        for place in range(len(values))
    ]


def _at(node: ast.expr, metrics: Mapping[str, Series], place: int) -> float | None:
    def value(of: ast.expr) -> float | None:
        return _at(of, metrics, place)

    result: float | None
    match node:
        case ast.Constant(value=int() | float() as number):
            result = number
        case ast.Name(id=name):
            result = metrics[name][place]
        case ast.BinOp(left=left, op=op, right=right):
            result = _apply(_ARITHMETIC[type(op)], value(left), value(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            result = _apply(_ARITHMETIC[type(op)], value(left), value(right))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            met = value(condition)
            result = None if met is None else value(then if met else otherwise)
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, by]):
            found = value(filled)
            result = value(by) if found is None else found
        case ast.Call(func=ast.Name(id="MAX"), args=[ast.List(elts=of)]):
            result = max((each for each in map(value, of) if each is not None), default=None)
        case ast.Call(func=ast.Name(id="SERVICE_QUOTA"), args=[ast.Name(id=name)]):
            result = metrics[f"quota of {name}"][place]
        case _:
            raise ValueError(f"{ast.unparse(node)} is not understood here")
    return result


def _apply(
    apply: Callable[[float, float], float], left: float | None, right: float | None
) -> float | None:
    if left is None or right is None:
        return None
    try:
        return float(apply(left, right))
    except ZeroDivisionError:
        return None
