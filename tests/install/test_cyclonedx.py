from __future__ import annotations

import base64
import hashlib

from gateway.install.cyclonedx import bill_of_materials
from gateway.install.packages.locks import Component
from gateway.install.record import ContentRecord, HashedFile

DIGEST = hashlib.sha512(b"x")
RECORD = ContentRecord(
    packages=(
        Component("npm", "@acme/x", "1.0.0", ("sha512-" + base64.b64encode(DIGEST.digest()).decode(), "md5-zz")),
        Component("pypi", "dep", "2.0+local", ("sha256:" + "a" * 64,)),
    ),
    files=(HashedFile("manifest.json", "b" * 64, 2),),
)


def test_a_bill_of_materials_has_what_the_format_asks_for() -> None:
    bill = bill_of_materials("echo", "1.0.0", "npm:@acme/x@1.0.0", RECORD)
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    component = bill["metadata"]["component"]
    assert (component["type"], component["name"], component["version"]) == ("application", "echo", "1.0.0")


def test_packages_have_their_address_and_hashes_in_hex() -> None:
    npm, pypi, file = bill_of_materials("echo", None, "x", RECORD)["components"]
    assert (npm["purl"], npm["hashes"]) == (
        "pkg:npm/%40acme/x@1.0.0",
        [{"alg": "SHA-512", "content": DIGEST.hexdigest()}],
    )
    assert (pypi["purl"], pypi["hashes"]) == ("pkg:pypi/dep@2.0%2Blocal", [{"alg": "SHA-256", "content": "a" * 64}])
    assert (file["type"], file["name"]) == ("file", "manifest.json")


def test_a_hash_that_cannot_be_read_is_left_out() -> None:
    broken = ContentRecord(packages=(Component("npm", "x", "1.0.0", ("sha512-***",)),))
    assert bill_of_materials("echo", None, "x", broken)["components"][0]["hashes"] == []
