"""A step of backward as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.inspect.drawn import shape_text, size_text

if TYPE_CHECKING:
    from minigrad.inspect.stepping import Step

__all__ = ["told"]

_FEW = 12  # elements up to which values are written out


def told(step: Step) -> str:
    """What happened in one step, in a few lines.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> print(list(inspect.steps((x * x).sum(), recording={"x": x}))[2])
    step 2: x (2)
      comes in  [2. 4.]
      is added to .grad
      memory    0 B, 0 waiting
    """
    node = step.node
    lines = [f"step {step.number}: {node.name} {shape_text(node.shape)}"]
    if node.line is not None and node.line.text:
        lines.append(f"  made by   {node.line.text}    {node.line}")
    if node.module:
        lines.append(f"  in        {node.module}")
    lines.append(f"  comes in  {_value(step.incoming)}")
    for passed in step.outgoing:
        formula = f"  = {passed.formula}" if passed.formula and "\n" not in passed.formula else ""
        to = f"to {passed.to.name} (node {passed.to.number})"
        lines.append(f"  goes out  {passed.argument}: {_value(passed.gradient)}{formula}  {to}")
    if not step.outgoing and node.node is not None and not node.inputs:
        lines.append("  is added to .grad")
    lines.append(f"  memory    {size_text(step.bytes)}, {step.waiting} waiting")
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join("nothing" if part is None else _value(part) for part in value)
    array = value.detach().numpy()
    if array.size <= _FEW:
        return " ".join(str(array).split())
    return (
        f"{shape_text(array.shape)} {array.min():.4g} .. {array.max():.4g}, "
        f"norm {float((array.astype('float64') ** 2).sum()) ** 0.5:.4g}"
    )
