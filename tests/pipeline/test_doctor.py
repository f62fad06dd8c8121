"""What `augcli doctor` finds, with parts taken away."""

from __future__ import annotations

import json
import sys

import pytest
from PIL import features

from augcli.io.images import codec
from augcli.kernels import cpu
from augcli.pipeline import doctor
from augcli.pipeline.engines import cpus


def test_it_says_what_is_here():
    found = doctor.diagnose()
    assert found.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(found.versions) == {"augcli", "python", *doctor.PACKAGES}
    assert found.codecs["WebP"] == features.version("webp")
    assert found.workers == cpus.count_workers()
    assert found.processes == (sys.platform == "linux")
    assert found.kernel_threads >= 1


@pytest.mark.parametrize(
    ("where", "name", "value", "says"),
    [
        (cpu, "cache_path", lambda: None, "compiles for some seconds; set NUMBA_CACHE_DIR"),
        (
            codec,
            "libraries",
            lambda: {"AVIF": None},
            "built without AVIF: such images count as failed; pip install",
        ),
        (sys, "platform", "darwin", "workers are threads here"),
        (
            doctor,
            "find_spec",
            lambda name: None,
            "without obstore there is no s3://",
        ),
        (doctor, "find_spec", lambda name: None, "without Jinja2 there are no reports; run: pip install"),
        (doctor, "find_spec", lambda name: None, "without Ray there is no engine='ray'; run: pip install"),
    ],
)
def test_it_says_what_a_missing_part_costs(monkeypatch, where, name, value, says):
    monkeypatch.setattr(where, name, value)
    assert any(says in note for note in doctor.diagnose().notes)


def test_it_says_how_to_get_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    (note,) = [note for note in doctor.diagnose().notes if "gpu" in note]
    assert "costs commands nothing: CuPy is not installed; run: pip install 'augcli[gpu]'" in note


def test_a_quota_is_told_beside_the_cpus(monkeypatch):
    monkeypatch.setattr(doctor, "read_quota", lambda: 3)
    monkeypatch.setattr(doctor, "count_cpus", lambda: 64)
    found = doctor.diagnose()
    assert (found.cpus, found.quota) == (64, 3)


def test_the_command_says_it_in_words_and_as_a_document(cli):
    words, document = cli("doctor"), cli("doctor", "--json")
    assert (words.returncode, words.stderr, document.returncode) == (0, "", 0)
    heads = [line.split()[0] for line in words.stdout.splitlines()]
    assert heads[:6] == ["augcli", "packages", "codecs", "CPUs", "kernels", "GPU"]
    held = json.loads(document.stdout)
    assert held["versions"]["numpy"] in words.stdout
    assert set(held["gpu"]) == {"cupy", "driver", "devices", "problem"}
