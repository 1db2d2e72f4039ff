"""API keys: created by a command, stored as hashes in one file, each with a quota.

A key is 256 random bits, so a plain SHA-256 of it cannot be reversed; it is compared in constant time. The file
contains one JSON object per line and can be a mounted secret; it is read again when it changes.
"""

import hashlib
import hmac
import ipaddress
import json
import logging
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from gateway.errors import KeysUnreadable, NotAuthenticated
from humanpose3d.errors import InvalidSetting
from shared.runtime.settings import Settings

_PREFIX: Final = "hp3d_"
ANONYMOUS: Final = "local"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiKey:
    """Owner and hash of a key, and how many runs it may start in 24 hours (None: unlimited)."""

    owner: str
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    runs_per_day: Annotated[int, Field(ge=0)] | None = None


_STORED: Final = TypeAdapter(ApiKey)


def create(owner: str, runs_per_day: int | None = None) -> tuple[str, ApiKey]:
    """A new key: the secret, to be shown once, and the key as stored."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return secret, ApiKey(owner, _hash(secret), runs_per_day)


def append(path: Path, key: ApiKey) -> None:
    """Add a key to the file, which only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(key)) + "\n")


class KeyRing:
    """The keys of a file. Without a file all clients are the anonymous owner: for a loopback address only.

    Raises InvalidSetting where the file cannot be read when the process starts. Later, while it is being edited,
    unreadable lines are ignored.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at = 0
        self._keys: tuple[ApiKey, ...] = ()
        self._broken = False
        if path is not None:
            try:
                self._read(path)
            except (OSError, ValueError):
                self._broken = True
        if self._broken:
            raise InvalidSetting("HUMANPOSE3D_API_KEYS_FILE: is not a readable file of API keys")

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def demanded(self) -> bool:
        """Whether a request has to bring a key."""
        return self._path is not None

    def authenticate(self, secret: str | None) -> ApiKey:
        """The key with this secret. Raises NotAuthenticated; KeysUnreadable where its line may be unreadable."""
        if self._path is None:
            return ApiKey(ANONYMOUS, "")
        self._refresh(self._path)
        digest = _hash(secret or "")
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                return key
        if self._broken and secret:
            raise KeysUnreadable("The server's file of API keys cannot be read. Tell the people who run the server.")
        raise NotAuthenticated("Send a valid API key as 'Authorization: Bearer <key>'.")

    def _refresh(self, path: Path) -> None:
        try:
            if path.stat().st_mtime_ns == self._read_at:
                return
            self._read(path)
            if self._broken:
                _log.error("some lines in the file of API keys are no keys; those that are still count")
        except (OSError, ValueError) as error:
            if not self._broken:
                _log.error("the file of API keys cannot be read (%s)", type(error).__name__)
            self._keys, self._broken, self._read_at = (), True, 0

    def _read(self, path: Path) -> None:
        changed_at = path.stat().st_mtime_ns
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        keys = [_parsed(line) for line in lines]
        self._keys, self._broken = tuple(key for key in keys if key), None in keys
        self._read_at = changed_at


def _parsed(line: str) -> ApiKey | None:
    try:
        return _STORED.validate_json(line)
    except ValueError:
        return None


def demand_keys(settings: Settings, keys: KeyRing) -> None:
    """Raises InvalidSetting where the gateway could be reached from other machines without API keys."""
    reachable = [name for name in (settings.public_names or (settings.host,)) if not is_loopback(name)]
    if not keys and reachable:
        raise InvalidSetting(
            f"HUMANPOSE3D_API_KEYS_FILE: is needed, since the gateway can be reached on {reachable[0]!r}. "
            "Make a key with 'humanpose3d keys add', or listen on 127.0.0.1."
        )


def is_loopback(name: str) -> bool:
    """Whether this name or address always refers to the machine itself."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
