"""The architecture: what may import what, where heavy packages live, and what is public."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import augcli

PACKAGE = Path(augcli.__file__).parent
LAYERS = [
    {"cli"},
    {"api", "arrays"},
    {"follow"},
    {"report", "pipeline", "batch"},
    {"recipe"},
    {"ops", "kernels", "io"},
    {"annotations", "labels", "fields"},
    {"rng", "results"},
    {"datatypes"},
    {"boxes"},
    {"errors"},
]
"""From the top down (design, section 2); a package imports only from lines below its own, or itself."""

HOMES = {
    "numba": {"kernels/cpu.py"},
    "cupy": {"kernels/gpu.py"},
    "PIL": {"io/codec.py", "io/geometry.py", "io/masks.py", "report/preview.py"},
    "simplejpeg": {"io/codec.py"},
    "pyarrow": {"io/", "report/preview.py"},
    "typer": {"cli/"},
    "tqdm": {"cli/"},
}


def imports(path):
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(part):
    return next(i for i, names in enumerate(LAYERS) if part in names)


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_downwards(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "augcli" or len(parts) < 2 or parts[1] == "__version__":
            continue
        if parts[1] != own:
            assert layer_of(parts[1]) > layer_of(own), f"{path.name} imports {name}"


@pytest.mark.parametrize("package", HOMES)
def test_heavy_packages_stay_in_their_home(package):
    for path in MODULES:
        where = path.relative_to(PACKAGE).as_posix()
        if any(name.split(".")[0] == package for name in imports(path)):
            assert any(where.startswith(home) for home in HOMES[package]), f"{where} imports {package}"


def test_nobody_uses_a_global_generator():
    for path in MODULES:
        assert "np.random" not in path.read_text(), path
        assert "random" not in set(imports(path)), path


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
