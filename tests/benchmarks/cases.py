"""What `run.py` measures: each case's data, augcli's command on it, and what it is measured against."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Program:
    """A program that turns SRC into DST: its name in the table, and its command up to SRC and DST."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        name: What `--only` calls it.
        data: Variant of the photos, as `photos.py` makes them.
        augcli: augcli's arguments up to SRC and DST.
        floor: The floor's options.
        target: Least share of the floor's throughput that is aimed at.
        outputs: Images made of each file.
        files: Number of files, where those of `--files` would take too long.
        peers: Programs of a user, beside the floor.
        source: The variant that the floor and the peers read, where they cannot read the same.
    """

    name: str
    data: str
    augcli: tuple[str, ...]
    target: float
    floor: tuple[str, ...] = ()
    outputs: int = 1
    files: int | None = None
    peers: tuple[Program, ...] = ()
    source: str = ""

    def programs(self) -> list[Program]:
        """Give what runs, augcli first."""
        command = (sys.executable, "-m", "augcli", *self.augcli, "--workers", str(WORKERS), "--quiet")
        floor = _script("codec floor", "floor.py", *self.floor)
        return [Program("augcli", command), floor, *(peer for peer in self.peers if _can_run(peer))]


def _script(name: str, file: str, *options: str) -> Program:
    """Name one of the programs beside this file."""
    return Program(name, (sys.executable, str(HERE / file), "--workers", str(WORKERS), *options))


def _can_run(peer: Program) -> bool:
    needed = NEEDS.get(peer.name)
    if needed is None or importlib.util.find_spec(needed[0]):
        return True
    print(f"{peer.name} is left out; for it run: pip install {needed[1]}", file=sys.stderr)
    return False


CODEC = ("--quality", "95", "--subsampling", "420")
OPENCV = _script("OpenCV pool", "opencv_pool.py")
PILLOW = _script("Pillow pool", "pillow_pool.py")
TORCHVISION = _script("torchvision DataLoader", "torchvision_loader.py")
NEEDS = {
    OPENCV.name: ("cv2", "opencv-python-headless"),
    TORCHVISION.name: ("torchvision", "torch==2.14.1 torchvision==0.29.1"),
}
CUTMIX = ("cutmix", "--alpha", "1", *CODEC)

CASES = (
    Case("one-size", "one-size", CUTMIX, 0.92, peers=(TORCHVISION,)),
    Case("mixed", "mixed", CUTMIX, 0.90, peers=(OPENCV, PILLOW)),
    Case("mixup", "mixed", ("mixup", *CODEC), 0.80),
    Case("parquet", "shards", CUTMIX, 0.88, ("--no-files",), source="mixed"),
    Case("copies-4", "mixed", (*CUTMIX, "--copies", "4"), 0.85, ("--copies", "4"), 4, 4000),
    Case("cutout", "mixed", ("cutout", *CODEC), 0.93),
    Case("patch-cutout", "mixed", ("patch-cutout", *CODEC), 0.88),
    Case("erase", "mixed", ("erase", *CODEC), 0.85),
    Case("chain", "mixed", ("run", str(HERE / "chain.toml")), 0.80),
    Case("large", "large", CUTMIX, 0.92, files=400),
    Case("size-224", "large", (*CUTMIX, "--size", "224"), 2.0, ("--size", "224"), files=400),
    Case("p-0.1", "mixed", (*CUTMIX, "--p", "0.1"), 4.0),
)
