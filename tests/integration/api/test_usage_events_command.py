"""``meterline usage-events`` writes the events behind a number as CSV, all pages of them."""

import csv
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meterline.api import app
from meterline.store.metering.directory import forget_directory
from meterline_cli.usage_events import run
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api, Client
from tests.integration.metering.worlds import deliver

NOW = int(time.time())


@pytest.fixture
def named(api: Api, client: Client) -> list[str]:
    """The arguments that name a meter and a customer, who used 230 units by 1 on it."""
    forget_directory()
    meter = client.v1.billing.meters.create(meter_params("tokens"))
    customer = client.v1.customers.create({"name": "Ada"}).id
    session = client.v2.billing.meter_event_session.create()
    stream = api.client(session.authentication_token)
    for start in range(0, 230, 100):
        events = [
            {
                "event_name": "tokens",
                "identifier": f"e{n}",
                "payload": {"stripe_customer_id": customer, "value": "1"},
                "timestamp": datetime.fromtimestamp(NOW - n, UTC).isoformat(),
            }
            for n in range(start, min(start + 100, 230))
        ]
        stream.v2.billing.meter_event_stream.create({"events": events})
    deliver(api.engine)
    return [
        *(meter.id, "--customer", customer),
        *("--api-base", api.bridge.address, "--api-key", api.key),
    ]


def export(file: Path, *arguments: str) -> list[dict[str, str]]:
    """The rows that the command writes."""
    assert run([*arguments, "--output", str(file)]) == 0
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_event_behind_a_number_is_one_line(named: list[str], tmp_path: Path) -> None:
    rows = export(tmp_path / "out.csv", *named, "--from", str(NOW - 229), "--until", str(NOW))
    assert [row["identifier"] for row in rows] == [f"e{n}" for n in range(1, 230)]
    assert sum(int(row["value"]) for row in rows) == 229


def test_pages_too_long_to_send_are_shorter_and_leave_nothing_out(
    named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_ANSWER_BYTES", 9_000)
    rows = export(tmp_path / "out.csv", *named, "--from", str(NOW - 229), "--until", str(NOW))
    assert [row["identifier"] for row in rows] == [f"e{n}" for n in range(1, 230)]
    shown = datetime.fromtimestamp(NOW - 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert rows[0]["timestamp"] == shown


def test_events_are_chosen_by_their_receipt(named: list[str], tmp_path: Path) -> None:
    times = ["--from", "2020-01-01", "--until", str(NOW + 60)]
    soon = str(NOW + 3_600)
    assert export(tmp_path / "none.csv", *named, *times, "--received-from", soon) == []
    assert len(export(tmp_path / "all.csv", *named, *times, "--received-until", soon)) == 230


def test_what_does_not_exist_is_refused_in_words(
    named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    times = ["--from", "2020-01-01", "--until", "2021-01-01"]
    assert run(["mtr_nothing", *named[1:], *times]) == 2
    assert "No such meter: 'mtr_nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--from", "--until", "--received-from", "--received-until"])
@pytest.mark.parametrize("text", ["soon", "9" * 20, "9" * 5_000, "9999-12-31T23:59:59-05:00", "-"])
def test_what_is_no_time_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    times = {"--from": "2020-01-01", "--until": "2021-01-01"} | {option: text}
    words = [word for item in times.items() for word in item]
    with pytest.raises(SystemExit) as ended:
        run(["mtr_1", "--customer", "cus_1", "--api-base", "x", "--api-key", "y", *words])
    assert ended.value.code == 2
    assert f"argument {option}: {text!r} is not a time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "reason"), [("none/out.csv", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_written_is_told_in_words(
    named: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    output: str,
    reason: str,
) -> None:
    times = ["--from", "2020-01-01", "--until", "2021-01-01"]
    assert run([*named, *times, "--output", str(tmp_path / output)]) == 2
    told = capsys.readouterr().err
    assert f"Cannot write {tmp_path / output}: {reason}." in told
    assert "a folder that exists" in told
