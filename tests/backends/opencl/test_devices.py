"""Devices are found without any setting of the person's, in a fixed order, and described."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.contract import BackendError
from backends.opencl import devices, platforms

ROOT = Path(__file__).resolve().parents[3]


def test_a_device_is_found_without_any_setting_where_the_runtime_is_bundled():
    if platforms.bundled_library() is None:
        pytest.skip("no OpenCL runtime comes with the dependencies on this system")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OCL_")}
    code = "from backends.opencl.devices import devices; print([d.kind for d in devices()])"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert "CPU" in told.stdout


def test_a_process_that_holds_openvinos_older_tbb_says_why_it_has_no_processor():
    if platforms.bundled_library() is None:
        pytest.skip("no OpenCL runtime comes with the dependencies on this system")
    code = (
        "import openvino\n"
        "from backends.contract import BackendError\n"
        "from backends.opencl import devices\n"
        "try: print('found', devices.find(None)[0].kind)\n"
        "except BackendError as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    assert told.startswith("found") or "intel-opencl-rt cannot be loaded into this process (" in told, told


def test_gpus_come_before_processors_and_ids_count_from_zero():
    found = devices.devices()
    kinds = [device.kind for device in found]
    assert kinds == sorted(kinds, key=["GPU", "ACCELERATOR", "CPU", "OTHER"].index)
    assert [device.id for device in found] == [str(index) for index in range(len(found))]


def test_a_number_names_a_device_and_none_names_the_first():
    found = devices.devices()
    assert devices.find(None) == devices.find("0")
    assert [devices.find(str(index))[0] for index in range(len(found))] == found


def test_a_device_says_what_matters():
    device = devices.devices()[0]
    assert device.memory_mb and device.precisions == ("fp32", "fp16")
    assert {"compute_units", "local_memory_kb", "fp16_arithmetic", "driver"} <= set(device.properties)


def test_an_unknown_device_is_an_error_that_lists_the_known():
    with pytest.raises(BackendError, match=r"no device '99' here; it has 0 \("):
        devices.find("99")


def test_system_runtimes_stay_listed_beside_ours(tmp_path: Path):
    (tmp_path / "other.icd").write_text("libother.so.1\n")
    library = tmp_path / "libintelocl.so"
    place = platforms.vendors_directory(library, platforms.system_files(str(tmp_path)))
    assert {file.read_text().strip() for file in place.glob("*.icd")} == {"libother.so.1", str(library)}


def test_a_runtime_in_a_path_with_a_blank_is_linked_into_one_without(tmp_path: Path):
    library = tmp_path / "a b" / "libintelocl.so"
    library.parent.mkdir()
    for name in ("libintelocl.so", "cl.cfg", "clbltfn.rtl"):
        (library.parent / name).write_text(name)
    linked = platforms.without_blanks(library, [tmp_path / "c d", tmp_path / "home"])
    assert " " not in str(linked) and linked.samefile(library) and (linked.parent / "cl.cfg").exists()
    with pytest.raises(BackendError, match="path with a blank"):
        platforms.without_blanks(library, [tmp_path / "c d"])


def test_a_runtime_in_a_path_without_blanks_is_used_where_it_is(tmp_path: Path):
    assert platforms.without_blanks(tmp_path / "libintelocl.so") == tmp_path / "libintelocl.so"
