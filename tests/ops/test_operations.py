"""What holds for every operation, those of tomorrow included."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from augcli.kernels import reference
from augcli.kernels.table import tabulate
from augcli.ops import OPERATIONS
from augcli.ops.base import register
from augcli.options import flag, option_fields
from augcli.program.labels import count_shares
from augcli.program.steps import Fill
from augcli.rng import Draws, hash_key
from augcli.samples import Shape

SHAPES = [Shape(1, 1), Shape(1, 7), Shape(4, 4, 1), Shape(31, 17, 4), Shape(64, 48, 1, 16)]
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def draws(number):
    return Draws(11, 0, 0, hash_key(str(number)))


@every_operation
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_plans_fit_the_image(operation, shape):
    for number in range(60):
        plan = operation().plan(draws(number), shape, 0)
        table = tabulate(plan.steps, shape, [(shape.height, shape.width)])  # raises where a step leaves it
        assert len(table.steps) == len(plan.steps)


@every_operation
def test_a_plan_without_steps_has_a_reason(operation):
    for shape in SHAPES:
        for number in range(60):
            plan = operation().plan(draws(number), shape, 0)
            assert bool(plan.steps) != bool(plan.reason)


@every_operation
def test_planning_is_pure(operation):
    assert operation().plan(draws(1), SHAPES[3], 0) == operation().plan(draws(1), SHAPES[3], 0)


@every_operation
def test_every_applied_plan_changes_pixels(operation):
    shape = Shape(64, 48, 1, 16)
    base, partner = np.full((64, 48, 1), 65535, np.uint16), np.zeros((64, 48, 1), np.uint16)
    for number in range(60):
        for step in operation().plan(draws(number), shape, 0).steps:
            image = base.copy()
            reference.apply(tabulate((step,), shape, [(64, 48)]), [partner], image)
            assert (image != base).any()


@every_operation
def test_only_mixing_operations_read_partners(operation):
    for number in range(30):
        plan = operation().plan(draws(number), Shape(64, 48), 0)
        if not operation.mixes:
            assert all(isinstance(step, Fill) for step in plan.steps)
        elif plan.steps:
            assert count_shares(plan.steps, 64, 48, 1).lam < 1


@every_operation
def test_streams_used_are_declared(operation):
    """`draw_many` computes the declared streams ahead; stream 0 belongs to the recipe."""
    asked = set()

    class Spy(Draws):
        def _block(self, stream, block):
            asked.add(stream)
            return super()._block(stream, block)

    for number in range(30):
        operation().plan(Spy(0, 0, 0, number), Shape(64, 48), 0)
    assert asked <= set(range(1, operation.streams + 1))


@every_operation
def test_another_operation_of_the_same_name_is_refused(operation):
    usurper = type("Usurper", (operation,), {})
    with pytest.raises(ValueError, match=f"operation '{operation.name}' is known already; give the new one"):
        register(usurper)
    assert OPERATIONS[operation.name] is operation


@every_operation
def test_every_field_has_help_and_a_default(operation):
    for field in fields(operation):
        assert field.metadata["help"].endswith(".")
        operation(**{field.name: field.default})


@every_operation
def test_every_operation_has_a_card(operation):
    card = operation.card
    assert all([card.what, card.label, card.avoid, card.paper])
    names = {flag(one.name) for one in option_fields(operation)}
    assert "" in card.peers
    assert set(card.peers) <= names | {"", "p"}
    assert all(any(called) for name, called in card.peers.items() if name)
