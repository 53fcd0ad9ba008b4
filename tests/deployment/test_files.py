"""deploy/ and docs/deploy.md: the files are what the page shows, the programs they are for can read
them, and they agree with each other.
"""

from __future__ import annotations

import configparser
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages import ROOT, Block, manual
from tests.platform.servers import wsgi
from wechat_dialog import Bot
from wechat_dialog.core.turn.window import Window
from wechat_dialog.runtime.readiness import PATIENCE
from wechat_dialog.runtime.report_thread import LAST
from wechat_dialog.runtime.runner import GRACE
from wechat_dialog.web.health import HEALTHY, READY

DEPLOY = ROOT / "deploy"
PAGES = manual("deploy")
SHOWN = [
    (page.name, block)
    for page in PAGES
    for block in page.blocks
    if block.title and block.title != "bot.py"
]
# What a stop may take: requests that are waited for, and the turns behind them.
DRAIN: float = inspect.signature(Bot).parameters["drain"].default
STOP = Window().patience + DRAIN


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "block"), SHOWN, ids=[f"{name}: {block.title}" for name, block in SHOWN]
)
def test_the_page_shows_the_file(name: str, block: Block) -> None:
    there = Block(block.language, text(block.title), 1)
    assert block.uncommented == there.uncommented
    if not name.startswith("docs/zh"):
        assert block.text == there.text


def test_every_file_is_named_on_the_page() -> None:
    for page in PAGES:
        for path in DEPLOY.iterdir():
            assert path.name in page.text, (page, path.name)


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(text("wechat-dialog.service"))
    return parser["Service"]


def test_the_paths_of_the_unit_are_those_of_the_page() -> None:
    service = unit()
    folder = service["WorkingDirectory"]
    assert service["ExecStart"].startswith(f"{folder}/.venv/bin/wechat-dialog serve bot:bot")
    assert service["ReadWritePaths"] == folder, "the store is written there"
    for page in PAGES:
        commands = "\n".join(block.text for block in page.blocks if block.language == "sh")
        assert f"cd {folder}\n" in commands
        assert f"{folder}/wechat-dialog.db" in commands
        assert f"install -m 600 bot.env.example {service['EnvironmentFile']}" in commands
        assert f". {service['EnvironmentFile']};" in commands


def test_whoever_stops_the_bot_waits_long_enough() -> None:
    bot = composed("compose.yaml")["services"]["bot"]
    assert int(unit()["TimeoutStopSec"]) > STOP
    assert int(bot["stop_grace_period"].removesuffix("s")) > STOP


