"""The one-file command line has what a wheel has, and its archive is one that krew installs."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tools import krew, onefile

PLUGIN: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "krew.googlecontainertools.github.com/v1alpha2"},
        "kind": {"const": "Plugin"},
        "metadata": {"properties": {"name": {"pattern": r"^(?!kubectl-)[\w-]+$"}}, "required": ["name"]},
        "spec": {
            "required": ["version", "shortDescription", "platforms"],
            "properties": {
                "version": {"pattern": r"^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$"},
                "shortDescription": {"type": "string", "minLength": 1, "maxLength": 50},
                "homepage": {"type": "string"},
                "caveats": {"type": "string"},
                "description": {"type": "string"},
                "platforms": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "required": ["uri", "sha256", "bin", "files", "selector"],
                        "additionalProperties": False,
                        "properties": {
                            "uri": {"pattern": r"^https://.*\.(tar\.gz|zip)$"},
                            "sha256": {"pattern": "^[0-9a-f]{64}$"},
                            "bin": {"type": "string", "minLength": 1},
                            "files": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"required": ["from", "to"], "properties": {"from": {"minLength": 1}}},
                            },
                            "selector": {"required": ["matchLabels"]},
                        },
                    },
                },
            },
            "additionalProperties": False,
        },
    },
}
"""The rules by which krew takes a manifest (validation of its index), as a schema."""


def test_it_has_the_package_its_kinds_and_nothing_of_this_machine(tmp_path: Path) -> None:
    sources = onefile.staged(tmp_path)
    names = {path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()}
    assert {"serin/cli/main.py", "serin/cli/lint/buckets.toml", "serin/crds/modeldeployments.yaml"} <= names
    assert not [name for name in names if name.endswith(".pyc")]
    assert {name.partition("/")[0] for name in names} == {"serin"}


def test_pex_is_asked_for_what_the_project_names() -> None:
    words = onefile.command(Path("sources"), Path("serin.pex"))
    packages = {re.split(r"[><=]", word)[0] for word in onefile.requirements()}
    assert {"typer", "PyYAML", "common-expression-language", "textual"} <= packages
    assert set(onefile.requirements()) <= set(words)
    module, _, name = onefile.ENTRY.partition(":")
    assert hasattr(__import__(module, fromlist=[name]), name)


def test_krew_takes_the_manifest_of_its_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "serin.pex"
    program.write_text("#!/usr/bin/env python3\n")
    program.chmod(0o755)
    archive = onefile.archived(program, tmp_path, "linux-amd64")
    with tarfile.open(archive) as found:
        assert sorted(found.getnames()) == ["LICENSE", "kubectl-serin"]
        assert found.getmember("kubectl-serin").mode & 0o111
    assert krew.main(["--base-url", "https://example.com/releases/download/v0.1.0", f"linux-amd64={archive}"]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    jsonschema.Draft202012Validator(PLUGIN).validate(made)
    [platform] = made["spec"]["platforms"]
    with tarfile.open(archive) as found:
        names = set(found.getnames())
    assert {each["from"] for each in platform["files"]} == names
    assert platform["bin"] in names
