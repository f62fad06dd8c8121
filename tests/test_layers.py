"""The architecture: what may import what, where heavy packages live, and what is public.

The rules are those of `augcli guide design`. Each is a function over modules, so that a planted violation of
each can show that it is found.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import augcli

PACKAGE = Path(augcli.__file__).parent
LAYERS = [
    {"cli"},
    {"api", "arrays"},
    {"report"},
    {"pipeline"},
    {"recipe_files"},
    {"recipe"},
    {"ops", "kernels", "io"},
    {"program", "options"},
    {"samples", "rng"},
    {"errors"},
]
"""From the top down: a module imports only from lines below its own, or from its own package."""

INNER_LAYERS = {
    "io": [
        {"readers", "writers"},
        {"records", "boxes", "labels", "images"},
        {"hugging_face"},
        {"store"},
    ],
    "pipeline": [
        {"run", "verify", "part_check", "recompute", "doctor"},
        {"output", "worker", "engines"},
        {"plan"},
        {"results"},
    ],
}
"""The same inside of packages."""

HOMES = {
    "numba": {"kernels/cpu.py"},
    "cupy": {"kernels/gpu.py"},
    "PIL": {"io/images/", "report/preview.py"},
    "simplejpeg": {"io/images/codec.py"},
    "pyarrow": {"io/", "report/preview.py"},
    "typer": {"cli/"},
    "tqdm": {"cli/"},
}
"""Where heavy packages are imported."""


def read_modules(package):
    """The text of each module by its dotted name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(("augcli", *path.relative_to(package).with_suffix("").parts))
        modules[name.removesuffix(".__init__")] = path.read_text("utf-8")
    return modules


MODULES = read_modules(PACKAGE)


def imported(text, modules):
    """Every module that a text imports, wherever in it and for whatever reason, types included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules else node.module


def place_of(layers, part):
    return next((number for number, names in enumerate(layers) if part in names), None)


def find_upward_imports(modules):
    """Imports that do not run downwards, as (importing, imported)."""
    found = []
    for name, text in modules.items():
        own = name.split(".")[1:]
        for other in imported(text, modules):
            parts = other.split(".")
            if parts[0] != "augcli" or len(parts) < 2 or not own or own[0].startswith("__"):
                continue
            if parts[1] != own[0]:
                layers, here, there = LAYERS, own[0], parts[1]
            elif own[0] in INNER_LAYERS and len(own) > 1 and len(parts) > 2 and own[1] != parts[2]:
                layers, here, there = INNER_LAYERS[own[0]], own[1], parts[2]
            else:
                continue
            above, below = place_of(layers, here), place_of(layers, there)
            beside = (
                layers is not LAYERS and above == below == 0 and own[0] == "pipeline"
            )  # verify, recompute
            if above is None or below is None or not (above < below or beside):
                found.append((name, other))
    return found


def find_mutual_imports(modules):
    """Pairs of modules that import each other."""
    known = {name: set(imported(text, modules)) for name, text in modules.items()}
    return [(a, b) for a in known for b in sorted(known[a] & known.keys()) if a < b and a in known[b]]


def find_strays(modules):
    """Imports of heavy packages outside of their homes, as (module, package)."""
    found = []
    for name, text in modules.items():
        path = name.removeprefix("augcli.").replace(".", "/") + ".py"
        packages = {other.split(".")[0] for other in imported(text, modules)}
        found += [
            (name, package)
            for package in packages & HOMES.keys()
            if not any(path.startswith(home.removesuffix("/")) for home in HOMES[package])
        ]
    return found


def test_imports_run_downwards():
    assert find_upward_imports(MODULES) == []


def test_no_two_modules_import_each_other():
    assert find_mutual_imports(MODULES) == []


def test_heavy_packages_stay_in_their_homes():
    assert find_strays(MODULES) == []


@pytest.mark.parametrize(
    ("find", "name", "text", "found"),
    [
        (find_upward_imports, "augcli.rng", "from augcli.recipe import Recipe", "augcli.recipe"),
        (find_upward_imports, "augcli.io.labels.columns", "import augcli.kernels.cpu", "augcli.kernels.cpu"),
        (
            find_upward_imports,
            "augcli.io.store.local",
            "from augcli.io.readers import folder",
            "augcli.io.readers.folder",
        ),
        (
            find_upward_imports,
            "augcli.pipeline.plan.rings",
            "def plan():\n    from augcli.pipeline.worker import execute",
            "augcli.pipeline.worker.execute",
        ),
        (
            find_mutual_imports,
            "augcli.kernels.table",
            "if TYPE_CHECKING:\n    from augcli.kernels.gpu import State",
            "augcli.kernels.table",
        ),
        (find_strays, "augcli.report.summary", "import pyarrow.parquet as pq", "pyarrow"),
    ],
)
def test_a_planted_violation_is_found(find, name, text, found):
    assert any(found in pair for pair in find(MODULES | {name: text}))


def test_nobody_uses_a_global_generator():
    for name, text in MODULES.items():
        assert "np.random" not in text, name
        assert "random" not in set(imported(text, MODULES)), name


def test_public_names():
    assert augcli.__all__ == sorted(augcli.__all__)
    operations = {"cutmix", "cutout", "erase", "mixup", "patch_cutout", "rand_box", "smooth_labels"}
    others = {"AugcliError", "Recipe", "Summary", "Verification", "__version__", "materialize", "verify"}
    boxes = {"BoxRule", "FollowedBoxes"}
    assert set(augcli.__all__) == operations | others | boxes
    assert dir(augcli) == augcli.__all__
    for name in augcli.__all__:
        assert getattr(augcli, name) is not None
    with pytest.raises(AttributeError):
        _ = augcli.nothing_of_the_kind
