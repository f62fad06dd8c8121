"""What tables say of an output: its name, its label, and where its pixels come from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.io.records.part_files import Output
from augcli.io.records.step_columns import label_rows, step_rows
from augcli.io.store.hashes import hash_bytes
from augcli.io.store.names import printable_key, safe_stem
from augcli.pipeline.worker.values import ORIGINAL
from augcli.program.labels import count_shares, mix_known
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.pipeline.worker.values import Made
    from augcli.samples import SoftLabel


class Naming(NamedTuple):
    """How the outputs of a split are named.

    Attributes:
        name: `name` of the writer.
        folders: A folder name per class, or None where outputs lie flat.
        recipe: Name of the recipe.
        changed: Seed of the hash in the names of outputs that the recipe changes.
        original: Seed of the hash in the names of originals.
    """

    name: Callable[[str, str, str], str]
    folders: tuple[str, ...] | None
    recipe: str
    changed: int
    original: int


def describe_output(
    made: Made, keys: Sequence[str], labels: Sequence[SoftLabel | None], naming: Naming
) -> Output:
    """Return an output's name, its label, and all else that tables say of it.

    Args:
        made: The encoded output.
        keys: Keys of the base and of the partners by slot.
        labels: Their labels, None for those without.
        naming: How outputs are named.
    """
    plan = made.plan
    shares = count_shares(plan.steps, made.height, made.width, len(keys) - 1)
    label, exact = mix_known(labels, shares)
    is_original = plan.copy == ORIGINAL
    op = "original" if is_original else naming.recipe
    folder = f"{naming.folders[label]}/" if naming.folders is not None and label is not None else ""
    # It keeps apart any two names of an output, and names of outputs of two seeds or recipes.
    hash16 = f"{hash_key(keys[0], naming.original if is_original else naming.changed):016x}"
    name = naming.name(folder, safe_stem(made.base.name), f"__{op}{plan.copy}-{hash16}")
    return Output(
        file_name=f"{name}.{made.suffix}",
        label=label,
        classes=None if exact is None else exact.classes,
        weights=None if exact is None else exact.weights,
        lam=shares.lam,
        source=printable_key(keys[0]),
        partners=tuple(map(printable_key, keys[1:])),
        op="original" if is_original else "+".join(plan.kinds) or "none",
        copy=plan.copy,
        applied=bool(plan.steps),
        reason="; ".join(plan.reasons),
        steps=step_rows(plan.steps),
        width=made.width,
        height=made.height,
        bytes=len(made.data),
        hash=hash_bytes(made.data),
        visible=shares.first_partner,
        sources=label_rows(labels),
    )
