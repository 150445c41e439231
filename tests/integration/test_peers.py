"""The comparison shows whom it could ask, and says whom it left out; that counts as no figure."""

import json
import sys
from pathlib import Path

import pytest

from tests.peers import __main__ as peers
from tests.peers import clickhouse, sqlite
from tests.peers.work import Figure, Figures, requests


def nobody() -> Figures:
    raise ModuleNotFoundError("No module named 'chdb'")


def test_who_cannot_be_asked_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "awscrt", None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(peers, "OUTPUT", tmp_path / "peers.jsonl")
    monkeypatch.setattr(peers, "PEERS", {"SQLite": "sqlite", "ClickHouse": "clickhouse"})
    monkeypatch.setattr(clickhouse, "figures", nobody)
    monkeypatch.setattr(sqlite, "figures", lambda: Figures(Figure(2e-5, 4e-5), None, None))
    assert peers.main("nowhere") == 0
    assert "ClickHouse is left out, it cannot run here: No module" in capsys.readouterr().out
    [row] = map(json.loads, peers.OUTPUT.read_text().splitlines())
    assert (row["peer"], round(row["own"]), round(row["with_engine"])) == ("SQLite", 20, 40)


def test_two_of_a_hundred_events_were_sent_before() -> None:
    sent = [event["identifier"] for request in requests() for event in request]
    assert (len(sent), len(set(sent))) == (10_000, 9_800)
