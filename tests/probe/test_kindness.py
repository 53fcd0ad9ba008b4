"""What a probe takes for a refusal, and that no case ends a run, nor says more than is true."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.probe.model import SLOW, Model, account
from tests.probe.test_mutants import SOON, USER, failures, run
from wechat_dialog.platform.probe import report
from wechat_dialog.platform.probe.parts import Part
from wechat_dialog.platform.probe.probe import PARTS, probe
from wechat_dialog.platform.probe.prober import Prober


class RefusesQuietly(Model):
    """Answers 200 and nothing where others answer 403, as many frameworks' handlers do."""

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]
        def start(status: str, headers: list[tuple[str, str]]) -> None:
            refused = status.startswith("4")
            start_response("200 x" if refused else status, headers)

        return super().__call__(environ, start)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_a_200_without_an_answer_is_a_refusal(mode) -> None:  # type: ignore[no-untyped-def]
    assert run(RefusesQuietly(mode)) == {}


def test_one_that_takes_forgeries_is_found_out_all_the_same() -> None:
    assert run(RefusesQuietly("plain", "forged")) == {"6 wrong": "2"}


def test_a_case_that_breaks_the_probe_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: Prober) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd bytes")

    monkeypatch.setitem(PARTS, 20, [Part("", breaks)])
    with Model().serving() as url, Prober(account(), url, USER) as prober:
        results = {result.number: result for result in probe(prober)}
    assert results[20].outcome == "skipped"
    assert "the probe itself broke on it: UnicodeDecodeError" in results[20].parts[0].why
    assert results[36].outcome == "passed"


def test_the_protocols_section_is_named_once() -> None:
    with (
        Model(broken="never").serving() as url,
        Prober(account(), url, USER, slow=SLOW, window=SOON) as prober,
    ):
        results = list(probe(prober, {35}))
    assert failures(results) == {"35": "5.3"}
    written = io.StringIO()
    report.show(results, Console(file=written, width=200))
    assert written.getvalue().count("no answer within 0.3 s (protocol reference 5.3)\n") == 1
    assert written.getvalue().count("no answer within") == 1
    assert "5.3) (protocol" not in written.getvalue()
