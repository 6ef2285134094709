"""Builds deploy/Dockerfile and runs what it makes, without an engine: each stage in a root folder of its own.

A root folder is this machine's own with a layer in memory above it (overlayfs, in a mount namespace of this process),
so every RUN line is carried out as it is written and nothing of the machine changes. The machine stands for the base
image: what the base image lacks, or has too much of, this can't show. Then, as the image's user and with a root folder
that can't be written: commands, and with a local Kafka and ClickHouse every worker, its health check and its stop.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.stack import Stack
from streams.composition import STAGES
from streams.local import LocalPipeline
from tests.image.dockerfile import BASE_PATH, Stage, read

TOP = Path(__file__).resolve().parents[2]
INSIDE = "--inside"
READY_S = 60.0


class Root:
    """One stage's root folder."""

    def __init__(self, memory: Path, name: str) -> None:
        self.path = memory / name / "root"
        layers = [memory / name / part for part in ("upper", "work")]
        for folder in (self.path, *layers):
            folder.mkdir(parents=True)
        _mount("overlay", "overlay", self.path, f"lowerdir=/,upperdir={layers[0]},workdir={layers[1]}")
        _mount("proc", "proc", self.path / "proc")
        subprocess.run(["mount", "--rbind", "/dev", str(self.path / "dev")], check=True)
        _mount("tmpfs", "tmpfs", self.path / "tmp", "mode=1777")
        self._give_python()

    def _give_python(self) -> None:
        """`python`, as the base image has it, which the image's user may run."""
        python = Path(os.path.realpath(sys.executable))
        links = {f"usr/local/bin/{name}": python for name in ("python", "python3", "python3.11")}
        # A virtual environment looks for the library beside the `python` that it was made with.
        for link, target in {**links, "usr/local/lib/python3.11": python.parents[1] / "lib/python3.11"}.items():
            subprocess.run(["rm", "-rf", str(self.path / link)], check=True)
            (self.path / link).symlink_to(target)
        for parent in python.parents[:-1]:
            (self.path / parent.relative_to("/")).chmod(0o755)

    def start(self, argv: list[str], stage: Stage, user: str, more: Mapping[str, str]) -> "subprocess.Popen[str]":
        uid, _, gid = user.partition(":")
        there = {**_environment(), **stage.env, **more}
        command = ["/usr/sbin/chroot", f"--userspec={uid}:{gid}", "--groups=", str(self.path)]
        into = ["/usr/bin/env", "--chdir", stage.folder]
        return subprocess.Popen([*command, *into, *argv], env=there, text=True, stdout=-1, stderr=subprocess.STDOUT)

    def run(self, argv: list[str], stage: Stage, user: str = "0:0", **more: str) -> str:
        process = self.start(argv, stage, user, more)
        said, _ = process.communicate(timeout=900)
        if process.returncode:
            raise SystemExit(f"{' '.join(argv)}\nended with {process.returncode}:\n{said}")
        return said


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k.lower().startswith(("pip_", "http", "ssl", "no_proxy"))}
    return {"PATH": BASE_PATH, "HOME": "/root", **kept}


def _mount(kind: str, what: str, where: Path, options: str = "defaults") -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, what, str(where)], check=True)


def build(stages: list[Stage], memory: Path) -> Root:
    """The last stage's root folder."""
    roots: dict[str, Root] = {}
    for number, stage in enumerate(stages):
        root = roots[stage.name] = Root(memory, f"stage{number}")
        for word, text in stage.steps:
            began = time.monotonic()
            if word == "RUN":
                root.run(["/bin/sh", "-ec", text], _in_folder(stage, root))
            elif word == "COPY":
                _copy(text, root, _in_folder(stage, root), roots)
            else:
                (root.path / text.lstrip("/")).mkdir(parents=True, exist_ok=True)
            _say(f"{time.monotonic() - began:6.1f} s  {word} {text[:100]}")
    return roots[stages[-1].name]


def _in_folder(stage: Stage, root: Root) -> Stage:
    """As long as the folder that the stage ends in isn't made, its lines run in the top one."""
    there = stage.folder if (root.path / stage.folder.lstrip("/")).is_dir() else "/"
    return Stage(stage.name, env=stage.env, folder=there)


