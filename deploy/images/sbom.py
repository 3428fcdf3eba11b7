#!/usr/bin/env python3
"""Writes the bill of materials (CycloneDX 1.6) of a program tree, and gathers the licences of the Go modules in it.

    sbom.py TREE --name N --version V --date D [--wheels wheels.json] [--dpkg /var/lib/dpkg] > sbom.cdx.json

TREE holds bin/gnn-trainer and lib. Components are the Go modules that are linked in (as `go version -m` tells), the wheels
that libtorch came from, the distribution's packages, and our own native files with their SHA-256. The same input gives the
same file to the byte.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path


def modules(binary):
    """(path, version) of each module, a replaced one as what replaces it, and the version of Go."""
    lines = subprocess.run(["go", "version", "-m", binary], check=True, capture_output=True, text=True).stdout.splitlines()
    found = []
    for line in lines[1:]:
        kind, *rest = line.strip().split("\t")
        if kind == "dep":
            found.append((rest[0], rest[1]))
        elif kind == "=>":
            found[-1] = (rest[0], rest[1])
    return sorted(found), lines[0].rsplit("go", 1)[1]


def go_licences(found, folder):
    listed = subprocess.run(["go", "list", "-m", "-f", "{{.Path}}@{{.Version}} {{.Dir}}", *(path for path, _ in found)],
                            check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        module, _, source = line.partition(" ")
        for file in sorted(Path(source).iterdir()) if source else []:
            if re.match(r"(?i)(licen[sc]e|notice|copying|patents)", file.name) and file.is_file():
                target = folder / module
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / file.name)
                (target / file.name).chmod(0o644)


def debian(folder):
    """The installed packages; folder has status, or status.d where an image was made without dpkg."""
    files = [folder / "status"] if (folder / "status").exists() else sorted((folder / "status.d").glob("*"))
    for file in files:
        for paragraph in file.read_text(errors="replace").split("\n\n"):
            field = dict(re.findall(r"(?m)^(Package|Version|Architecture|Status): (.*)$", paragraph))
            if "Package" in field and field.get("Status", "install ok installed").endswith(" installed"):
                yield field["Package"], field["Version"], field["Architecture"]


def component(kind, name, version, purl, **more):
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("tree", type=Path)
    for option in ("--name", "--version", "--date"):
        p.add_argument(option, required=True)
    p.add_argument("--wheels", type=Path)
    p.add_argument("--dpkg", type=Path)
    p.add_argument("--licenses", type=Path, help="folder that the Go modules' licences are copied to")
    a = p.parse_args()

    found, go = modules(a.tree / "bin/gnn-trainer")
    if a.licenses:
        go_licences(found, a.licenses)
    parts = [component("library", path, v, f"pkg:golang/{path}@{v}") for path, v in found]
    parts.append(component("library", "std", go, f"pkg:golang/std@{go}"))
    for w in json.loads(a.wheels.read_text()) if a.wheels else []:
        parts.append(component("library", w["name"], w["version"], f"pkg:pypi/{w['name']}@{w['version']}",
                               hashes=[{"alg": "SHA-256", "content": w["sha256"]}], licenses=[{"license": {"name": w["license"]}}]))
    for name, version, architecture in sorted(debian(a.dpkg)) if a.dpkg else []:
        purl = f"pkg:deb/debian/{name}@{version}".replace("+", "%2B")
        parts.append(component("library", name, version, f"{purl}?arch={architecture}"))
    for file in sorted(f for f in (*(a.tree / "bin").iterdir(), *(a.tree / "lib").glob("*.so"))):
        parts.append({"type": "file", "bom-ref": str(file.relative_to(a.tree)), "name": str(file.relative_to(a.tree)),
                      "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}]})
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": a.date,
            "component": {"type": "application", "bom-ref": "gnn-trainer", "name": a.name, "version": a.version},
        },
        "components": parts,
    }
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True))}"
    print(json.dumps(bom, indent=1))


if __name__ == "__main__":
    main()
