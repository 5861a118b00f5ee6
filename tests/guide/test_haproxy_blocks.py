"""The HAProxy blocks of two pages, carried out as they are printed, on a machine of their own.

Ports, /run and /etc/haproxy are those of the pages: a network and a mount namespace keep them from
this machine's. There is no Kafka: the gateway serves its documents, and refuses what has no token.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.guide import blocks_of
from tests.support.haproxy import HAPROXY

ROOT = Path(__file__).parents[2]
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child")
SECONDS = 90.0

#: Loopback is down in a new network; `ip`, which would bring it up, may not be installed.
ALONE = """
import fcntl, os, shutil, socket, struct, subprocess, sys
up_and_running, set_flags = 0x41, 0x8914
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))
for folder in ("/run", "/etc/haproxy"):
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
os.mkdir("/run/smart-region")
for name in ("gateway", "page"):
    shutil.copy(sys.argv[1], f"/etc/haproxy/{name}.pem")
os.execvp("bash", ["bash", "-c", sys.argv[2]])
"""
#: The block runs until it is ended, with this shell.
ASKING = """
{before}
({block}) >&2 &
ask() {{ curl --silent --insecure --output /dev/null --write-out '%{{http_code}}\\n' "$@"; }}
until [ "$(ask https://127.0.0.1{path})" = 200 ]; do sleep 0.2; done
{after}
"""


def answers(page: str, path: str, after: str, folder: Path, *, before: str = "") -> list[str]:
    """Carry out the page's HAProxy block until it serves a path; return what `after` prints."""
    if os.geteuid() != 0 or HAPROXY is None:
        pytest.skip("needs root and haproxy: deploy/debian-packages.sh")
    if subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody have namespaces")
    guide = ROOT / "docs" / page
    [block] = (one.text for one in blocks_of(guide) if "haproxy -W" in one.text)
    issued = Authority(folder).issue("haproxy")
    done = subprocess.run(
        [
            *NAMESPACES,
            *(sys.executable, "-c", ALONE, str(issued.both)),
            ASKING.format(before=before, block=block, path=path, after=after),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{Path(HAPROXY).parent}",
            "SMART_REGION_BROKER": "127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_block_before_the_gateway(tmp_path: Path) -> None:
    ask = "ask --request POST https://127.0.0.1/events; ask https://127.0.0.1/metrics"

    assert answers("gateway.md", "/openapi.json", ask, tmp_path) == ["401", "404"]


def test_the_block_before_the_page(tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    page = f"python3 -m http.server --bind 127.0.0.1 --directory {served} 6072 >&2 &"
    ask = "ask https://127.0.0.1/metrics"

    assert answers("page.md", "/", ask, tmp_path, before=page) == ["404"]
