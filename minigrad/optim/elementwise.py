"""``Elementwise``: the optimizers whose rule treats each element by itself, which are nearly all.

Such an optimizer is its ``rule``, written once in torch's words for work in place, the numbers that
the rule needs (``prepare``), and the names of what is kept for each parameter (``counters``,
``moments``). What is here runs the rule: on packs of small parameters at once, on large ones piece
by piece, on Tensors where the step is to be recorded or rounded after each operation. ``one_pass``
names the native kernel, where there is one, that does the same as the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.autograd import set_grad_enabled
from minigrad.backend import capture, native
from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.dtypes import float32, float64, get_default_dtype
from minigrad.errors import ShapeError
from minigrad.optim.blocks import PIECE, Room
from minigrad.optim.cells import Cell
from minigrad.optim.groups import Group
from minigrad.optim.many import Many, counts_on_card, divided, fits, not_capturable
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.options import Options, plain
from minigrad.optim.packs import SMALL, Pack, overlap
from minigrad.tensor import Tensor

# A kernel or None, its arrays, and the numbers that follow the size of the arrays.
Call = tuple[Callable[..., None] | None, tuple[Any, ...], tuple[Any, ...]]


class Elementwise(Optimizer):
    """Base of the optimizers that have a rule for one element."""

    # rule(o, p, g, **state) changes a piece of the parameters and of the state, in place.
    rule: Callable[..., None]
    # The kernel that steps many parameters on a card, with the numbers of ``one_pass``.
    many = ""
    many_reads_rate = False  # and whether it can read a learning rate that lies on the card
    # What torch's message names when ``capturable`` is set for parameters on the CPU.
    capturable_needs = "params and state_steps"
    on_xla = (True, False)  # whether it names XLA; the same with ``foreach``

    def _prepare(self) -> None:
        super()._prepare()
        self._plans: dict[int, Plan] = {}
        self._new: set[int] = set()  # parameters whose state was made for the step that runs
        self._rooms: dict[Any, Room] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for p in group["params"]:
                known = self.state.get(p) or {}
                for name in self.counters(group):  # numbers in files of old versions
                    if name in known and not isinstance(known[name], Tensor):
                        known[name] = functions.tensor(float(known[name]), dtype=_exact(group))

    # --- what an optimizer says about itself ----------------------------------------------------

    def counters(self, group: Group) -> dict[str, float]:
        """Names and first values of the numbers kept for each parameter."""
        return {"step": 0.0}

    def moments(self, group: Group) -> dict[str, float]:
        """Names and first values of the tensors kept for each parameter, as large as it is."""
        raise NotImplementedError

    def prepare(self, o: Options, n: Any, counters: dict[str, Any]) -> None:
        """Put the numbers that the rule of step ``n`` needs beside the options.

        Where steps are counted on a card ``n`` and the counters are Tensors of it, which nobody may
        wait for, and so is all that follows from them.
        """

    def one_pass(self, o: Options, p: Any, g: Any, state: dict[str, Any]) -> Call:
        """The kernel that does all of the rule, if there is one, with its arrays and numbers."""
        return None, (), ()

    def step_many(self, many: Many, group: Group) -> None:
        """Step parameters on a card by the kernel ``many``."""
        run, known = native.kernel(self.many, many.arrays[0]), many.states[0]
        values = {name: known[name]._array.reshape(())[()] for name in self.counters(group)}
        o = self._options(group, False, many.fresh, values)
        assert run is not None
        some = dict(zip(many.names, (arrays[0] for arrays in many.moments), strict=True))
        _, _, numbers = self.one_pass(o, many.arrays[0], many.arrays[0], some)
        many.launch(run, numbers)
        for state in many.states:
            for name, value in values.items():
                state[name]._array[...] = value
                state[name]._bump_version()

    def gradient(self, o: Options, p: Any, g: Any) -> Any:
        """The gradient with its sign, and with the decay of the weights added."""
        if o.maximize:
            g = g.neg()
        return g.add(p, o.weight_decay) if o.weight_decay != 0 else g

    def decayed(self, o: Options, p: Any, g: Any) -> Any:
        """``gradient``, or, with ``decoupled_weight_decay``, the parameters shrink instead."""
        if not o.decoupled_weight_decay or o.weight_decay == 0:
            return self.gradient(o, p, g)
        p.mul_(1 - o.lr * o.weight_decay)
        return g.neg() if o.maximize else g

    # --- a step ---------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what the closure returned, if there is one.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.SGD([w], lr=0.5).step()
        >>> w
        tensor([0.5000], requires_grad=True)
        """
        recorded = bool(self.defaults["differentiable"])
        with set_grad_enabled(recorded):
            loss = self._run(closure)
            token = quiet()
            try:
                for place, group in enumerate(self.param_groups):
                    self._step_group(place, group, recorded)
            finally:
                unquiet(token)
        return loss

    def _step_group(self, place: int, group: Group, recorded: bool) -> None:
        params = [p for p in group["params"] if p._grad is not None]
        if not params:
            return
        self._check_switches(group, params)
        plan = self._plans.get(place)
        if plan is None or not plan.serves(params, self.state):
            plan = self._plans[place] = self._plan(params, group, recorded)
        for p in plan.others:
            self._step_cell(p, group, recorded)
        for many in plan.many:
            many.check_capture(type(self).__name__)
            self.step_many(many, group)
        for pack in plan.packs:
            if not self._step_pack(pack, group):  # somebody changed the step counts of some
                del self._plans[place]
                for alone in pack.divided():
                    self._step_pack(alone, group)

    def _check_switches(self, group: Group, params: list[Tensor]) -> None:
        if group.get("capturable") and params[0].device.type == "cpu":
            many = bool(group["foreach"])
            devices = ["cuda", "xpu", "hpu", "privateuseone", "xla"][: 4 + self.on_xla[many]]
            needs = self.capturable_needs.format("," * many)
            raise AssertionError(
                f"If capturable=True, {needs} must be on supported devices: {devices}."
            )
        if group.get("foreach") and group["differentiable"] and self.counters(group):
            raise AssertionError("_foreach ops don't support autograd")

    # --- what is stepped together ---------------------------------------------------------------

    def _plan(self, params: list[Tensor], group: Group, recorded: bool) -> Plan:
        """Make the state that is missing, and say how the parameters are treated."""
        fresh = [self._begin(p, group) for p in params]
        rate = group.get("lr")
        far = isinstance(rate, Tensor) and rate.device.type != "cpu" and not self.many_reads_rate
        bare: list[tuple[Tensor, bool]] = []
        others, on_card = [], []
        for p, new in zip(params, fresh, strict=True):
            if self.many and not recorded and not far and fits(p):
                on_card.append((p, new))
            elif recorded or type(p._array) is not np.ndarray or p._array.dtype.char not in "fd":
                others.append(p)
            else:
                bare.append((p, new))
        self._new = {id(p) for p, new in zip(params, fresh, strict=True) if new}
        names = tuple(self.counters(group)), tuple(self.moments(group))
        many = list(divided(on_card, self.state, group, *names))
        return Plan(params, list(self._packs(bare, group)), others, many)

    def _begin_all(self, params: list[Tensor], group: Group) -> None:
        """Make all state before the first step, as Adagrad does."""
        for p in params:
            self._begin(p, group)

    def _begin(self, p: Tensor, group: Group) -> bool:
        """Make the state of a parameter if it has none; whether that was so."""
        counters, moments = self.counters(group), self.moments(group)
        names = (*counters, *moments)
        if not names or self.state[p].get(names[0]) is not None:
            return False
        if type(p._array) is not np.ndarray:
            first = f"the first step of {type(self).__name__}"
            capture.refuse(first, "take a few steps before, on a side stream")
        state = self.state[p]
        for name, start in counters.items():
            place = p.device if counts_on_card(group) else None
            state[name] = functions.tensor(start, dtype=_exact(group), device=place)
        for name, start in moments.items():
            state[name] = functions.full_like(p.data, start)
        return True

    def _packs(self, members: list[tuple[Tensor, bool]], group: Group) -> Iterator[Pack]:
        """Small parameters of one type and age together, large ones alone."""
        counters = self.counters(group)
        names = (*counters, *self.moments(group))
        alone = overlap([p._array for p, _ in members])  # or the same parameter twice
        waiting: dict[Any, list[Tensor]] = {}
        for p, fresh in members:
            state = self.state[p] if names else {}
            for name in self.moments(group):
                if state[name]._array.shape != p._array.shape:
                    raise ShapeError(
                        f"the state {name!r} of shape {tuple(state[name].shape)} does not fit its "
                        f"parameter, {p._array.shape}"
                    )
            if alone or p._array.size > SMALL:
                yield Pack([p], [state], names, fresh)
                continue
            key = (p._array.dtype, fresh, *(float(state[name]) for name in counters))
            together = waiting.setdefault(key, [])
            if sum(q._array.size for q in together) + p._array.size > PIECE:
                yield self._pack(together, names, fresh)
                together.clear()
            together.append(p)
        for key, together in waiting.items():
            yield self._pack(together, names, key[1])

    def _pack(self, members: list[Tensor], names: tuple[str, ...], fresh: bool) -> Pack:
        return Pack(list(members), [self.state[p] if names else {} for p in members], names, fresh)

    # --- the rule -------------------------------------------------------------------------------

    def _step_pack(self, pack: Pack, group: Group) -> bool:
        """Run the rule on a pack; False if its members turn out to differ in age."""
        values = pack.values(self.counters(group))
        if values is None:
            return False
        o = self._options(group, False, pack.fresh, values)
        pack.count(values)
        dtype = pack.members[0]._array.dtype
        room = self._rooms.get(dtype)
        if room is None:
            room = self._rooms[dtype] = Room(dtype)
        moments = tuple(self.moments(group))
        p, g, flats = pack.take(moments, room)
        run, arrays, numbers = self.one_pass(o, p, g, flats)
        if run is not None:
            run(*arrays, p.size, *map(float, numbers))
        else:
            for block, gradient, state in pack.blocks(p, g, flats, room):
                self.rule(o, block, gradient, **state)
        pack.give_back(moments)
        pack.fresh = False
        return True

    def _step_cell(self, p: Tensor, group: Group, recorded: bool) -> None:
        """Run the rule on Tensors."""
        fresh = self._begin(p, group) or id(p) in self._new
        self._new.discard(id(p))
        counters, moments = self.counters(group), self.moments(group)
        state = self.state[p] if counters or moments else {}
        on_card = type(p._array) is not np.ndarray and not recorded
        if on_card:
            self._check_capture(group, bool(counters))
        on_card = on_card and (counts_on_card(group) or not counters)
        values: dict[str, Any] = {
            name: state[name].clone() if on_card else state[name]._array.reshape(())[()]
            for name in counters
        }
        o = self._options(group, recorded, fresh, values, on_card)
        for name, value in values.items():
            if on_card:
                state[name].copy_(value)
                continue
            state[name]._array[...] = value
            state[name]._bump_version()
        take = self._reading(group, recorded)
        before = {name: take(state[name]) for name in moments}
        target, cells = Cell(take(p)), {name: Cell(value) for name, value in before.items()}
        self.rule(o, target, Cell(take(p._grad)), **cells)
        p.copy_(target.value)
        for name, cell in cells.items():
            if cell.value is not before[name]:
                state[name].copy_(cell.value)

    def _check_capture(self, group: Group, counted: bool) -> None:
        """Raise while a step is captured that is counted on the host: replays would repeat one."""
        if counted and capture.active() and not counts_on_card(group):
            raise not_capturable(type(self).__name__)

    @staticmethod
    def _reading(group: Group, recorded: bool) -> Callable[[Any], Any]:
        """In which form a rule sees a Tensor."""
        if recorded:
            return Tensor.clone  # what backward saves is then not what the next step overwrites
        if group.get("fused"):  # torch rounds only at the end of a fused step
            return lambda x: x.float() if x.dtype.itemsize == 2 else x
        return lambda x: x

    def _options(
        self,
        group: Group,
        recorded: bool,
        fresh: bool,
        values: dict[str, Any],
        on_card: bool = False,
    ) -> Options:
        o = plain(group, recorded or on_card)
        o.fresh, o.recorded, o.on_card = fresh, recorded, on_card
        if "step" in values:
            values["step"] += 1
        n = values.get("step", 0)
        exact = n.double() if isinstance(n, Tensor) else float(n)  # as the host works it out
        self.prepare(o, exact, values)
        return o


def _exact(group: Group) -> Any:
    """The type of step counts: as in torch, a float that keeps whole numbers for long enough."""
    return float64 if get_default_dtype() is float64 and not group.get("fused") else float32


class Plan:
    """How the parameters of a group that have gradients are stepped."""

    def __init__(
        self, params: list[Tensor], packs: list[Pack], others: list[Tensor], many: list[Many]
    ) -> None:
        self.params, self.packs, self.others, self.many = params, packs, others, many

    def serves(self, params: list[Tensor], state: dict[Tensor, Any]) -> bool:
        """Whether the parameters, and their state, are those that the plan was made for."""
        if len(params) != len(self.params) or not all(map(is_, params, self.params)):
            return False
        if not all(many.is_current(state) for many in self.many):
            return False
        return all(
            pack.is_current()
            and (not pack.names or all(map(is_, map(state.get, pack.members), pack.states)))
            for pack in self.packs
        )
