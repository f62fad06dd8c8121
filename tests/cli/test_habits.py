"""The program's manners: which stream says what, and what makes, pipes and people can rely on."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import pty
import re
import resource
import subprocess
import sys
import termios
import threading

import PIL
import pyarrow.parquet as pq
import pytest
import simplejpeg
from PIL import Image

from augcli.cli import work

COLOUR = re.compile(r"\x1b\[([0-9]+;)*(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9]+)*m")
"""An escape sequence that sets a colour, as NO_COLOR forbids; bold and the like are not colours."""


@pytest.fixture
def src(make_folder):
    """Five images in two classes."""
    return make_folder({"cat": 3, "dog": 2})


@pytest.fixture
def damaged(src):
    """The same, and one that fails."""
    (src / "dog" / "bad.jpg").write_text("I am no photo")
    return src


def run_once(cli, root, *arguments):
    """Run the program for many tests, on `root/src` of five images in two classes that it makes first."""
    for number in range(5):
        path = root / "src" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (number * 50, 0, 255 - number * 50)).save(path)
    done = cli(*arguments)
    done.check_returncode()
    return done


@pytest.fixture(scope="module")
def standing(cli, tmp_path_factory):
    """A directory with `src` and its output `dst` of CutMix that is never applied; nobody may change it."""
    root = tmp_path_factory.mktemp("standing")
    done = run_once(cli, root, "cutmix", root / "src", root / "dst", "--p", 0)
    (root / "stdout").write_text(done.stdout)
    (root / "stderr").write_text(done.stderr)
    return root


def stamps(root):
    """When each file was last changed."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def images_in(root):
    return sorted(path.name for path in root.rglob("*") if path.suffix in (".png", ".jpg"))


