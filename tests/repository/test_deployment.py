"""What deploy/ describes can be read by the tools that will run it, and says what the code does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60)


def composed() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
    return document


def test_the_image_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = run(hadolint, DEPLOY / "docker/Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_not_run_as_root_and_copies_what_there_is() -> None:
    text = (DEPLOY / "docker/Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", text, flags=re.MULTILINE) == ["10001"]
    copied = {name for line in re.findall(r"^COPY (?!--)(.+)$", text, flags=re.MULTILINE) for name in line.split()[:-1]}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    kept = set(re.findall(r"^!(.+)$", (DEPLOY / "docker/Dockerfile.dockerignore").read_text(), flags=re.MULTILINE))
    assert kept == copied


def test_the_composed_processes_are_those_of_a_deployment() -> None:
    services = composed()["services"]
    assert set(services) == {"postgres", "redis", "migrate", "gateway-1", "gateway-2", "worker", "beat", "caddy"}
    ours = [name for name, service in services.items() if service.get("image") == "eagateway"]
    assert sorted(ours) == ["beat", "gateway-1", "gateway-2", "migrate", "worker"]
    for name in ours:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert int(services["gateway-1"]["stop_grace_period"].removesuffix("s")) > 5


def test_what_is_set_for_processes_are_variables_that_the_settings_read() -> None:
    known = set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    assert set(composed()["services"]["gateway-1"]["environment"]) <= known
    for unit in UNITS:
        assert set(re.findall(r"^Environment=([A-Z_]+)=", unit.read_text(), flags=re.MULTILINE)) <= known


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    # The program lies elsewhere on the machine that is meant: one that is here stands for it.
    text = re.sub(
        r"^ExecStart=/opt/eagateway/\.venv/bin/\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE
    )
    (tmp_path / unit.name).write_text(text)
    done = run(tool("systemd-analyze"), "verify", tmp_path / unit.name)
    assert (done.returncode, done.stderr) == (0, "")


def test_caddy_takes_its_example() -> None:
    named = {"GATEWAY_HOST": "gateway.example", "GATEWAYS": "127.0.0.1:8001 127.0.0.1:8002"}
    command = ("validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "proxy/Caddyfile"))
    done = run(tool("caddy"), *command, **named)
    assert done.returncode == 0, done.stderr


def test_nginx_takes_its_example(tmp_path: Path) -> None:
    nginx, key, certificate = tool("nginx"), tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=gateway.example")
    assert run(tool("openssl"), *made, "-keyout", key, "-out", certificate).returncode == 0
    text = (DEPLOY / "proxy/nginx.conf").read_text()
    text = text.replace("/etc/ssl/gateway.example.pem", str(certificate))
    (tmp_path / "site.conf").write_text(text.replace("/etc/ssl/gateway.example.key", str(key)))
    whole = (
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    )
    (tmp_path / "nginx.conf").write_text(whole)
    done = run(nginx, "-t", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
