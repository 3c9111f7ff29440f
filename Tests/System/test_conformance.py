"""tempest's tests of identity, unchanged, against a cloud of their own. The other suites: `make conformance`."""

import sys
from pathlib import Path

from conftest import another_cloud

sys.path.append(str(Path(__file__).resolve().parents[1] / "Conformance"))

import conformance  # noqa: E402


def test_tempest_of_identity(host, tmp_path):
    with another_cloud(more=conformance.FLAGS["identity"]) as cloud:
        assert conformance.judge("identity", cloud.clouds_yaml, tmp_path / "tempest", ["tempest"])
