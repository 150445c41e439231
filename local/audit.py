"""Known vulnerabilities of the pinned packages, as ``pip-audit`` finds them.

    python -m local.audit PIP_AUDIT REQUIREMENTS…

pip-audit passes over packages that the index has no record of, and calls that a success. Here it is
told: an index that keeps no vulnerabilities (a mirror, for example) has audited nothing. With
``PIP_AUDIT_VULNERABILITY_SERVICE=osv`` another service is asked.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found: vulnerabilities as lines, and how many packages it looked at, or not."""

    vulnerabilities: list[str]
    audited: int
    passed_over: int


def findings(report: Mapping[str, Any]) -> Findings:
    """The findings of pip-audit's JSON report."""
    packages = report["dependencies"]
    vulnerabilities = [
        f"{package['name']} {package['version']}: {vuln['id']}, mended in "
        f"{', '.join(vuln['fix_versions']) or 'no version yet'}"
        for package in packages
        for vuln in package.get("vulns", [])
    ]
    passed_over = sum("skip_reason" in package for package in packages)
    return Findings(vulnerabilities, len(packages) - passed_over, passed_over)


def audit(pip_audit: str, requirements: str) -> Findings:
    """Audit one hashed requirement file; RuntimeError if pip-audit itself fails."""
    command = [pip_audit, "--format", "json", "--progress-spinner", "off", "--disable-pip"]
    command += ["--require-hashes", "--requirement", requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return findings(json.loads(done.stdout))
    except ValueError:
        raise RuntimeError(done.stderr.strip()) from None


def main(arguments: Sequence[str]) -> int:
    """The command line: 1 if there are vulnerabilities."""
    pip_audit, *files = arguments
    found = 0
    for file in files:
        try:
            result = audit(pip_audit, file)
        except RuntimeError as error:
            print(f"{file}: NOT AUDITED. {str(error).splitlines()[-1:]}")
            continue
        found += len(result.vulnerabilities)
        print(*result.vulnerabilities, sep="\n", end="\n" if result.vulnerabilities else "")
        missed = f", {result.passed_over} NOT AUDITED: the index knows no vulnerabilities of them"
        print(f"{file}: {result.audited} audited{missed if result.passed_over else ''}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
