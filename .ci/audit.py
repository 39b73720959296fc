"""What this house depends on: all of it pinned, none of it idle, each under a licence that a shop can live with.

Read from the metadata of the packages that are installed here, so that nothing has to be fetched. Known weaknesses are
another matter: their list is on the network. Where pip-audit is installed it is asked; elsewhere that is said, plainly.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata, util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PINNED_BY_PYPROJECT = ("torch", "schemathesis")
"""Named with their versions there, as is what they alone need: wheels of a place of their own, and a rare test's."""

ALLOWED = {
    *("0bsd", "apache-2.0", "apache-2.0 with llvm-exception", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "isc", "mit"),
    *("mpl-2.0", "psf-2.0", "unlicense", "zlib"),
}
"""Licences that ask for no more than notices, or, as the MPL does, for changes of their own files."""

WORDS = {
    "mit license": "mit",
    "bsd": "bsd-3-clause",
    "bsd license": "bsd-3-clause",
    "bsd 2-clause license": "bsd-2-clause",
    "3-clause bsd license": "bsd-3-clause",
    "apache 2.0": "apache-2.0",
    "apache software license": "apache-2.0",
    "isc license": "isc",
    "isc license (iscl)": "isc",
    "mozilla public license 2.0 (mpl 2.0)": "mpl-2.0",
    "python software foundation license": "psf-2.0",
    "the unlicense (unlicense)": "unlicense",
}
"""How packages say it in older words."""


def locked(text: str | None = None) -> dict[str, str]:
    """Name and version of everything that the lock holds."""
    lines = (LOCK.read_text() if text is None else text).split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def asked_for(extras: Iterable[str]) -> list[str]:
    """What pyproject.toml asks for, in its words: the base and these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional: Mapping[str, list[str]] = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def extras_of_pyproject() -> list[str]:
    """Their names."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def needed(wanted: Iterable[str], *, without: Iterable[str] = ()) -> set[str]:
    """Everything that these requirements come to on this machine, as far as it is installed."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in without or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        for extra in ("", *one.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            waiting += _needs_of(name, extra)
    return {name for name, _ in found}


def _needs_of(name: str, extra: str) -> Iterator[Requirement]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            one.marker = None
            yield one


def licences_of(name: str) -> set[str]:
    """What an installed package says of its licence, in SPDX's words where they are known; empty where it says nothing.

    What it offers a choice of, or asks for together, is all of it.
    """
    told = metadata.metadata(name)
    expression = told.get("License-Expression")
    classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or () if line.startswith("License")]
    old = [(told.get("License") or "").splitlines()[0]] if told.get("License") else []
    words = re.split(r"\s+(?:AND|OR)\s+", re.sub("[()]", "", expression)) if expression else classes or old
    return {WORDS.get(word.strip().lower(), word.strip().lower()) for word in words}


def idle(lock: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """What the lock holds and nothing needs. Nothing is said where an extra is missing: its needs are not known."""
    here = {canonicalize_name(one.name) for one in metadata.distributions()}
    known = here | {canonicalize_name(name) for name in PINNED_BY_PYPROJECT}
    if any(canonicalize_name(Requirement(line).name) not in known for line in asked_for(extras_of_pyproject())):
        return []
    return sorted({*lock} - {*wanted})


def findings() -> list[str]:
    """Everything that is wrong, in a sentence each."""
    lock, extras = locked(), extras_of_pyproject()
    pinned = needed(asked_for(extras), without=PINNED_BY_PYPROJECT)
    told = [f"{name} is needed and not in requirements.lock: run `make lock`." for name in sorted(pinned - {*lock})]
    told += [f"{name} is in requirements.lock and nothing needs it: run `make lock`." for name in idle(lock, pinned)]
    for name in sorted(pinned & {*lock}):
        try:
            here, licences = metadata.version(name), licences_of(name)
        except metadata.PackageNotFoundError:
            continue
        if here != lock[name]:
            told.append(f"{name} is {here} here and {lock[name]} in requirements.lock.")
        if not licences or not licences <= ALLOWED:
            told.append(f"{name} is under '{', '.join(licences) or 'no licence that it names'}', which nobody allowed.")
    return told


def ask_for_weaknesses() -> int:
    """Let pip-audit look at the lock, where it is installed; its exit code."""
    if util.find_spec("pip_audit") is None:
        print("Known weaknesses: not checked: no advisory database (pip-audit is not installed here).")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip()
    if done.returncode and "known vulnerabilit" not in said:
        print(
            f"Known weaknesses: not checked: no advisory database ({said.splitlines()[-1] if said else 'no answer'})."
        )
        return 0
    print(said)
    return done.returncode


def main() -> int:
    """Tell everything; 1 where something is to be done."""
    told = findings()
    print(*told, sep="\n") if told else print(f"{len(locked())} packages: pinned, needed, under allowed licences.")
    return int(bool(told)) or ask_for_weaknesses()


if __name__ == "__main__":
    sys.exit(main())
