"""The lines of schedulers on the page on scale: run as they stand, by stand-ins that set their variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import augcli
from tests.pages import call_augcli, find_blocks, read_page

SCHEDULERS = {
    "sbatch": """
import os, subprocess, sys
words = sys.argv[1:]
command = words[words.index("--wrap") + 1]
arrays = [word.removeprefix("--array=") for word in words if word.startswith("--array=")]
first, last = map(int, arrays[0].split("-")) if arrays else (0, 0)
assert arrays or "--dependency=afterok:17" in words, words
for index in range(first, last + 1):
    here = {"SLURM_ARRAY_TASK_ID": str(index)} if arrays else {}
    subprocess.run(["sh", "-c", command], env=os.environ | here, check=True, stdout=sys.stderr)
print("17" if "--parsable" in words else "Submitted batch job 18")
""",
    "parallel": """
import subprocess, sys
words = sys.argv[1:]
place = words.index(":::")
for value in words[place + 1 :]:
    subprocess.run([word.replace("{}", value) for word in words[:place]], check=True)
""",
    "aws": """
import json, os, subprocess, sys
words = sys.argv[1:]
assert words[:2] == ["batch", "submit-job"], words
given = dict(zip(words[2::2], words[3::2], strict=True))
size = int(given.get("--array-properties", "size=1").removeprefix("size="))
assert size > 1 or given["--depends-on"] == "jobId=17", given
for index in range(size):
    here = {"AWS_BATCH_JOB_ARRAY_INDEX": str(index)} if size > 1 else {}
    command = json.loads(given["--container-overrides"])["command"]
    subprocess.run(command, env=os.environ | here, check=True, stdout=sys.stderr)
print("17" if given.get("--query") == "jobId" else '{"jobId": "18"}')
""",
    "augcli": "from augcli.cli import main; main()",
}
BLOCKS = find_blocks(read_page("scale"))


@pytest.fixture
def schedulers(tmp_path, monkeypatch):
    """Programs that do here what those of the same name do on a cluster."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, text in SCHEDULERS.items():
        (place / name).write_text(f"#!{sys.executable}\n{text}")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(augcli.__file__).parent.parent))


@pytest.fixture
def whole(tree):
    """What one run writes."""
    assert call_augcli(["cutmix", "photos", "whole"]) == 0
    return tree(Path("whole"))


@pytest.mark.slow
@pytest.mark.usefixtures("workspace", "schedulers")
@pytest.mark.parametrize("block", [block.text for block in BLOCKS if block.language == "bash"])
def test_the_lines_of_a_scheduler_make_the_output_of_one_run(block, whole, tree):
    done = subprocess.run(["bash", "-euc", block], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [made] = Path().glob("out-*")
    assert tree(made) == whole


@pytest.mark.slow
@pytest.mark.usefixtures("workspace", "schedulers")
def test_the_pods_of_an_indexed_job_make_the_output_of_one_run(whole, tree):
    [job] = [yaml.safe_load(block.text) for block in BLOCKS if block.language == "yaml"]
    spec = job["spec"]
    [container] = spec["template"]["spec"]["containers"]
    assert spec["completionMode"] == "Indexed"
    for index in range(spec["completions"]):
        here = os.environ | {"JOB_COMPLETION_INDEX": str(index)}
        subprocess.run(container["command"], env=here, check=True, capture_output=True)
    augcli.merge("out-k8s")
    assert tree(Path("out-k8s")) == whole
