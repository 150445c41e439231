"""The audit of pinned packages tells vulnerabilities, and packages that nobody looked at."""

import json
from pathlib import Path

import pytest

from local.audit import Findings, findings, main

SOUND = {"name": "six", "version": "1.17.0", "vulns": []}
UNKNOWN = {"name": "tzdata", "skip_reason": "Dependency not found"}
BROKEN = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}, {"id": "CVE-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        ([SOUND], Findings([], 1, 0)),
        ([SOUND, UNKNOWN], Findings([], 1, 1)),
        (
            [SOUND, BROKEN],
            Findings(
                [
                    "urllib3 1.0: CVE-1, mended in 1.1, 2.0",
                    "urllib3 1.0: CVE-2, mended in no version yet",
                ],
                2,
                0,
            ),
        ),
    ],
)
def test_what_an_audit_found(packages: list[dict[str, object]], found: Findings) -> None:
    assert findings({"dependencies": packages}) == found


@pytest.mark.parametrize(
    ("report", "code", "told"),
    [
        ('{"dependencies": [{"name": "six", "version": "1", "vulns": []}]}', 0, "1 audited\n"),
        ('{"dependencies": [{"name": "six", "skip_reason": "unknown"}]}', 0, "1 NOT AUDITED"),
        (
            json.dumps({"dependencies": [BROKEN]}),
            1,
            "urllib3 1.0: CVE-2",
        ),
        ("no service", 0, "NOT AUDITED"),
    ],
)
def test_only_a_vulnerability_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: str, code: int, told: str
) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{report}\nEND\n")
    tool.chmod(0o755)
    assert main([str(tool), "requirements.txt"]) == code
    assert told in capsys.readouterr().out
