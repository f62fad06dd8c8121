"""The real program over a hostile corpus: nothing is lost, nothing leaks, nothing escapes.

One run for each corpus and kind of output, made once; small tests look at what it left.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
import augcli.io.images.codec
from augcli.errors import InputError, StorageError
from augcli.kernels import cpu
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from tests import hostile
from tests.hostile import MAX_PIXELS, photo, write_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="names of bytes, FIFOs and /proc are Linux's"),
]
OK, TOO_MANY_FAILED, INPUT, OUTPUT, STORAGE = 0, 3, 4, 5, 7
CUTMIX = single(CutMix())
WORKERS = 2
MIB = 1 << 20
NOISE_MIB = 16
"""Workers that meet odd formats load some MiB of decoders and of Arrow, which others do without."""


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended, and the most memory that it and the largest of its workers held."""

    code: int
    stdout: str
    stderr: str
    own_mib: float
    worker_mib: float

    @property
    def peak_mib(self):
        return self.own_mib + self.worker_mib


WATCHED = """
import atexit, os, re, signal, sys
from pathlib import Path
from augcli import cli

place, kill, workers = Path(sys.argv.pop(1)), os.kill, [0]

def read_peak(process):
    status = Path(f"/proc/{process}/status").read_text()
    kib = dict(re.findall("(VmHWM|RssFile):[^0-9]*([0-9]+)", status))
    return int(kib.get("VmHWM", 0)) - int(kib.get("RssFile", 0))

def note_and_kill(process, number):
    if number == signal.SIGKILL:
        workers.append(read_peak(process))
    kill(process, number)

os.kill = note_and_kill  # which is how workers end
atexit.register(lambda: place.write_text(f"{read_peak('self')} {max(workers)}"))
cli.main()
"""
"""The program, which notes the most KiB that it and any worker held, without pages of files."""


def run_watched(operation, src, dst, *options, cwd=Path()):
    """Run the program, this one wherever it starts, and measure its memory."""
    environment = os.environ | {"PYTHONPATH": str(Path(augcli.__file__).parent.parent)}
    with tempfile.TemporaryDirectory() as place:
        noted = Path(place, "kib")
        call = [sys.executable, "-c", WATCHED, noted, operation, src, dst, *options]
        before = list_kernels()
        done = subprocess.run(
            list(map(str, call)), capture_output=True, text=True, check=False, env=environment, cwd=cwd
        )
        if list_kernels() != before:  # it had to compile some, which takes more memory than any image here
            shutil.rmtree(cwd / dst, ignore_errors=True)  # a run that is refused makes none
            return run_watched(operation, src, dst, *options, cwd=cwd)
        own, worker = (int(kib) / 1024 for kib in noted.read_text().split())
    return Ended(done.returncode, done.stdout, done.stderr, own, worker)


