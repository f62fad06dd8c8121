"""The architecture: what may import what, where heavy packages live, and what is public.

The rules are those of `augcli guide design`. Each is a function over modules, so that a planted violation of
each can show that it is found.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import augcli

PACKAGE = Path(augcli.__file__).parent
LAYERS = [
    {"cli"},
    {"api", "views", "arrays"},
    {"report", "arguments"},
    {"pipeline"},
    {"recipe_files"},
    {"recipe"},
    {"entries"},
    {"ops", "kernels", "io"},
    {"needs"},
    {"program", "options"},
    {"samples", "rng", "input_files", "recipe_keys"},
    {"errors", "left_out"},
]
"""From the top down: a module imports only from lines below its own, or from its own package."""

INNER_LAYERS = {
    "io": [
        {"readers", "writers"},
        {"records", "boxes", "labels", "images"},
        {"hugging_face", "split_words", "encodings"},
        {"store"},
    ],
    "pipeline": [
        {
            *("run", "extent", "completion", "workplace", "partition", "planned", "merge"),
            *("verify", "part_check", "inspection", "differences", "document_differences"),
            *("recompute", "doctor", "preview"),
        },
        {"output", "worker", "engines", "settings"},
        {"plan"},
        {"results", "environment"},
    ],
}
"""The same inside of packages."""

HOMES = {
    "numba": {"kernels/cpu"},
    "cupy": {"kernels/devices.py"},
    "jinja2": {"report/html.py"},
    "PIL": {
        "io/images/",
        *(f"report/{name}.py" for name in ("preview", "drawing", "objects", "shown_sheet")),
    },
    "simplejpeg": {"io/images/"},
    "pyarrow": {"io/"},
    "shapely": {"program/polygons.py"},
    "typer": {"cli/"},
    "tqdm": {"cli/"},
    "textual_image": {"cli/terminal.py"},
    "rich": {"cli/terminal.py"},
    "blake3": {"io/store/"},
    "yaml": {"io/boxes/yolo"},
    "ray": {"pipeline/engines/ray.py"},
    "obstore": {"io/store/object_clients"},
    "boto3": {"io/store/object_clients"},
    "huggingface_hub": {"io/store/hub"},
}
"""Where heavy packages are imported."""


FILE_MODULES = {"shutil", "glob", "tempfile", "fileinput", "linecache"}
FILE_FUNCTIONS = {
    "os": set(
        "access chmod chown fdatasync fsync fwalk link listdir lstat makedirs mkdir mkfifo open read readlink"
        " remove removedirs rename renames replace rmdir scandir stat statvfs symlink truncate unlink utime"
        " walk write".split()
    ),
    "os.path": set("exists getmtime getsize isdir isfile islink lexists realpath samefile".split()),
    "io": {"open", "FileIO"},
    "pa": {"OSFile", "memory_map", "input_stream", "output_stream", "create_memory_map"},
    "np": {"fromfile", "load", "memmap", "save", "savez"},
}
"""Functions that touch a file or directory. Those on processes, names and the environment are free."""

PATH_METHODS = set(
    "exists glob hardlink_to is_dir is_file is_symlink iterdir lstat mkdir read_bytes read_text resolve rglob"
    " rmdir samefile stat symlink_to touch unlink write_bytes write_text".split()
)
"""Methods that only paths have. `rename` and `replace` are those of other things, too; so is `open`, which
counts where it is told a mode."""

FILE_CALLS = {
    "cli.guide": "pages that are package data",
    "kernels.gpu": "source text that is package data",
}
"""Modules outside of `io/store` that read files, and why."""


def read_modules(package):
    """The text of each module by its dotted name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(("augcli", *path.relative_to(package).with_suffix("").parts))
        modules[name.removesuffix(".__init__")] = path.read_text("utf-8")
    return modules


MODULES = read_modules(PACKAGE)


@cache
def list_nodes(text):
    """The nodes of a module's tree; a text is parsed once, since each rule looks at every module."""
    return tuple(ast.walk(ast.parse(text)))


def imported(text, modules):
    """Every module that a text imports, wherever in it and for whatever reason, types included."""
    for node in list_nodes(text):
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


def find_file_calls(modules):
    """Calls that touch a file or directory outside of `io/store`, as (module, call)."""
    found = []
    for name, text in modules.items():
        if name.startswith("augcli.io.store."):
            continue
        for node in list_nodes(text):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
                names |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
                found += [(name, other) for other in sorted(names & FILE_MODULES)]
                if isinstance(node, ast.ImportFrom):
                    taken = {alias.name for alias in node.names} & FILE_FUNCTIONS.get(node.module, set())
                    found += [(name, f"{node.module}.{other}") for other in sorted(taken)]
            elif isinstance(node, ast.Call):
                owner, _, function = ast.unparse(node.func).rpartition(".")
                modes = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
                is_method = owner and (function in PATH_METHODS or (function == "open" and modes))
                is_function = function in FILE_FUNCTIONS.get(owner, ())
                if is_method or is_function or (function == "open" and not owner):
                    found.append((name, ast.unparse(node.func)))
    return found


