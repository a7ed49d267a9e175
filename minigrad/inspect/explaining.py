"""Why a gradient is None, zero, NaN or huge, and what is wrong with a step of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minigrad.inspect.causes_of_errors import why_it_raised
from minigrad.inspect.causes_of_gradients import why_this_gradient
from minigrad.inspect.causes_of_training import what_is_wrong
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """What was found, the most certain first; nothing if all seems well.

    >>> str(Explanation(())), bool(Explanation(()))
    ('no fault found', False)
    """

    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "no fault found"


def explain(target: Any, recording: Recording) -> Explanation:
    """Say in a sentence, with the line, why a tensor's gradient is as it is; or what ails a model.

    ``recording`` is of one or more steps, forward and backward (and better with the update):
    ``with inspect.record(model) as recording: ...``. ``target`` is a tensor, or the model for all
    that can be seen of it. A block that raised is explained too.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> w = torch.tensor([1., -2.], requires_grad=True)
    >>> with inspect.record() as recording:
    ...     loss = (w.detach() * 3).sum() + (w * 0).sum()
    ...     loss.backward()
    >>> print(inspect.explain(w, recording))
    the gradient is zero: the other factor is zero  [...:2  w * 0]
    """
    raised = [] if recording.error is None else list(why_it_raised(recording))
    if hasattr(target, "parameters"):
        if recording.model is not target:
            raise ValueError("explain: the recording is not of this model: record(model)")
        found = list(what_is_wrong(target, recording))
    elif hasattr(target, "_array"):
        found = list(why_this_gradient(target, recording))
    else:
        raise TypeError(f"explain: expected a tensor or a module, got {type(target).__name__}")
    frozen = any(finding.cause == "all frozen" for finding in found)
    found = [*found, *raised] if frozen else [*raised, *found]  # that is why there is no graph
    distinct: dict[tuple[str, str], Finding] = {}
    for finding in found:
        distinct.setdefault((finding.cause, str(finding.line)), finding)
    return Explanation(tuple(distinct.values()))
