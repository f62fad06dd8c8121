"""The command that says what this machine has."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from augcli import api
from augcli.cli import options
from augcli.cli.work import show
from augcli.errors import Spelling, spell_note

if TYPE_CHECKING:
    from augcli.pipeline.doctor import Diagnosis


def doctor(*, json: options.Json = False) -> int:
    """Show versions, codecs, CPUs, kernels and GPUs, and what each missing part costs."""
    show(api.diagnose(), describe, document, False, json)
    return 0


def describe(diagnosis: Diagnosis) -> str:
    """Return what the machine has in words, a few lines for a person."""
    versions, state = diagnosis.versions, diagnosis.gpu
    packages = (f"{name} {number}" for name, number in versions.items() if name not in ("augcli", "python"))
    codecs = (f"{name} {number or 'missing'}" for name, number in diagnosis.codecs.items())
    quota = "" if diagnosis.quota is None else f", {diagnosis.quota} by the quota"
    kind = "processes" if diagnosis.processes else "threads"
    gpus = ", ".join(f"{gpu.name} ({gpu.capability}, {gpu.memory >> 20} MiB)" for gpu in state.devices)
    driver = f", CUDA {state.driver}" if state.driver else ""
    cache = diagnosis.kernel_cache or "memory"
    lines = [
        f"augcli {versions['augcli']}, Python {versions['python']}, {diagnosis.system}",
        f"  packages   {', '.join(packages)}",
        f"  codecs     {', '.join(codecs)}",
        f"  CPUs       {diagnosis.cpus}{quota}: {diagnosis.workers} workers ({kind})",
        f"  kernels    {diagnosis.kernel_threads} threads for arrays; kept in {cache}",
        f"  GPU        {gpus or 'none'}, CuPy {state.cupy or 'not installed'}{driver}",
    ]
    notes = (spell_note(note, Spelling.FLAG) for note in diagnosis.notes)
    return "\n".join([*lines, *(f"  note       {note}" for note in notes)])


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what the machine has as one JSON document."""
    devices = [device._asdict() for device in diagnosis.gpu.devices]
    problem = spell_note(diagnosis.gpu.problem, Spelling.FLAG)
    return asdict(diagnosis) | {
        "gpu": diagnosis.gpu._asdict() | {"devices": devices, "problem": problem},
        "notes": [spell_note(note, Spelling.FLAG) for note in diagnosis.notes],
    }