def run_on_terminal(*arguments, file_size=resource.RLIM_INFINITY, **variables):
    """Run the program with stdout and stderr on terminals of their own.

    Gives what each showed, and the exit code as `code`.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100"} | variables
    shown = {"stdout": b"", "stderr": b""}

    def drain(name, end):
        while True:
            try:
                data = os.read(end, 4096)
            except OSError:  # Linux: the other side is closed
                return
            if not data:
                return
            shown[name] += data

    ends = {name: pty.openpty() for name in shown}
    for outer, _ in ends.values():
        termios.tcsetwinsize(outer, (24, 100))
    child = subprocess.Popen(
        [sys.executable, "-m", "augcli", *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size)),
        **{name: inner for name, (_, inner) in ends.items()},
    )
    readers = [threading.Thread(target=drain, args=(name, outer)) for name, (outer, _) in ends.items()]
    for reader in readers:
        reader.start()
    try:
        code = child.wait(timeout=300)
    finally:
        child.kill()
    for _, inner in ends.values():
        os.close(inner)
    for reader in readers:
        reader.join(timeout=300)
    for outer, _ in ends.values():
        os.close(outer)
    return {name: data.decode() for name, data in shown.items()} | {"code": code}


# --- streams -------------------------------------------------------------------------------------------


def test_results_come_on_stdout_and_nothing_on_stderr(standing):
    assert f"{standing / 'dst'} holds 5 images (folder) from 5 inputs" in (standing / "stdout").read_text()
    assert (standing / "stderr").read_text() == ""


def test_messages_come_on_stderr_beside_results_on_stdout(cli, damaged, tmp_path):
    done = cli("cutmix", damaged, tmp_path / "dst")
    assert "holds 5 images" in done.stdout
    assert "1: not an image" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "--max-errors" in done.stderr
    assert "--max-errors" not in done.stdout


@pytest.mark.slow
def test_on_a_terminal_the_bar_is_drawn_on_stderr_and_removed(src, tmp_path):
    shown = run_on_terminal("cutmix", src, tmp_path / "dst", "--p", 0)
    assert shown["code"] == 0
    assert "/5" in shown["stderr"]
    assert " images" in shown["stderr"]
    drawn = [line for line in re.split(r"[\r\n]+", shown["stderr"]) if line]
    assert drawn[-1].isspace()  # blanks over what stood there
    assert "holds 5 images" in shown["stdout"]
    assert "\r" not in shown["stdout"].replace("\r\n", "\n")


@pytest.mark.slow
def test_on_a_terminal_an_error_has_a_line_of_its_own(src, tmp_path):
    shown = run_on_terminal("cutmix", src, tmp_path / "dst", "--p", 0, file_size=2000)
    assert shown["code"] == 7
    before, message = shown["stderr"].split("augcli: cannot write", 1)
    assert before.rsplit("\r", 1)[-1].rsplit("\n", 1)[-1].strip() == ""
    assert message.rstrip("\r\n ").endswith("run again")


def test_without_a_terminal_a_plain_line_comes_now_and_then_but_not_after_the_last_image(capsys, monkeypatch):
    monkeypatch.setattr(work, "PLAIN_LINE_S", 0.0)  # as on a machine that takes long for each
    progress = work.Progress(quiet=False)
    progress.advance(3, 5)
    assert capsys.readouterr().err == "augcli: 3 of 5 images\n"
    progress.advance(2, 5)
    progress.close()
    assert capsys.readouterr().err == ""


def test_progress_begins_anew_once_sources_are_compared_and_images_are_made(capsys, monkeypatch):
    monkeypatch.setattr(work, "PLAIN_LINE_S", 0.0)
    progress = work.Progress(quiet=False)
    for done, total in ((4, 5), (1, 5), (2, 5)):
        progress.advance(done, total)
    progress.close()
    assert capsys.readouterr().err == "augcli: 4 of 5 images\naugcli: 2 of 5 images\n"


def test_pandas_and_scipy_are_not_loaded(run_cli, src, tmp_path):
    done = run_cli(
        "cutmix", src, tmp_path / "dst", "--quiet", env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"numba", "pyarrow"} <= loaded
    assert not {"pandas.core", "scipy._lib"} & loaded  # the packages' own names stand there as failed


def test_quiet_prints_nothing(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(images_in(tmp_path / "dst")) == 5


def test_quiet_does_not_hide_failures(cli, damaged, tmp_path):
    done = cli("cutmix", damaged, tmp_path / "dst", "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1


# --- JSON ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documented(cli, tmp_path_factory):
    """What Mixup with --json printed, and where its output lies."""
    root = tmp_path_factory.mktemp("documented")
    return run_once(cli, root, "mixup", root / "src", root / "dst", "--json"), root / "dst"


def test_json_is_one_document_that_counts_what_stands(documented):
    done, dst = documented
    assert done.stderr == ""
    document = json.loads(done.stdout)
    with (dst / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (document["outputs"], document["images"], len(rows)) == (5, 5, 5)
    names = [row["label_name"] for row in rows]
    assert document["per_class"] == {name: names.count(name) for name in sorted(set(names))}
    assert document["applied"] == [row["applied"] for row in rows].count("true")
    assert document["failures_by_reason"] == {}


def test_json_says_what_was_used_and_how_long_it_took(documented):
    document = json.loads(documented[0].stdout)
    assert document["libraries"]["simplejpeg"] == simplejpeg.__version__
    assert document["libraries"]["pillow"] == PIL.__version__
    assert document["libraries"]["backend"] == "cpu (numba)"
    assert {"wall", "read", "decode", "apply", "encode", "write"} <= document["seconds"].keys()
    assert all(seconds >= 0 for seconds in document["seconds"].values())
    assert document["seconds"]["wall"] > 0
    # Five images; both numbers are rounded.
    assert document["images_per_second"] == pytest.approx(5 / document["seconds"]["wall"], rel=0.05, abs=0.1)


def test_json_counts_failures_by_reason_and_keeps_the_exit_code(cli, damaged, tmp_path):
    (damaged / "cat" / "empty.png").touch()
    (damaged / "cat" / "text.png").write_text("I am no picture")
    done = cli("cutmix", damaged, tmp_path / "dst", "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["failures_by_reason"] == {"empty file": 1, "not an image": 2}
    assert document["outputs"] == 5


def test_json_with_quiet_is_still_the_document(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--json", "--quiet", "--dry-run")
    assert json.loads(done.stdout)["outputs"] == 5


def test_json_keeps_names_of_any_script(cli, make_folder, tmp_path):
    done = cli("cutmix", make_folder({"naïve": 1, "猫": 1}), tmp_path / "dst", "--json", "--dry-run")
    assert json.loads(done.stdout)["per_class"] == {"naïve": 1, "猫": 1}


# --- dry run -------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(cli, src, tmp_path):
    before = stamps(tmp_path)
    assert cli("cutmix", src, tmp_path / "dst", "--dry-run").returncode == 0
    assert not (tmp_path / "dst").exists()
    assert stamps(tmp_path) == before


def test_a_dry_run_says_outputs_chunks_and_bytes(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--dry-run", "--copies", 3)
    assert "would hold 15 images (folder) from 5 inputs" in done.stdout
    assert "cat 9, dog 6" in done.stdout
    assert re.search(r"1 of 1 chunk, less than 1 MB; \d+ MB are free; nothing was written", done.stdout)


def test_a_dry_run_as_json_says_outputs_chunks_and_bytes(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--dry-run", "--copies", 3, "--json")
    document = json.loads(done.stdout)
    assert (document["outputs"], document["chunks"], document["is_dry"]) == (15, 1, True)
    assert document["per_class"] == {"cat": 9, "dog": 6}
    sizes = sum(path.stat().st_size for path in src.rglob("*.png"))
    assert document["estimated_bytes"] == 3 * sizes
    assert document["free_bytes"] > 0


@pytest.mark.slow
def test_a_dry_run_with_force_leaves_a_standing_output_as_it_is(cli, standing):
    before = stamps(standing)
    options = ("--p", 0, "--seed", 1, "--force", "--dry-run")
    done = cli("cutmix", standing / "src", standing / "dst", *options)
    assert (done.returncode, stamps(standing)) == (0, before)


def test_a_dry_run_of_what_stands_has_nothing_to_do(cli, standing):
    done = cli("cutmix", standing / "src", standing / "dst", "--p", 0, "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert (document["chunks_done"], document["estimated_bytes"]) == ([], 0)


# --- again ---------------------------------------------------------------------------------------------


def test_a_second_run_touches_nothing(cli, standing):
    before = stamps(standing)
    done = cli("cutmix", standing / "src", standing / "dst", "--p", 0, "--workers", 1)
    assert done.returncode == 0
    assert "nothing to do" in done.stdout
    assert (standing / "dst" / "_SUCCESS") in before
    assert stamps(standing) == before


def test_a_second_run_to_parquet_touches_nothing(cli, src, tmp_path):
    options = ("cutmix", src, tmp_path / "dst", "--format", "parquet", "--copies", 2)
    cli(*options)
    before = stamps(tmp_path)
    assert "nothing to do" in cli(*options).stdout
    assert (tmp_path / "dst" / "_SUCCESS") in before
    assert stamps(tmp_path) == before


def test_a_second_run_with_failures_touches_nothing(cli, damaged, tmp_path):
    dst = tmp_path / "dst"
    for options, code in ((("--max-errors", 1), 0), ((), 3)):
        assert cli("cutmix", damaged, dst, *options).returncode == code
        before = stamps(dst)
        assert cli("cutmix", damaged, dst, *options).returncode == code
        assert stamps(dst) == before


def test_the_recipe_of_an_output_makes_it_again(cli, src, tmp_path, tree):
    options = ("--seed", 7, "--copies", 2, "--p", 0.5, "--smoothing", 0.1, "--size", "6x7", "--fit", "pad")
    cli("cutmix", src, tmp_path / "dst", *options)
    done = cli("run", tmp_path / "dst" / "augcli.json", src, tmp_path / "dst2")
    assert done.returncode == 0, done.stderr
    assert len(images_in(tmp_path / "dst")) == 10
    assert tree(tmp_path / "dst2") == tree(tmp_path / "dst")


def test_the_recipe_of_an_output_finds_that_output_done(cli, standing):
    before = stamps(standing)
    done = cli("run", standing / "dst" / "augcli.json", standing / "src", standing / "dst")
    assert "nothing to do" in done.stdout
    assert stamps(standing) == before


RECIPE = """
seed = 3
copies = 8
[[op]]
kind = "cutmix"
alpha = 2.0
p = 0.5
[[op]]
one_of = [ {kind = "cutmix", alpha = 1.0, weight = 0.4}, {kind = "mixup", alpha = 0.5, weight = 0.4} ]
p = 0.9
[labels]
smoothing = 0.1
"""


@pytest.fixture(scope="module")
def chained(cli, tmp_path_factory):
    """The rows of `metadata.parquet` of a recipe with two operations, the second one of two."""
    root = tmp_path_factory.mktemp("chained")
    (root / "both.toml").write_text(RECIPE)
    run_once(cli, root, "run", root / "both.toml", root / "src", root / "dst")
    return pq.read_table(root / "dst" / "metadata.parquet").to_pylist()


def test_outputs_of_a_recipe_file_bear_its_name(chained):
    assert len(chained) == 40
    assert all(re.search(r"__both[0-7]-[0-9a-f]{16}\.png$", row["file_name"]) for row in chained)


def test_operations_of_a_recipe_run_in_its_order(chained):
    assert {row["op"] for row in chained} == {"none", "cutmix", "mixup", "cutmix+cutmix", "cutmix+mixup"}


def test_each_operation_of_a_recipe_has_a_partner_of_its_own(chained):
    both = [row for row in chained if "+" in row["op"]]
    assert both
    assert all(len({row["source"], *row["partners"]}) == 3 for row in both)


def test_labels_of_a_recipe_sum_to_one_and_are_smoothed(chained):
    for row in chained:
        assert sum(row["weights"]) == pytest.approx(1.0, abs=1e-12)
        assert sum(row["soft_label"]) == pytest.approx(1.0, abs=1e-6)  # float32
        assert min(row["soft_label"]) >= 0.05 - 1e-6  # ε / K


# --- help, version, names ------------------------------------------------------------------------------


def test_version_is_the_packages(cli):
    done = cli("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"augcli {importlib.metadata.version('augcli')}\n",
        "",
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [(), ("cutmix",)])
def test_h_is_help_and_comes_on_stdout(cli, command):
    short, long = cli(*command, "-h"), cli(*command, "--help")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert "Usage:" in short.stdout


def test_help_lists_every_command(cli):
    shown = cli("--help").stdout
    assert all(
        re.search(rf"^\W*{name}\b", shown, re.MULTILINE) for name in ("cutmix", "mixup", "run", "preview")
    )


def test_help_of_a_command_lists_its_options(cli):
    shown = cli("cutmix", "--help").stdout
    wanted = "--alpha --p --seed --copies --size --quality --labels --classes --workers --max-errors --force"
    assert all(option in shown for option in [*wanted.split(), "--dry-run", "--quiet", "--json"])


def test_without_arguments_the_help_is_shown_as_a_usage_error(cli):
    done = cli()
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.strip() == cli("--help").stdout.strip()


def test_names_that_start_with_a_dash_come_after_two_dashes(cli, make_folder, tmp_path):
    make_folder({"-cat": 1, "--dog": 1}, "-src")
    done = cli("cutmix", "--p", 0, "--quiet", "--", "-src", "--dst", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "--dst").iterdir() if path.is_dir()) == ["--dog", "-cat"]


def test_a_label_table_may_start_with_a_dash(cli, tmp_path):
    (tmp_path / "src").mkdir()
    for name in ("-a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "src" / name)
    (tmp_path / "-labels.csv").write_text("file_name,label\n-a.png,cat\nb.png,dog\n")
    done = cli("cutmix", "src", "dst", "--p", 0, "--quiet", "--labels=-labels.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name[: name.index("__")] for name in images_in(tmp_path / "dst")] == ["-a", "b"]


def test_a_name_that_starts_with_a_dash_is_taken_for_an_option_without_two_dashes(cli, tmp_path):
    assert cli("cutmix", "-src", "dst", cwd=tmp_path).returncode == 2


@pytest.mark.slow
def test_help_on_a_terminal_is_coloured():
    assert COLOUR.search(run_on_terminal("--help")["stdout"])


@pytest.mark.slow
def test_no_color_is_obeyed_on_a_terminal():
    shown = run_on_terminal("--help", NO_COLOR="1")["stdout"]
    assert "Usage:" in shown
    assert not COLOUR.search(shown)


def test_a_pipe_gets_no_escape_codes(run_cli):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")
    }
    done = run_cli("cutmix", "--help", env=environment | {"TERM": "xterm-256color"})
    assert "Usage:" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


# --- cheap start ---------------------------------------------------------------------------------------

HEAVY = ("numpy", "numba", "pyarrow", "PIL", "simplejpeg", "augcli.io", "augcli.kernels", "augcli.pipeline")
# The choices of `--format` are the names of the writers; that module imports no writer by itself. What guards
# stdout and stderr imports no store.
LIGHT = ("augcli.io", "augcli.io.writers", "augcli.io.writers.choose", "augcli.io.store")
LIGHT += ("augcli.io.store.streams", "augcli.io.store.errors", "augcli.io.store.names")


def imported_by(*arguments):
    """Give the names of all modules that a run of the program imports."""
    call = [sys.executable, "-X", "importtime", "-m", "augcli", *arguments]
    shown = subprocess.run(call, capture_output=True, text=True, check=False, timeout=300).stderr
    names = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", shown, re.MULTILINE)
    assert "augcli.cli" in names
    return names


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("cutmix", "--help"), ("cutmix", "src", "dst", "--alpha", "0")],
    ids=" ".join,
)
def test_what_needs_no_images_loads_nothing_heavy(arguments):
    names = set(imported_by(*arguments)) - set(LIGHT)
    assert {
        name for name in names if name.startswith(tuple(f"{heavy}." for heavy in HEAVY)) or name in HEAVY
    } == set()


@pytest.mark.slow
def test_a_recipe_without_operations_does_not_load_the_compiler(src, tmp_path):
    (tmp_path / "copy.toml").write_text("seed = 0\n")
    names = imported_by("run", str(tmp_path / "copy.toml"), str(src), str(tmp_path / "dst"))
    assert "numba" not in names
    assert "simplejpeg" in names
    assert len(images_in(tmp_path / "dst")) == 5


WORKING = ("numba", "PIL.Image", "multiprocessing", "concurrent.futures", "rich", "pydantic", "tqdm")
WORKING += (
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.csv",
    "pyarrow.json",
    "xml",
    "augcli.pipeline.worker",
)
WORKING += (
    "augcli.pipeline.completion",
    "augcli.io.boxes.coco",
    "augcli.io.labels.tables",
    "augcli.io.readers.parquet",
)
WORKING += ("augcli.io.images.codec", "augcli.kernels.cpu")


@pytest.mark.slow
def test_a_run_with_nothing_to_do_loads_nothing_that_works(src, tmp_path):
    arguments = ("cutmix", str(src), str(tmp_path / "dst"), "--seed", "3", "--workers", "2")
    first = set(imported_by(*arguments))
    assert {"numba", "PIL.Image", "multiprocessing", "augcli.pipeline.completion"} <= first
    again = imported_by(*arguments)
    assert [name for name in again if name.startswith(tuple(f"{work}." for work in WORKING))] == []
    assert set(again) & set(WORKING) == set()
    assert "augcli.pipeline.output.state" in again


def test_a_gpu_that_is_not_there_is_said_and_nothing_is_written(run_cli, photos, tmp_path):
    done = run_cli("cutmix", "--backend", "gpu", photos, tmp_path / "dst")
    assert (done.returncode, done.stdout) == (8, "")
    told = re.fullmatch(
        r"augcli: (CuPy is not installed; run: pip install 'augcli\[gpu\]'|no NVIDIA GPU can be used: .*)\n",
        done.stderr,
    )
    assert told
    assert not (tmp_path / "dst").exists()


def test_backends_have_names(cli, photos, tmp_path):
    done = cli("cutmix", "--backend", "tpu", photos, tmp_path / "dst")
    assert done.returncode == 2
    assert done.stderr == "augcli: --backend must be one of auto, cpu, gpu, reference, got 'tpu'\n"


def test_the_reference_writes_the_same_bytes(cli, make_folder, tmp_path, tree):
    src = make_folder({"cat": 3, "dog": 3})
    for backend in ("reference", "auto"):
        done = cli("cutmix", "--backend", backend, src, tmp_path / backend)
        assert done.returncode == 0
    assert "cpu (numba)" in done.stdout
    assert tree(tmp_path / "reference") == tree(tmp_path / "auto")