def _copy(text: str, root: Root, stage: Stage, roots: Mapping[str, Root]) -> None:
    words = text.split()
    source = roots[words.pop(0).removeprefix("--from=")].path if words[0].startswith("--from=") else TOP
    *names, target = words
    into = root.path / os.path.join(stage.folder, target).lstrip("/")
    for name in names:
        found = source / name.lstrip("/")
        if found.is_dir():
            shutil.copytree(
                found, into, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            into.mkdir(parents=True, exist_ok=True) if target.endswith("/") else None
            shutil.copy(found, into)


def try_commands(root: Root, stage: Stage) -> None:
    """What needs no server, as the image's user."""
    for words in (["--version"], ["config"], ["worker", "--help"], ["sample", "--customers", "2"], ["mapping", "list"]):
        said = root.run([*stage.entrypoint, *words], stage, stage.user)
        _say(f"omnijourney {' '.join(words)}: {len(said.splitlines())} lines, the first: {said.splitlines()[0][:100]}")


def try_workers(root: Root, stage: Stage) -> None:
    """Topics and tables made by the image, then each process until it is ready, its health check, and SIGTERM."""
    stack = Stack("image")
    try:
        pipeline = LocalPipeline(stack, stack.up(), {})
        for words in (["topics", "apply"], ["migrate"]):
            said = root.run([*stage.entrypoint, *words], stage, stage.user, **pipeline.variables)
            _say(f"omnijourney {' '.join(words)}: {len(said.splitlines())} lines")
        for words in (*(["worker", name] for name in STAGES), ["monitor"]):
            _try_process(root, stage, words, pipeline.variables)
    finally:
        stack.down(purge=True)


def _try_process(root: Root, stage: Stage, words: list[str], variables: Mapping[str, str]) -> None:
    [port], name = free_ports(1), words[-1]
    state = f"{stage.env['OMNIJOURNEY_STATE_DIR']}/{name}"
    more = {**variables, "OMNIJOURNEY_HTTP_PORT": str(port), "OMNIJOURNEY_STATE_DIR": state}
    began = time.monotonic()
    process = root.start([*stage.entrypoint, *words], stage, stage.user, more)
    ready = ["python", "-c", f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/ready')"]
    while root.start(ready, stage, stage.user, more).wait():
        if process.poll() is not None or time.monotonic() - began > READY_S:
            process.kill()
            raise SystemExit(f"{name} is not ready:\n{process.communicate()[0]}")
    took = time.monotonic() - began
    root.run(stage.health, stage, stage.user, **more)
    process.send_signal(signal.Signals[stage.stop_signal])
    code = process.wait(timeout=30)
    _say(f"{name}: ready after {took:.1f} s, healthy, ended with {code} on {stage.stop_signal}")
    if code:
        raise SystemExit(process.communicate()[0])


def _check_inside() -> None:
    stages = read(TOP / "deploy" / "Dockerfile")
    with tempfile.TemporaryDirectory() as folder:
        memory = Path(folder)
        _mount("tmpfs", "tmpfs", memory)
        try:
            root, stage = build(stages, memory), stages[-1]
            size = subprocess.check_output(["du", "-sm", str(root.path / "opt/omnijourney")], text=True).split()[0]
            _say(f"/opt/omnijourney: {size} MB")
            # The volume is what a container may write to; the rest is what `read_only` makes of it.
            for volume in stage.volumes:
                there = root.path / volume.lstrip("/")
                subprocess.run(["mount", "--bind", str(there), str(there)], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", str(root.path)], check=True)
            try_commands(root, stage)
            try_workers(root, stage)
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", folder], check=False)


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Once more in a mount namespace of its own; there the check."""
    if INSIDE in sys.argv:
        _check_inside()
        return
    if os.geteuid() != 0:
        raise SystemExit("tests.image mounts root folders of its own: expected to be run as root")
    os.chdir(TOP)
    os.execvp("unshare", ["unshare", "--mount", sys.executable, "-m", "tests.image", INSIDE])  # noqa: S606 - ourselves, in a namespace of its own


if __name__ == "__main__":
    main()