def kubernetes() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The Deployment, what its pods are, and the Service."""
    deployment, service = yaml.safe_load_all(text("kubernetes.yaml"))
    assert [each["kind"] for each in (deployment, service)] == ["Deployment", "Service"]
    return deployment["spec"], deployment["spec"]["template"]["spec"], service["spec"]


def test_a_pod_has_the_time_that_it_takes_to_end() -> None:
    _, pod, _ = kubernetes()
    [bot] = pod["containers"]
    command, pause = bot["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    takes = int(pause) + STOP + GRACE + LAST
    assert pod["terminationGracePeriodSeconds"] > takes
    for page in PAGES:
        [told] = re.findall(r"gone within (\d+) seconds|(\d+) 秒之内结束", page.text)
        assert takes <= int("".join(told)) < pod["terminationGracePeriodSeconds"]


def test_the_manifest_agrees_with_itself_and_the_image() -> None:
    deployment, pod, service = kubernetes()
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == service["selector"] == labels
    [bot] = pod["containers"]
    [port] = bot["ports"]
    assert re.findall(r"^EXPOSE (\d+)$", text("Dockerfile"), re.MULTILINE) == [
        str(port["containerPort"])
    ]
    assert service["ports"][0]["targetPort"] == port["name"]
    # Kubernetes would set WECHAT_DIALOG_…, after the Service's name, and those are ours.
    assert pod["enableServiceLinks"] is False
    [source] = bot["envFrom"]
    name = source["secretRef"]["name"]
    assert f"create secret generic {name} --from-env-file=bot.env" in text("kubernetes.yaml")
    assert "--from-literal=WECHAT_STORE=redis://" in text("kubernetes.yaml")
    for probe, path in (("livenessProbe", HEALTHY), ("readinessProbe", READY)):
        asked = bot[probe]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, port["name"])
        assert bot[probe]["timeoutSeconds"] > PATIENCE, "what a look takes"


def composed(*names: str) -> dict[str, Any]:
    """Compose files put together, as far as ours need it: settings of a later one join."""
    services: dict[str, Any] = {}
    volumes: set[str] = set()
    for name in names:
        read = yaml.safe_load(text(name))
        volumes |= set(read["volumes"])
        for service, settings in read["services"].items():
            for key, value in settings.items():
                known = services.setdefault(service, {})
                assert key not in known, "what two files set would have to be merged"
                known[key] = value
    return {"services": services, "volumes": volumes}


@pytest.mark.parametrize(
    "names", [["compose.yaml"], ["compose.yaml", "compose.redis.yaml"]], ids=["sqlite", "redis"]
)
def test_what_a_compose_file_names_is_there(names: list[str]) -> None:
    made = composed(*names)
    for service in made["services"].values():
        for other in service.get("depends_on", []):
            assert other in made["services"]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).is_file()
            else:
                assert source in made["volumes"]
    bot = made["services"]["bot"]
    assert [volume.split(":")[1] for volume in bot["volumes"]] == re.findall(
        r"^VOLUME (.*)$", text("Dockerfile"), re.MULTILINE
    )
    store = bot.get("environment", {}).get("WECHAT_STORE", "redis://redis:6379/0")
    assert store.split("//")[1].split(":")[0] in {*made["services"], "redis"}


def checks() -> dict[str, list[str]]:
    """The commands of the health checks, by the path that they ask for."""
    [line] = re.findall(r"^ +CMD (\[.*\])$", text("Dockerfile"), re.MULTILINE)
    program, *command = composed("compose.yaml")["services"]["bot"]["healthcheck"]["test"]
    assert program == "CMD"
    return {HEALTHY: json.loads(line), READY: command}


def test_a_health_check_of_a_container_is_right(tmp_path: Path) -> None:
    assert [path for path, command in checks().items() if f"'{path}'" in command[-1]] == [
        HEALTHY, READY,
    ]  # fmt: skip
    folder = tmp_path / "data"
    folder.mkdir()
    bot = Bot("secret", store=f"sqlite:///{folder / 'bot.db'}")

    def found(path: str, port: int) -> int:
        python, *words = checks()[path]
        assert (python, words[-1].count("8000")) == ("python", 1)
        words[-1] = words[-1].replace("8000", str(port))
        # A proxy in the container's environment is for the outside.
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1"}
        return subprocess.run(
            [sys.executable, *words], env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode

    with wsgi(bot.wsgi) as url:
        port = int(url.rsplit(":", 1)[1].strip("/"))
        assert (found(HEALTHY, port), found(READY, port)) == (0, 0)
        bot.close()
        shutil.rmtree(folder)
        assert (found(HEALTHY, port), found(READY, port)) == (0, 1)
    assert (found(HEALTHY, port), found(READY, port)) == (1, 1)
    bot.close()


def test_an_image_has_neither_secrets_nor_conversations() -> None:
    ignored = [line for line in text(".dockerignore").splitlines() if not line.startswith("#")]
    [secrets] = re.findall(r"to (bot\.env) \(Docker\)", text("bot.env.example"))
    assert composed("compose.yaml")["services"]["bot"]["env_file"] == secrets
    for name in (secrets, "wechat-dialog.db", "wechat-dialog.db-wal", ".git", ".venv"):
        assert any(fnmatch(name, pattern) for pattern in ignored), name
    for name in ("bot.py", "requirements.txt", "wechat_dialog-0.1.0-py3-none-any.whl"):
        assert not any(fnmatch(name, pattern) for pattern in ignored), name


def test_an_image_is_not_built_with_the_secrets(tmp_path: Path) -> None:
    [guard] = re.findall(r"^RUN (if .*)$", text("Dockerfile"), re.MULTILINE)
    assert text("Dockerfile").index("COPY . .") < text("Dockerfile").index(guard)
    shell = partial(subprocess.run, ["sh", "-c", guard], cwd=tmp_path, check=False)
    assert shell().returncode == 0
    (tmp_path / "bot.env").touch()
    assert shell(stderr=subprocess.DEVNULL).returncode == 1


def test_a_bot_waits_for_its_redis_only_as_long_as_that_loads() -> None:
    services = composed("compose.yaml", "compose.redis.yaml")["services"]
    assert services["bot"]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    # Without -e it ends with status 0 also if the server answers with an error.
    assert services["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "-e", "ping"]


def test_redis_is_set_as_its_page_says() -> None:
    program, *options = composed("compose.redis.yaml")["services"]["redis"]["command"]
    assert program == "redis-server"
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)`", manual("redis")[0].text, re.MULTILINE)
    wanted = dict(rows[:3])
    assert dict(zip(options[::2], options[1::2], strict=True)) == {
        f"--{name}": value for name, value in wanted.items()
    }


def test_all_of_them_mean_one_port_and_one_path() -> None:
    [command] = re.findall(r"^CMD (.*)$", text("Dockerfile"), re.MULTILINE)
    [port] = re.findall(r"^EXPOSE (\d+)$", text("Dockerfile"), re.MULTILINE)
    assert json.loads(command)[-1] == port
    assert unit()["ExecStart"].endswith(f"--port {port}")
    assert f"proxy_pass http://127.0.0.1:{port};" in text("nginx.conf")
    assert f"{{$UPSTREAM:127.0.0.1:{port}}}" in text("Caddyfile")
    caddy = composed("compose.yaml")["services"]["caddy"]
    assert caddy["environment"]["UPSTREAM"] == f"bot:{port}"
    assert "location = /wx {" in text("nginx.conf")
    assert "@bot path /wx /wx/p/*" in text("Caddyfile")
    for page in PAGES:
        assert "https://bot.example.com/wx" in page.text


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_braces_close(name: str) -> None:
    depth = 0
    for line in Block("nginx", text(name), 1).uncommented.splitlines():
        depth += line.count("{") - line.count("}")
        assert depth >= 0, line
    assert depth == 0


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_caddy_reads_its_file() -> None:
    if shutil.which("caddy") is None:
        pytest.skip("no caddy")
    done = run("caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile")
    assert done.returncode == 0, done.stderr


def test_nginx_reads_its_file(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("no nginx")
    own = re.sub(r"ssl_certificate.*|(?<=443) ssl", "", text("nginx.conf")).replace(
        "/var/log/nginx", os.fspath(tmp_path)
    )
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {own} }}", "utf-8")
    done = run("nginx", "-t", "-c", conf, "-p", tmp_path)
    assert "syntax is ok" in done.stderr  # the rest of its test wants root's folders


def test_systemd_reads_the_unit() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd")
    done = run("systemd-analyze", "verify", DEPLOY / "wechat-dialog.service")
    said = [line for line in done.stderr.splitlines() if "wechat-dialog.service" in line]
    assert [line for line in said if "is not executable" not in line] == []
