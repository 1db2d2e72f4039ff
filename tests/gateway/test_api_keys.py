import json
from pathlib import Path

import pytest

from gateway.api_keys import ANONYMOUS, KeyRing, append, create
from gateway.errors import KeysUnreadable, NotAuthenticated
from humanpose3d.errors import InvalidSetting


def test_a_key_authenticates_its_owner_only(tmp_path: Path):
    file = tmp_path / "keys"
    secret, stored = create("gait-lab", runs_per_day=10)
    append(file, stored)
    ring = KeyRing(file)
    assert ring
    assert ring.authenticate(secret).owner == "gait-lab"
    for wrong in (None, "", secret[:-1], secret + "x", stored.sha256):
        with pytest.raises(NotAuthenticated):
            ring.authenticate(wrong)


def test_the_secret_is_not_in_the_file_and_others_cannot_read_it(tmp_path: Path):
    file = tmp_path / "keys"
    secret, stored = create("lab")
    append(file, stored)
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text()) == {"owner": "lab", "sha256": stored.sha256, "runs_per_day": None}


def test_a_key_added_later_is_found_without_a_restart(tmp_path: Path):
    file = tmp_path / "keys"
    first, stored = create("one")
    append(file, stored)
    ring = KeyRing(file)
    second, stored = create("two")
    append(file, stored)
    assert ring.authenticate(second).owner == "two"
    assert ring.authenticate(first).owner == "one"


def test_without_a_file_every_request_is_the_local_user():
    ring = KeyRing(None)
    assert not ring
    assert ring.authenticate(None).owner == ANONYMOUS


@pytest.mark.parametrize("content", ["{", '{"name": "x"}', "[]"])
def test_a_broken_file_stops_the_start_with_the_setting_s_name(content: str, tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(content)
    with pytest.raises(InvalidSetting, match="HUMANPOSE3D_API_KEYS_FILE"):
        KeyRing(file)


def test_a_missing_file_stops_the_start(tmp_path: Path):
    with pytest.raises(InvalidSetting):
        KeyRing(tmp_path / "absent")


def test_a_line_that_breaks_later_invalidates_no_other_key(tmp_path: Path):
    file = tmp_path / "keys"
    one, first = create("one")
    two, second = create("two")
    append(file, first)
    append(file, second)
    ring = KeyRing(file)
    file.write_text(file.read_text()[:-20])
    assert ring.authenticate(one).owner == "one"
    with pytest.raises(KeysUnreadable) as unknown:
        ring.authenticate(two)
    assert unknown.value.status == 503
    with pytest.raises(NotAuthenticated):
        ring.authenticate(None)


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"owner": 5, "sha256": null}', b'{"owner": "x", "sha256": "\xc3\xa4"}', b"[]", b"\0", None],
)
def test_a_file_that_breaks_later_admits_no_request_and_is_reported_as_a_server_error(content: bytes, tmp_path: Path):
    file = tmp_path / "keys"
    secret, stored = create("one")
    append(file, stored)
    ring = KeyRing(file)
    before = file.read_bytes()
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    for _ in range(2):
        with pytest.raises(KeysUnreadable):
            ring.authenticate(secret)
    file.write_bytes(before)
    assert ring.authenticate(secret).owner == "one"


def test_removing_all_keys_admits_no_request(tmp_path: Path):
    file = tmp_path / "keys"
    secret, stored = create("one")
    append(file, stored)
    ring = KeyRing(file)
    file.write_text("\n")
    with pytest.raises(NotAuthenticated):
        ring.authenticate(secret)
