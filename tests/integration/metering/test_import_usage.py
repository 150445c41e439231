"""``meterline import-usage`` through the real SDK against the deployed handlers."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from meterline.core.metering.acceptance import measure_of
from meterline.services.metering.lifetime import lifetime_usage
from meterline.store.account import access
from meterline_cli.import_usage import run
from tests.engines import Engine
from tests.handlers import gateway_event
from tests.integration.metering.wire import NOW, SECRET, Api, api
from tests.integration.metering.worlds import deliver

__all__ = ["api"]


@pytest.fixture
def address(api: Api) -> Iterator[str]:
    """The API at an address; every third answer of a stream is lost on its way back."""
    streams = 0

    class Bridge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal streams
            body = self.rfile.read(int(self.headers["content-length"]))
            event = gateway_event("POST", self.path, dict(self.headers), body)
            with lock:
                response = api.ingest(event, None)
            if self.path.endswith("stream"):
                streams += 1
                if streams % 3 == 0:
                    self.close_connection = True
                    return
            self.send_response(response["statusCode"])
            for name, value in response["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response["body"].encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _import(file: Path, address: str, *more: str, whose: str = "--customer=cus_a") -> int:
    return run(
        [
            str(file),
            "--event-name=tokens",
            whose,
            "--value-column=Tokens",
            "--time-column=TIMESTAMP",
            f"--api-base={address}",
            f"--api-key={SECRET}",
            *more,
        ]
    )


def test_a_file_is_imported_once_however_often_it_is_sent(
    address: str, dynamodb: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "usage.csv"
    lines = [f"{NOW - n % 7},{n % 9}.5" for n in range(530)]
    file.write_text("\n".join(["TIMESTAMP,Tokens", *lines]))
    assert _import(file, address) == 0
    assert "530 accepted, 0 duplicate, 0 refused" in capsys.readouterr().err
    deliver(dynamodb)
    assert _import(file, address) == 0
    assert "0 accepted, 530 duplicate, 0 refused" in capsys.readouterr().err
    deliver(dynamodb)
    measure = measure_of({"default_aggregation": {"formula": "sum"}})
    [meter] = {item["m"]["S"] for item in dynamodb.scan("meter_events")}
    total = lifetime_usage(False, meter, "cus_a", measure, now=NOW)  # noqa: FBT003
    assert total * 10 == sum(n % 9 * 10 + 5 for n in range(530))


TWO_CUSTOMERS = f"customer_id,TIMESTAMP,Tokens\ncus_a,{NOW},1\ncus_b,{NOW},2\ncus_a,{NOW},4\n"


def test_every_row_is_booked_on_the_customer_that_its_column_names(
    address: str, dynamodb: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(TWO_CUSTOMERS)
    assert _import(file, address, whose="--customer-column=customer_id") == 0
    booked = sorted((item["c"]["S"], item["v"]["S"]) for item in dynamodb.scan("meter_events"))
    assert booked == [("cus_a", "1"), ("cus_a", "4"), ("cus_b", "2")]


def test_a_row_without_a_customer_is_refused(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(f"who,TIMESTAMP,Tokens\ncus_a,{NOW},1\n ,{NOW},2\n")
    assert _import(file, address, whose="--customer-column=who") == 1
    assert "column who names no customer" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["customer_id", "Customer", "stripe_customer_id"])
def test_one_customer_does_not_pay_for_a_file_that_names_several(
    address: str,
    dynamodb: Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(TWO_CUSTOMERS.replace("customer_id", column))
    assert _import(file, address) == 2
    assert f"give --customer-column {column} instead" in " ".join(capsys.readouterr().err.split())
    assert dynamodb.scan("meter_events") == []


def test_one_customer_may_be_named_in_every_row(address: str, tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(TWO_CUSTOMERS.replace("cus_b", "cus_a"))
    assert _import(file, address) == 0


def test_rows_that_are_refused_are_told_with_their_reasons(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(f"TIMESTAMP,Tokens\n{NOW},1\nnever,1\n{NOW},many\n2001-01-01 10:00:00,3\n")
    assert _import(file, address) == 1
    told = capsys.readouterr().err
    assert "1 accepted, 0 duplicate, 3 refused" in told
    assert "row 3: unreadable_row" in told
    assert "row 4: meter_event_invalid_value" in told
    assert "row 5: timestamp_too_far_in_past" in told


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("NOW,", "meter_event_invalid_value"),
        ("NOW,[/x]", "[/x]"),
        ("NOW", "more or fewer cells"),
        ("NOW,1,234", "more or fewer cells"),
        (f"{'9' * 30},1", "is not a time"),
        (f"NOW,{'1' * 1_001}", "a value has at most 1000 characters"),
    ],
)
def test_a_row_that_is_wrong_does_not_keep_others_out(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    file = tmp_path / "usage.csv"
    rows = ("TIMESTAMP,Tokens", "NOW,1", line, "NOW,2", "")
    file.write_text("\n".join(rows).replace("NOW", str(NOW)))
    assert _import(file, address) == 1
    told = capsys.readouterr().err
    assert "2 accepted, 0 duplicate, 1 refused" in told
    assert "row 3: " in told
    assert reason in told


def test_an_identifier_that_is_too_long_is_told_by_its_row(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(f"TIMESTAMP,Tokens,id\n{NOW},1,{'x' * 101}\n{NOW},2,b\n")
    assert _import(file, address, "--identifier-column=id") == 1
    assert "row 2: unreadable_row: an identifier has 1 to 100" in capsys.readouterr().err


def test_a_session_that_ended_is_renewed(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, ends = access.save_session, iter([0, NOW + 900])

    def save_ended(digest: str, session: access.Session) -> None:
        save(digest, access.Session(session.key_digest, next(ends)))

    monkeypatch.setattr(access, "save_session", save_ended)
    file = tmp_path / "usage.csv"
    file.write_text(f"TIMESTAMP,Tokens\n{NOW},1\n")
    assert _import(file, address) == 0


def test_a_missing_column_and_a_wrong_key_are_explained(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(f"TIMESTAMP,Tokens\n{NOW},1\n")
    assert _import(file, address, "--value-column=Other") == 2
    assert "no column 'Other'" in capsys.readouterr().err
    assert _import(file, address, "--api-key=sk_test_wrong") == 2
    assert "Invalid API Key" in capsys.readouterr().err


UNREADABLE = [
    ("Tokens;é".encode("latin-1"), "not in UTF-8: save it as CSV in UTF-8"),
    ("TIMESTAMP,Tokens\n1,é\n".encode("latin-1"), "not in UTF-8"),
    ("TIMESTAMP,Tokens\n1,2\n".encode("utf-16"), "not in UTF-8"),
    (b'TIMESTAMP,Tokens\n1,"' + b"2\n" * 70_000, "from line 2 on: field larger than field limit"),
    (b"TIMESTAMP,Tokens\n1,2\n1,2\n1," + b"2" * 140_000, "from line 4 on: field"),
    (b"TIMESTAMP," + b"Tokens" * 30_000, "from line 1 on: field larger than field limit"),
    (b"", "the file is empty"),
]


@pytest.mark.parametrize(("content", "reason"), UNREADABLE)
def test_a_file_that_cannot_be_read_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    file = tmp_path / "usage.csv"
    file.write_bytes(content)
    assert _import(file, "http://127.0.0.1:1") == 2
    assert reason in " ".join(capsys.readouterr().err.split())
