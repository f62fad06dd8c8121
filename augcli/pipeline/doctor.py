"""What this machine has, and what each missing part costs."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from augcli.errors import Note, Option
from augcli.io.images import codec
from augcli.io.store.object_clients import INSTALL_OBSTORE
from augcli.kernels import cpu, devices
from augcli.pipeline.engines.cpus import count_cpus, count_workers, read_quota
from augcli.pipeline.engines.ray import INSTALL_RAY

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("numpy", "numba", "pyarrow", "pillow", "simplejpeg", "typer", "tqdm")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found.

    Attributes:
        versions: Of augcli, Python and the packages.
        system: Operating system and processor.
        codecs: Version of each image library; None if Pillow was built without it.
        cpus: CPUs that this process may use.
        quota: CPUs that its control group may use, rounded up; None without a bound.
        workers: Workers that a run takes by default.
        processes: True if the workers of folders are processes, not threads.
        kernel_cache: Directory in which compiled kernels stay; None if no directory can be written.
        kernel_threads: Threads of the kernels for batches in memory.
        gpu: What there is of the GPU backend.
        notes: Missing parts in words: what each costs and how to get it.
    """

    versions: dict[str, str]
    system: str
    codecs: dict[str, str | None]
    cpus: int
    quota: int | None
    workers: int
    processes: bool
    kernel_cache: str | None
    kernel_threads: int
    gpu: devices.State
    notes: tuple[str, ...]


def diagnose() -> Diagnosis:
    """Return what the machine has; nothing is written or compiled."""
    codecs, cache, state = codec.libraries(), cpu.cache_path(), devices.find_state()
    processes = sys.platform == "linux"
    return Diagnosis(
        versions={"augcli": version("augcli"), "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        system=f"{platform.system()} {platform.machine()}",
        codecs=codecs,
        cpus=count_cpus(),
        quota=read_quota(),
        workers=count_workers(),
        processes=processes,
        kernel_cache=cache,
        kernel_threads=cpu.count_threads(),
        gpu=state,
        notes=tuple(_find_costs(codecs, cache, processes, state.problem)),
    )


def _find_costs(
    codecs: dict[str, str | None], cache: str | None, processes: bool, problem: str
) -> Iterator[str]:
    """Yield notes on missing parts: what each costs, and how to get it."""
    for name, codec_version in codecs.items():
        if codec_version is None:
            cost = "such images count as failed; pip install --upgrade pillow"
            yield f"Pillow was built without {name}: {cost}"
    if cache is None:
        yield (
            "no directory for compiled kernels can be written: every run compiles for some seconds;"
            " set NUMBA_CACHE_DIR to one that can"
        )
    if not processes:
        yield "workers are threads here, which hold each other up a little; on Linux they are processes"
    if find_spec("obstore") is None:
        yield f"without obstore there is no s3://, gs:// and az://; {INSTALL_OBSTORE}"
    if find_spec("ray") is None:
        yield Note("without Ray there is no ", Option("engine", "ray"), f"; {INSTALL_RAY}")
    if find_spec("jinja2") is None:
        yield "without Jinja2 there are no reports; run: pip install 'augcli[report]'"
    if problem:
        yield Note("the backend gpu cannot be used, which costs commands nothing: ", problem)