def test_imports_run_downwards():
    assert find_upward_imports(MODULES) == []


def test_no_two_modules_import_each_other():
    assert find_mutual_imports(MODULES) == []


def test_heavy_packages_stay_in_their_homes():
    assert find_strays(MODULES) == []


def test_files_are_touched_in_the_store_alone():
    found = find_file_calls(MODULES)
    assert [call for call in found if call[0].removeprefix("augcli.") not in FILE_CALLS] == []
    # One that touches none any more is taken from the list.
    assert {name.removeprefix("augcli.") for name, _ in found} == FILE_CALLS.keys()


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
        (
            find_file_calls,
            "augcli.io.writers.card",
            "def f(path):\n    path.write_text('')",
            "path.write_text",
        ),
        (find_file_calls, "augcli.io.writers.card", "def f():\n    return open('x')", "open"),
        (find_file_calls, "augcli.io.writers.card", "def f(x):\n    return x.open('rb')", "x.open"),
        (find_file_calls, "augcli.pipeline.run", "import shutil as s\ns.rmtree('x')", "shutil"),
        (find_file_calls, "augcli.pipeline.run", "from os import replace", "os.replace"),
        (find_file_calls, "augcli.pipeline.run", "import os\nos.path.isfile('x')", "os.path.isfile"),
        (find_file_calls, "augcli.io.readers.folder", "def f(x):\n    return pa.OSFile(x)", "pa.OSFile"),
    ],
)
def test_a_planted_violation_is_found(find, name, text, found):
    assert any(found in pair for pair in find(MODULES | {name: text}))


@pytest.mark.parametrize("package", ["io", "pipeline"])
def test_the_map_of_a_package_names_every_module(package):
    """Its docstring has a line for each, and none for what is not there."""
    prefix = f"augcli.{package}."
    there = {name.removeprefix(prefix).replace(".", "/") for name in MODULES if name.startswith(prefix)}
    packages = {name.split("/")[0] for name in there if "/" in name}
    words = {
        line.split()[0]
        for line in ast.get_docstring(ast.parse(MODULES[f"augcli.{package}"])).splitlines()
        if line
    }
    assert there - packages - words == set()
    assert {word for word in words if "/" in word} - there == set()


def test_nobody_uses_a_global_generator():
    for name, text in MODULES.items():
        assert "np.random" not in text, name
        assert "random" not in set(imported(text, MODULES)), name


def test_public_names():
    assert augcli.__all__ == sorted(augcli.__all__)
    operations = {"apply", "cutmix", "cutout", "erase", "mixup", "patch_cutout", "rand_box", "smooth_labels"}
    others = {"AugcliError", "Diagnosis", "Recipe", "Summary", "Verification", "__version__"}
    others |= {"diagnose", "diff", "materialize", "merge", "preview", "show", "verify", "write_report"}
    boxes = {"BoxRule", "FollowedBoxes"}
    assert set(augcli.__all__) == operations | others | boxes
    assert dir(augcli) == augcli.__all__
    for name in augcli.__all__:
        assert getattr(augcli, name) is not None
    with pytest.raises(AttributeError):
        _ = augcli.nothing_of_the_kind


# --- messages ------------------------------------------------------------------------------------------

FLAG = re.compile(r"(^|[^-\w`])--[a-z]")
"""An option spelled as on the command line, which Python spells otherwise; cards mark it as `--code`."""

SPELLED = {
    "errors": "which spells them",
    "recipe": "help of the command line",
    "recipe_files": "an option of pip",
    "pipeline.doctor": "an option of pip",
    "kernels.gpu": "an option of a compiler",
}
"""Modules outside of `cli` with such texts, and why."""


def find_flags(modules):
    """Texts outside of `cli` that spell an option as on the command line, docstrings aside, by module."""
    found = []
    for name, text in modules.items():
        nodes = list_nodes(text)
        statements = [node.value for node in nodes if isinstance(node, ast.Expr)]
        docs = {id(value) for value in statements if isinstance(value, ast.Constant)}
        for node in nodes:
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
            if is_text and not name.startswith("augcli.cli") and FLAG.search(node.value):
                found.append((name.removeprefix("augcli."), node.value))
    return found


def test_messages_leave_the_spelling_of_options_to_who_reads_them():
    found = find_flags(MODULES)
    assert [pair for pair in found if pair[0] not in SPELLED] == []
    assert {name for name, _ in found} == SPELLED.keys()


def test_a_flag_in_a_message_is_found():
    planted = {
        "augcli.io.planted": 'def f(x):\n    """Or --this."""\n    raise X(f"{x}: give --labels FILE")'
    }
    assert find_flags(planted) == [("io.planted", ": give --labels FILE")]