def list_kernels():
    """List the compiled kernels that are kept, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in Path(cpu.cache_path() or os.devnull).glob("*.nbc")}


needs_peaks = pytest.mark.skipif(
    "VmHWM" not in Path("/proc/self/status").read_text() if sys.platform == "linux" else True,
    reason="the kernel does not say how much memory a process held",
)


def look(root):
    """Everything below a directory, links not followed: kind, content, and time of each file."""
    seen = {}
    for path in root.rglob("*"):
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode)
        content = path.read_bytes() if is_file else os.readlink(path) if path.is_symlink() else None
        seen[os.fsencode(path)] = (stat.S_IFMT(status.st_mode), content, is_file and status.st_mtime_ns)
    return seen


def read_images(dst):
    """Read every image that an output holds, in either form."""
    images = [path.read_bytes() for path in dst.rglob("*") if path.suffix in (".jpg", ".png")]
    for shard in dst.glob("data/*.parquet"):
        images += [row["bytes"] for row in pq.read_table(shard).column("image").to_pylist()]
    return images


def read_rows(dst):
    """Read the rows of an output in either form."""
    table = dst / "metadata.parquet"
    tables = [table] if table.exists() else sorted(dst.glob("data/*.parquet"))
    return [row for path in tables for row in pq.read_table(path).to_pylist()]


def is_data(path):
    return path.endswith((b".jpg", b".png")) or b"/.augcli-" in path or b"/dst/data/" in path


def read_failures(dst):
    path = dst / "failures.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# --- one run for each corpus ---------------------------------------------------------------------------


def write_images(root):
    """Write odd, broken and oversized images in class folders; gives (inputs, keys that must fail)."""
    odd, broken = hostile.make_odd(), hostile.make_broken() | hostile.make_bombs(2000)
    write_files(root / "odd", odd)
    write_files(root / "broken", broken)
    return len(odd) + len(broken), {f"broken/{name}" for name in broken}


def write_names(root):
    """Write sound images of odd names beside links and what is to be skipped; gives the same."""
    inputs = hostile.write_odd_names(root)
    hostile.write_skipped(root)
    return inputs + hostile.write_links(root, root.parent / "outside"), set()


def write_shards(root):
    """Write shards of hostile rows; gives the same."""
    inputs, failing = hostile.write_shards(root)
    last = range(inputs // 2 - failing // 2, inputs // 2)
    return inputs, {f"{shard}.parquet#{row}" for shard in (0, 1) for row in last}


RUNS = {
    "images, cutmix": (write_images, "cutmix"),
    "images, mixup to shards": (write_images, "mixup", "--format", "parquet"),
    "images, erase at one size": (write_images, "erase", "--size", 24, "--image-format", "jpg"),
    "names, cutmix": (write_names, "cutmix"),
    "names, mixup to shards": (write_names, "mixup", "--format", "parquet"),
    "shards, cutmix to folder": (write_shards, "cutmix", "--format", "folder"),
    "shards, erase": (write_shards, "erase", "--copies", 2),
}


@dataclass(frozen=True)
class Ran:
    """A corpus that was run over twice.

    `around` is everything below the root but DST, before and after; `made` is DST after each run.
    """

    dst: Path
    inputs: int
    copies: int
    failing: set[str]
    around: tuple[dict, dict]
    made: tuple[dict, dict]
    first: Ended
    second: CompletedProcess[str]
    layout: str


@pytest.fixture(scope="module", params=RUNS)
def ran(request, cli, tmp_path_factory):
    """Each corpus deep below a root, so that `../../` from DST still ends where it is seen.

    The second run is in this process.
    """
    write, operation, *options = RUNS[request.param]
    root = tmp_path_factory.mktemp("hostile")
    base = root / "a" / "b" / "c"
    inputs, failing = write(base / "src")
    (base / "cwd").mkdir()
    shared = ("--max-pixels", MAX_PIXELS, "--workers", WORKERS)
    call = (operation, base / "src", base / "dst", *options, *shared)
    before = look(root)
    first = run_watched(*call, cwd=base / "cwd")
    made = look(base / "dst")
    second = cli(*call, "--json", cwd=base / "cwd")
    after = look(base / "dst")
    below = os.fsencode(base / "dst")
    around = {path: what for path, what in look(root).items() if not path.startswith(below)}
    copies = options[options.index("--copies") + 1] if "--copies" in options else 1
    layout = "folder" if (base / "dst" / "metadata.parquet").exists() else "parquet"
    return Ran(base / "dst", inputs, copies, failing, (before, around), (made, after), first, second, layout)


def test_outputs_and_failures_are_the_inputs(ran):
    failures = read_failures(ran.dst)
    assert len(read_rows(ran.dst)) == len(read_images(ran.dst)) == ran.copies * (ran.inputs - len(failures))


def test_just_what_is_broken_fails(ran):
    assert sorted(failure["source"] for failure in read_failures(ran.dst)) == sorted(ran.failing)


def test_every_table_has_one_line_for_each_image(ran):
    table = ran.dst / "labels.csv"
    assert table.exists() == (ran.dst / "metadata.parquet").exists()  # neither in the parquet form
    if not table.exists():
        return
    lines = pa_csv.read_csv(table, parse_options=pa_csv.ParseOptions(newlines_in_values=True))
    assert sorted(lines.column("file_name").to_pylist()) == sorted(
        row["file_name"] for row in read_rows(ran.dst)
    )


def test_every_image_of_a_table_stands_where_the_table_says(ran):
    names = {row["file_name"] for row in read_rows(ran.dst) if "file_name" in row}
    assert names == {
        path.relative_to(ran.dst).as_posix() for path in ran.dst.rglob("*") if path.suffix in (".jpg", ".png")
    }


def test_the_exit_code_says_whether_anything_failed(ran):
    expected = TOO_MANY_FAILED if ran.failing else OK
    assert (ran.first.code, ran.second.returncode) == (expected, expected)
    assert (ran.dst / "_SUCCESS").exists() is (not ran.failing)


def test_stderr_has_one_line_where_something_failed_and_else_none(ran):
    progress = r"augcli: \d+ of \d+ images\n"  # one line each 15 s, on a slow machine only
    failed = rf"augcli: {len(ran.failing)} images? failed, [^\n]+\n" if ran.failing else ""
    expected = rf"(?:{progress})*{failed}"
    assert re.fullmatch(expected, ran.first.stderr)
    assert re.fullmatch(expected, ran.second.stderr)


def test_nothing_changes_outside_of_the_destination(ran):
    before, after = ran.around
    assert after == before
    assert not Path("/etc/x").exists()


def test_every_name_in_the_destination_is_utf8_and_visible_or_ours(ran):
    for path in ran.dst.rglob("*"):
        assert os.fsencode(path).decode().isprintable() or "\u2028" in path.name or "\u202e" in path.name
        assert not path.name.startswith(".") or path.name.startswith(".augcli-")


def test_every_written_image_decodes(ran):
    images = read_images(ran.dst)
    assert images
    for data in images:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert min(image.size) > 0


def test_a_second_run_finds_nothing_to_do(ran):
    assert json.loads(ran.second.stdout)["outputs_made"] == 0


def test_a_second_run_touches_no_image_and_no_shard(ran):
    first, second = ({path: what for path, what in made.items() if is_data(path)} for made in ran.made)
    assert second == first


def test_a_second_run_leaves_the_same_bytes(ran):
    first, second = ({path: what[:2] for path, what in made.items()} for made in ran.made)
    assert second == first


@pytest.fixture(scope="module")
def base_peak(tmp_path_factory):
    """Measure the memory of CutMix over harmless images, once for each form and number of workers."""
    root = tmp_path_factory.mktemp("harmless")
    for name in ("cat", "dog"):
        write_files(root / "src" / name, {f"{n}.png": photo("PNG", n) for n in range(20)})
        write_files(root / "src" / name, {f"{n}.jpg": photo("JPEG", n) for n in range(20)})

    @cache
    def measure(form, workers):
        options = ("--quiet", "--format", form, "--workers", workers)
        ended = run_watched("cutmix", root / "src", root / f"{form}-{workers}", *options)
        assert ended.code == OK, ended.stderr
        assert bool(ended.worker_mib) is (workers > 1)  # else nothing would be measured
        return ended.peak_mib

    return measure


def bound_mib(pixels):
    """Four decoded images of the largest size: so much may a worker hold."""
    return 4 * pixels * 3 / MIB


@needs_peaks
def test_memory_stays_within_four_images_of_the_largest_size_for_each_worker(ran, base_peak):
    base = base_peak(ran.layout, WORKERS)
    assert ran.first.peak_mib < base + bound_mib(MAX_PIXELS) + NOISE_MIB


@pytest.mark.parametrize("name", ["bomb.gif", "screen bomb.gif", "bomb.png"])
def test_a_bomb_below_the_bound_gives_all_its_pixels(name):
    data = hostile.make_bombs(2000)[name]
    assert len(data) < 8192
    pixels = augcli.io.images.codec.decode(data, augcli.io.images.codec.read_header(data, 2000**2))
    assert pixels.shape[:2] == (2000, 2000)
    assert (pixels == pixels[0, 0]).all()


# --- a decoder that takes its process with it ----------------------------------------------------------


def test_a_decoder_that_aborts_takes_no_committed_chunk_with_it(
    make_folder, tmp_path, tree, monkeypatch, limit
):
    limit(chunk_outputs=8)
    src = make_folder({"cat": 80, "dog": 80})
    fresh, cut = tmp_path / "fresh", tmp_path / "cut"
    augcli.materialize(src, fresh, CUTMIX, workers=2)
    # Parts are named by the order in which they are made: the last one is begun when most are committed.
    last = max(fresh.glob(".augcli-*.parquet"))
    poison = (src / pq.read_table(last).column("source")[-1].as_py()).read_bytes()
    decode = augcli.io.images.codec.decode_noting

    def abort(data, *arguments):
        if data == poison:
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.abort()
        return decode(data, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr("augcli.io.images.codec.decode_noting", abort)
        with pytest.raises(StorageError, match="a worker process died"):
            augcli.materialize(src, cut, CUTMIX, workers=2)
    committed = sorted(path.name for path in cut.glob(".augcli-*.parquet"))
    assert len(committed) >= 8
    assert last.name not in committed
    assert not (cut / "_SUCCESS").exists()
    for name in committed:
        assert (cut / name).read_bytes() == (fresh / name).read_bytes()
        for file_name in pq.read_table(cut / name).column("file_name").to_pylist():
            assert (cut / file_name).read_bytes() == (fresh / file_name).read_bytes()
    summary = augcli.materialize(src, cut, CUTMIX, workers=2)
    assert not {f".augcli-{name}.parquet" for name in summary.chunks_done} & set(committed)
    assert tree(cut) == tree(fresh)


# --- memory --------------------------------------------------------------------------------------------

SIDE = 2500


def large(form, mode="RGB", **options):
    """Make a flat image of SIDE x SIDE pixels."""
    return hostile.save(Image.new(mode, (SIDE, SIDE), 9), form, **options)


LARGE = {
    "progressive jpeg": lambda: large("JPEG", progressive=True, subsampling=0),
    "png bomb": lambda: hostile.make_bombs(SIDE)["bomb.png"],
}
IN_PILLOW = {
    "gif bomb": (lambda: hostile.make_bombs(SIDE)["bomb.gif"], 4),
    "webp": (lambda: large("WEBP"), 9),  # its decoder holds two canvases beside what it gives
    "avif": (lambda: large("AVIF", speed=10), 6),
    "png with alpha": (lambda: large("PNG", "RGBA", compress_level=1), 4),
}
"""Files that Pillow decodes, and how many times an image of three bytes a pixel each may take."""


@pytest.fixture
def peak_beyond_base(tmp_path, base_peak):
    """Run CutMix over three files of the same bytes among small ones; gives MiB beyond the base."""

    def measure(data, max_pixels):
        src = tmp_path / "src"
        write_files(src / "cat", {f"{n}.png": data for n in range(3)})
        write_files(src / "dog", {f"{n}.png": photo("PNG", n) for n in range(5)})
        options = ("--max-pixels", max_pixels, "--workers", 1, "--image-format", "jpg")  # PNG takes long
        ended = run_watched("cutmix", src, tmp_path / "dst", "--quiet", *options)
        assert ended.code in (OK, TOO_MANY_FAILED), ended.stderr
        return ended.peak_mib - base_peak("folder", 1)

    return measure


@needs_peaks
@pytest.mark.parametrize("kind", LARGE)
def test_large_images_take_no_more_than_four_of_their_size(peak_beyond_base, kind):
    assert peak_beyond_base(LARGE[kind](), SIDE**2) < bound_mib(SIDE**2) + NOISE_MIB


@needs_peaks
@pytest.mark.parametrize("kind", IN_PILLOW)
def test_large_images_that_pillow_decodes_take_a_few_times_their_size(peak_beyond_base, kind):
    make, times = IN_PILLOW[kind]
    assert peak_beyond_base(make(), SIDE**2) < bound_mib(SIDE**2) * times / 4 + NOISE_MIB


@needs_peaks
def test_a_tiff_of_one_huge_tile_takes_no_more_than_an_image_may(peak_beyond_base):
    assert peak_beyond_base(hostile.make_tile_bomb(), MAX_PIXELS) < bound_mib(MAX_PIXELS) + NOISE_MIB


@needs_peaks
def test_an_avif_takes_no_more_than_an_image_may(peak_beyond_base):
    data = hostile.make_lying_avif(4000)
    assert peak_beyond_base(data, MAX_PIXELS) < bound_mib(MAX_PIXELS) + NOISE_MIB


@needs_peaks
def test_a_shard_of_one_image_many_times_is_not_held_whole(tmp_path, base_peak):
    image = photo("PNG") + hostile.draw(600, 500).tobytes()  # what stands behind a PNG is not looked at
    hostile.make_shard(tmp_path / "src" / "0.parquet", image=[image] * 330, label=["cat", "dog"] * 165)
    ended = run_watched("cutmix", tmp_path / "src", tmp_path / "dst", "--size", 16, "--workers", 1)
    assert ended.code == OK
    # The design holds two portions of 256 MiB of encoded rows at most.
    assert ended.peak_mib - base_peak("parquet", 1) < 2 * 256 + NOISE_MIB


# --- odd names, columns and tables ---------------------------------------------------------------------


def assert_refused(done, code=INPUT):
    assert done.returncode == code, done.stderr
    assert re.fullmatch(r"augcli: [^\n]+\n", done.stderr)


def write_two(src):
    write_files(src / "cat", {"a.png": photo("PNG", 1)})
    write_files(src / "dog", {"b.png": photo("PNG", 2)})


@pytest.mark.parametrize(
    "table",
    [
        b"file_name,label,label\na.png,cat,x\nb.png,dog,y\n",
        b"file_name,p:cat,p:dog\na.png,yes,0\nb.png,0,1\n",
        b"file_name,label,x\xff\na.png,cat,1\nb.png,dog,2\n",
        b"file_name,p:\na.png,1\nb.png,1\n",
    ],
    ids=["label twice", "weights that are texts", "a header that is not utf-8", "a class without a name"],
)
def test_a_label_table_that_makes_no_sense_is_refused(tmp_path, table):
    write_files(tmp_path / "src", {"a.png": photo("PNG", 1), "b.png": photo("PNG", 2)})
    write_files(tmp_path, {"labels.csv": table})
    with pytest.raises(InputError):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX, labels=tmp_path / "labels.csv")


@pytest.mark.parametrize(
    "label",
    [[{"name": "cat"}, {"name": "dog"}], [[[1]], [[2]]], hostile.not_utf8()],
    ids=["objects", "lists of lists", "names that are not utf-8"],
)
def test_a_label_column_that_makes_no_sense_is_refused(tmp_path, label):
    hostile.make_shard(tmp_path / "src" / "0.parquet", label=label)
    with pytest.raises(InputError):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)


@pytest.mark.parametrize(
    "image",
    [
        [{"bytes": 1, "path": "x"}, {"bytes": 2, "path": "y"}],
        [{"bytes": photo("PNG"), "path": 1}, {"bytes": photo("PNG"), "path": 2}],
        pa.StructArray.from_arrays([pa.array([photo("PNG")] * 2), hostile.not_utf8()], ["bytes", "path"]),
    ],
    ids=["bytes that are numbers", "paths that are numbers", "paths that are not utf-8"],
)
def test_an_image_column_of_odd_fields_is_refused_or_its_rows_are_recorded(tmp_path, image):
    hostile.make_shard(tmp_path / "src" / "0.parquet", image=image, label=["cat", "dog"])
    with suppress(InputError):
        summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
        assert summary.outputs + len(summary.failures) == 2


def test_a_shard_whose_schema_contradicts_its_columns_is_refused(cli, tmp_path):
    rows = [{"bytes": photo("PNG", n), "path": None} for n in (1, 2)]
    hostile.make_shard(tmp_path / "src" / "0.parquet", image=rows, label=["cat", "dog"])
    hostile.contradict(tmp_path / "src" / "0.parquet")
    assert_refused(cli("cutmix", tmp_path / "src", tmp_path / "dst"))


def test_a_shard_with_a_damaged_page_is_refused(cli, tmp_path):
    shard = tmp_path / "src" / "0.parquet"
    hostile.make_shard(shard, label=["cat", "dog"])
    data = shard.read_bytes()
    shard.write_bytes(data[:4] + b"\xff" * 400 + data[404:])
    assert_refused(cli("cutmix", tmp_path / "src", tmp_path / "dst"))


def test_a_shard_whose_name_is_not_utf8_is_read(cli, tmp_path):
    hostile.make_shard(tmp_path / "src" / "0.parquet", label=["cat", "dog"])
    os.rename(tmp_path / "src" / "0.parquet", os.fsencode(tmp_path / "src") + b"/\xff.parquet")
    assert cli("cutmix", tmp_path / "src", tmp_path / "dst").returncode == OK


def test_a_directory_called_like_an_address_is_a_directory(cli, tmp_path):
    hostile.make_shard(tmp_path / "s3:bucket" / "0.parquet", label=["cat", "dog"])
    assert cli("cutmix", "s3:bucket", "dst", cwd=tmp_path).returncode == OK


def test_a_destination_whose_name_is_not_utf8_is_written(cli, tmp_path):
    write_two(tmp_path / "src")
    dst = os.fsdecode(os.fsencode(tmp_path) + b"/dst\xff")
    assert cli("cutmix", tmp_path / "src", dst, "--quiet").returncode == OK


def test_a_terminal_that_lacks_a_character_of_a_name_still_gets_a_summary(run_cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / "日本", {"a.png": photo("PNG")})
    write_files(tmp_path / "src" / "cat", {"notes.日本": photo("PNG")})
    ascii_only = {"env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    done = run_cli("cutmix", tmp_path / "src", tmp_path / "dst", **ascii_only)
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout.count("\\u65e5\\u672c") == 2


@pytest.mark.parametrize("name", ["labels.csv", "augcli.json"])
def test_a_class_called_like_one_of_our_files_has_a_place(cli, tmp_path, name):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / name, {"c.png": photo("PNG", 3)})
    assert cli("erase", tmp_path / "src", tmp_path / "dst").returncode == OK
    assert len(read_images(tmp_path / "dst")) == 3


def test_a_lost_image_of_a_class_called_data_leaves_no_output(cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / "data", {f"{n}.png": photo("PNG", n) for n in range(3, 5)})
    for inputs in (4, 3):
        assert cli("erase", tmp_path / "src", tmp_path / "dst").returncode == OK
        assert len(read_images(tmp_path / "dst")) == inputs
        (tmp_path / "src" / "data" / "3.png").unlink(missing_ok=True)


def test_a_link_above_the_source_does_not_make_outputs_inputs(cli, tmp_path):
    write_two(tmp_path / "src")
    (tmp_path / "src" / "cat" / "up").symlink_to(tmp_path)
    for _ in range(2):
        assert cli("cutmix", tmp_path / "src", tmp_path / "dst").returncode == OK
        assert len(read_images(tmp_path / "dst")) == 2


def test_a_link_in_the_place_of_an_unfinished_file_is_not_followed(cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path, {"mine": b"mine"})
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "augcli.json.part").symlink_to(tmp_path / "mine")
    cli("cutmix", tmp_path / "src", tmp_path / "dst")
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_carriage_return_in_a_name_does_not_break_a_line_of_the_table(cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / "cat", {"re\rturn.png": photo("PNG", 3)})
    assert cli("cutmix", tmp_path / "src", tmp_path / "dst").returncode == OK
    table = pa_csv.read_csv(tmp_path / "dst" / "labels.csv")
    assert sorted(table.column("source").to_pylist()) == ["cat/a.png", "cat/re\rturn.png", "dog/b.png"]


def test_two_sources_never_print_alike(cli, tmp_path):
    write_two(tmp_path / "src")
    for name in (b"/%FF.png", b"/\xff.png"):
        Path(os.fsdecode(os.fsencode(tmp_path / "src" / "cat") + name)).write_bytes(photo("PNG"))
    assert cli("cutmix", tmp_path / "src", tmp_path / "dst").returncode == OK
    assert len({row["source"] for row in read_rows(tmp_path / "dst")}) == 4


def test_an_image_too_wide_for_pillow_is_a_failure_and_does_not_stop_the_run(cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / "cat", {"wide.png": hostile.make_wide_png()})
    done = cli("cutmix", tmp_path / "src", tmp_path / "dst", "--workers", 1)
    assert done.returncode == TOO_MANY_FAILED, done.stderr
    assert [failure["source"] for failure in read_failures(tmp_path / "dst")] == ["cat/wide.png"]


def test_a_sound_page_before_a_damaged_one_is_read(cli, tmp_path):
    write_two(tmp_path / "src")
    write_files(tmp_path / "src" / "cat", {"pages.tif": hostile.make_torn_pages()})
    assert cli("cutmix", tmp_path / "src", tmp_path / "dst").returncode == OK


def test_memory_that_runs_out_while_a_header_is_read_is_a_fault_of_the_machine(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(StorageError):
        augcli.io.images.codec.read_header(photo("PNG"), MAX_PIXELS)


# --- masks and boxes -----------------------------------------------------------------------------------


@pytest.fixture
def six(tmp_path):
    """Six images and their masks, so deep below a root that `../../` from DST ends where it is seen."""
    root = tmp_path / "a" / "b" / "c"
    hostile.write_six(root)
    return root


def test_odd_names_in_a_coco_file_lead_nowhere(cli, six, tmp_path):
    names = ("cat/0.png", *hostile.ODD_NAMES)
    (six / "boxes.json").write_bytes(hostile.make_coco(names, hostile.ODD_CATEGORIES))
    before = look(tmp_path)
    call = ("src", "dst", "--boxes", "boxes.json", "--copies", 2)
    done = cli("cutmix", *call, cwd=six)
    assert (done.returncode, done.stderr) == (OK, "")
    below = os.fsencode(six / "dst")
    assert {path: what for path, what in look(tmp_path).items() if not path.startswith(below)} == before
    assert cli("verify", "dst", "--against", "src", "--boxes", "boxes.json", cwd=six).returncode == OK
    document = json.loads((six / "dst" / "annotations.json").read_text("utf-8"))
    assert [one["name"] for one in document["categories"]] == list(hostile.ODD_CATEGORIES)
    assert {one["category_id"] for one in document["annotations"]} == {
        one["id"] for one in document["categories"]
    }
    assert all(re.fullmatch("cat/[^/]+[.]png", one["file_name"]) for one in document["images"])


def test_the_summary_holds_no_character_that_a_terminal_obeys(cli, six):
    (six / "boxes.json").write_bytes(hostile.make_coco(("cat/0.png",), hostile.ODD_CATEGORIES))
    said = cli("cutmix", "src", "dst", "--boxes", "boxes.json", cwd=six).stdout
    assert "boxes" in said
    assert not set(said) & {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160))}
    assert all(line.startswith((" ", "dst")) for line in said.splitlines())


def test_odd_names_in_xml_come_back_as_they_are(cli, six):
    names = ["new&#10;line", "&lt;b&gt;", "😀", "../up", "/etc/x", "n" * 10_000]
    voc = {f"{number}.xml": hostile.make_voc(name) for number, name in enumerate(names)}
    write_files(six / "xml" / "cat", voc)
    assert cli("erase", "src", "dst", "--boxes", "xml", cwd=six).returncode == OK
    assert cli("verify", "dst", "--against", "src", "--boxes", "xml", cwd=six).returncode == OK
    for number, name in enumerate(names):
        (written,) = (six / "dst" / "annotations").rglob(f"{number}__*.xml")
        named = {one.findtext("name") for one in ElementTree.parse(written).iter("object")}
        assert named == {ElementTree.fromstring(f"<x>{name}</x>").text}


@pytest.mark.parametrize("kind", hostile.hostile_voc(Path("/")))
def test_xml_that_names_other_files_or_grows_is_refused_and_reads_none(cli, six, kind):
    secret = six / "secret"
    os.mkfifo(secret)  # whoever reads it waits for ever
    write_files(six / "xml" / "cat", {"0.xml": hostile.hostile_voc(secret)[kind]})
    assert_refused(cli("cutmix", "src", "dst", "--boxes", "xml", cwd=six))
    assert not (six / "dst").exists()


def test_notes_on_xml_are_of_one_line_each(cli, six):
    odd = hostile.make_voc("x", more='<q:a xmlns:q="u&#10;v&#x9b;31m"/>')
    write_files(six / "xml" / "cat", {"0.xml": odd})
    said = cli("cutmix", "src", "dst", "--boxes", "xml", cwd=six).stdout
    assert "left out of the boxes" in said
    assert not re.search(r"^v|\x9b", said, re.MULTILINE)


@needs_peaks
def test_many_boxes_of_one_image_take_bounded_memory(six):
    (six / "boxes.json").write_bytes(hostile.make_coco(("cat/0.png",), boxes=20_000))
    ended = run_watched("erase", "src", "dst", "--boxes", "boxes.json", "--workers", 1, cwd=six)
    assert (ended.code, ended.stderr) == (OK, "")
    # Without boxes it takes 90 MiB; some hundred texts and numbers a box in Python's objects are 5 KB in all.
    assert ended.peak_mib < 200


def put_directory(path):
    path.mkdir()


def put_claim(path):
    path.write_bytes(hostile.make_png(60_000, 60_000, 8, 0, b""))


def put_text_bomb(path):
    """Put a text before the pixels of a mask, which decides none of them."""
    png, bomb = path.read_bytes(), hostile.png_chunk(b"zTXt", b"comment\0\0" + hostile.deflate_zeros(8 << 20))
    path.write_bytes(png[:33] + bomb + png[33:])


ODD_MASKS = {
    "directory": (put_directory, "no mask"),
    "fifo": (os.mkfifo, "no mask"),
    "broken link": (lambda path: path.symlink_to("nowhere.png"), "no mask"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "no mask"),
    "link to itself": (lambda path: path.symlink_to(path.name), "no mask"),
    "claims 60000 x 60000": (put_claim, "mask of another size"),
}


@pytest.fixture(scope="module")
def oddly_masked(tmp_path_factory):
    """Images whose masks are no files or hostile ones, run over by CutMix: where, and how it ended.

    Four more have sound masks: one is a link, one has a long text in it.
    """
    root = tmp_path_factory.mktemp("masks")
    hostile.write_six(root, len(ODD_MASKS) + 4)
    for number, (put, _) in enumerate(ODD_MASKS.values()):
        path = root / "masks" / "cat" / f"{number}.png"
        path.unlink()
        put(path)
    linked = root / "masks" / "cat" / f"{len(ODD_MASKS)}.png"
    linked.rename(root / "outside.png")
    linked.symlink_to(root / "outside.png")
    put_text_bomb(root / "masks" / "cat" / f"{len(ODD_MASKS) + 1}.png")
    return root, run_watched("cutmix", "src", "dst", "--masks", "masks", "--workers", WORKERS, cwd=root)


@pytest.mark.parametrize("kind", ODD_MASKS)
def test_an_image_whose_mask_is_no_file_or_hostile_is_recorded(oddly_masked, kind):
    root, ended = oddly_masked
    assert ended.code == TOO_MANY_FAILED
    key = f"cat/{list(ODD_MASKS).index(kind)}.png"
    (failure,) = [one for one in read_failures(root / "dst") if one["source"] == key]
    assert failure["reason"] == ODD_MASKS[kind][1]


def test_images_with_sound_masks_with_linked_ones_and_with_a_text_in_them_are_made(oddly_masked):
    root, _ = oddly_masked
    assert len(list((root / "dst" / "images").rglob("*.png"))) == 4
    assert len(list((root / "dst" / "masks").rglob("*.png"))) == 4
    assert (root / "outside.png").read_bytes() == hostile.save(
        Image.new("L", (16, 12), len(ODD_MASKS)), "PNG"
    )


@needs_peaks
def test_hostile_masks_take_no_memory(oddly_masked, tmp_path):
    _, ended = oddly_masked
    hostile.write_six(tmp_path, len(ODD_MASKS) + 4)
    sound = run_watched("cutmix", "src", "dst", "--masks", "masks", "--workers", WORKERS, cwd=tmp_path)
    assert ended.peak_mib < sound.peak_mib + NOISE_MIB


def test_a_failure_of_a_mask_is_the_same_each_time(six):
    (six / "masks" / "cat" / "0.png").write_bytes(b"I am no mask")
    augcli.materialize(six / "src", six / "dst", CUTMIX, masks=six / "masks", workers=1)
    (failure,) = read_failures(six / "dst")
    assert failure["reason"] == "not a mask"
    assert " at 0x" not in failure["detail"]


def test_a_torn_mask_fails_where_nothing_is_applied_too(cli, six):
    path = six / "masks" / "cat" / "0.png"
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"IDAT") + 6])
    done = cli("cutmix", "src", "dst", "--masks", "masks", "--p", 0, cwd=six)
    assert done.returncode == TOO_MANY_FAILED


def test_boxes_that_are_no_file_are_refused_and_not_waited_for(cli, six):
    os.mkfifo(six / "boxes.json")
    assert_refused(cli("cutmix", "src", "dst", "--boxes", "boxes.json", cwd=six))


@pytest.mark.parametrize("option", ["--masks", "--boxes"])
def test_a_link_that_leads_to_itself_is_refused(cli, six, option):
    (six / "loop").symlink_to("loop")
    done = cli("cutmix", "src", "dst", option, "loop", cwd=six)
    assert done.returncode in (INPUT, STORAGE), done.stderr
    assert re.fullmatch(r"augcli: [^\n]+\n", done.stderr)


def test_a_folder_of_xml_that_links_to_itself_is_read_once(cli, six):
    write_files(six / "xml" / "cat", {"0.xml": hostile.make_voc("cell")})
    (six / "xml" / "up").symlink_to(six / "xml")
    assert cli("cutmix", "src", "dst", "--boxes", "xml", cwd=six).returncode == OK


def test_an_augcli_json_that_is_too_deep_is_damaged(cli, six):
    assert cli("cutmix", "src", "dst", "--quiet", cwd=six).returncode == OK
    (six / "dst" / "augcli.json").write_text("[" * 100_000)
    assert_refused(cli("cutmix", "src", "dst", cwd=six), OUTPUT)
