#!/usr/bin/env python3
"""Fetches libtorch for an image: the wheel that requirements.txt pins, of NVIDIA's wheels those only that are loaded, and
LightGBM's library beside them.

    libtorch.py cpu|cuda SITE RUNTIME

SITE gets what is compiled and linked against (torch/include, torch/lib, nvidia/*/lib, lightgbm/lib), laid out as in
Python's site-packages, since the libraries find each other by that layout. RUNTIME gets of it the libraries that a run
loads, their licences, and wheels.json, which says what each came from. LightGBM's library is installed with the program
(make tree), so RUNTIME has its licence alone. `pip install torch` would fetch every CUDA package, 4 GB of them, for the sake
of the two small ones that the CPU library is linked with.
"""

import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

# The wheel is for one Python; its libraries are for none, so this is fixed, whatever Python runs this script.
# pip takes a platform by the letter, so the older ones are named as well.
WHEEL = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.11"]
WHEEL += [f"--platform=manylinux_2_{glibc}_x86_64" for glibc in (28, 27, 26, 25, 24, 18, 17)] + ["--platform=manylinux2014_x86_64"]

# What is loaded by name and so stands in no list of needed libraries: NVRTC and its tables for kernels that are compiled
# at run time, linear algebra, cuDNN's parts.
OPENED = {
    "cpu": ["torch/lib/libtorch_cpu.so"],
    "cuda": [
        "torch/lib/libtorch_cpu.so",
        "torch/lib/libtorch_cuda.so",
        "torch/lib/libtorch_cuda_linalg.so",
        "torch/lib/libcaffe2_nvrtc.so",
        "nvidia/cu13/lib/libnvrtc-builtins.so.*",
        "nvidia/cudnn/lib/libcudnn*.so.*",
    ],
}

# The compiler of CUDA and its headers.
COMPILER = ["nvidia-cuda-cccl", "nvidia-cuda-crt", "nvidia-cuda-nvcc", "nvidia-nvvm"]


def pip_download(folder, *wanted, deps):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", folder, *WHEEL]
    subprocess.run([*command, *([] if deps else ["--no-deps"]), *wanted], check=True)


def metadata(wheel):
    with zipfile.ZipFile(wheel) as z:
        name = next(n for n in z.namelist() if n.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(z.read(name).decode())


def nvidia(torch_wheel, kind):
    """What torch's own metadata asks for: (requirements, whether their dependencies belong to them)."""
    pins = [r.split(";")[0].strip() for r in metadata(torch_wheel).get_all("Requires-Dist", [])]
    toolkit = next(p for p in pins if p.startswith("cuda-toolkit["))
    version = toolkit.rpartition("==")[2]
    if kind == "cpu":
        return [f"cuda-toolkit[cudart,cupti]=={version}"]
    return [toolkit, *(p for p in pins if p.startswith("nvidia-"))]


def unpack(wheel, site):
    with zipfile.ZipFile(wheel) as z:
        for name in z.namelist():
            keep = name.startswith(("torch/include/", "torch/lib/", "lightgbm")) and not name.endswith(".py")
            keep = keep or re.match(r"nvidia/[^/]+/(bin|include|lib|nvvm)/", name)
            if keep and not fnmatch.fnmatch(name, "*_python.so") and not name.endswith((".a", "/")):
                z.extract(name, site)
                if "/bin/" in name:
                    (site / name).chmod(0o755)


def licences(wheel, folder):
    with zipfile.ZipFile(wheel) as z:
        for name in z.namelist():
            base = name.rsplit("/", 1)[-1]
            if ".dist-info/" in name and re.match(r"(?i)(licen[sc]e|notice|copying|eula)", base):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / base).write_bytes(z.read(name))


def needed(library):
    text = subprocess.run(["readelf", "--dynamic", "--wide", library], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def loaded(site, roots):
    """The libraries that these are and need, as far as they lie in site; the rest is the system's."""
    where = {p.name: p for p in sorted(site.rglob("*.so*")) if p.is_file()}
    todo = [p for pattern in roots for p in sorted(site.glob(pattern))]
    found = set()
    while todo:
        library = todo.pop()
        if library not in found:
            found.add(library)
            todo += [where[n] for n in needed(library) if n in where]
    return sorted(found)


def link(source, target):
    """A second name where one file system allows it, since these are gigabytes; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(0o755)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def main():
    kind, site, runtime = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    pins = Path(os.environ.get("REQUIREMENTS", "requirements.txt")).read_text()
    version, trees = (re.search(rf"(?m)^{name}==(\S+)$", pins)[1] for name in ("torch", "lightgbm"))
    with tempfile.TemporaryDirectory() as folder:
        pip_download(folder, f"torch=={version}", deps=False)
        torch_wheel = next(Path(folder).glob("torch-*.whl"))
        pip_download(folder, *nvidia(torch_wheel, kind), deps=True)
        pip_download(folder, f"lightgbm=={trees}", deps=False)
        if kind == "cpu":  # the program, CUDA kernels included, is compiled in the CPU image alone
            pip_download(folder, *(f"{name}=={re.search(rf'(?m)^{name}==(.+)$', pins)[1]}" for name in COMPILER), deps=False)
        wheels = []
        for wheel in sorted(Path(folder).glob("*.whl")):
            about = metadata(wheel)
            unpack(wheel, site)
            if about["Name"] in COMPILER:
                continue  # nothing of it is in the image
            licences(wheel, runtime / "licenses" / about["Name"])
            wheels.append({
                "name": about["Name"], "version": about["Version"], "sha256": digest(wheel),
                "license": about["License-Expression"] or about["License"] or "see licenses",
            })
    libraries = loaded(site, OPENED[kind])
    for library in libraries:
        target = runtime / library.relative_to(site)
        target.parent.mkdir(parents=True, exist_ok=True)
        library.chmod(0o755)
        link(library, target)
    (runtime / "wheels.json").write_text(json.dumps(wheels, indent=1) + "\n")
    total = sum(p.stat().st_size for p in libraries)
    print(f"libtorch {version} ({kind}): {len(libraries)} libraries, {total / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
