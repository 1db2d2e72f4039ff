"""API keys: made by a command, hashed at rest in one file, each with a quota.

A key is 256 random bits, so a plain SHA-256 of it cannot be turned back; it is compared in constant time. The file
holds one JSON object a line and can be a mounted secret; it is read again when it changes.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway.errors import NotAuthenticated
from humanpose3d.errors import InvalidSetting

_PREFIX: Final = "hp3d_"
ANONYMOUS: Final = "local"


@dataclass(frozen=True)
class ApiKey:
    """Whose key it is, its hash, and how many runs it may start in 24 hours (None: as many as it likes)."""

    owner: str
    sha256: str
    runs_per_day: int | None = None


def create(owner: str, runs_per_day: int | None = None) -> tuple[str, ApiKey]:
    """A new key: the secret, to be shown once, and what is stored."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return secret, ApiKey(owner, _hash(secret), runs_per_day)


def append(path: Path, key: ApiKey) -> None:
    """Add a key to the file, which only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(key)) + "\n")


class KeyRing:
    """The keys of a file. Without a file everybody is the anonymous owner: for a loopback address only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at = 0
        self._keys: tuple[ApiKey, ...] = ()
        self._refresh()

    def __bool__(self) -> bool:
        return bool(self._keys)

    def authenticate(self, secret: str | None) -> ApiKey:
        """Whose key this is. Raises NotAuthenticated."""
        if self._path is None:
            return ApiKey(ANONYMOUS, "")
        self._refresh()
        digest = _hash(secret or "")
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                return key
        raise NotAuthenticated("Send a valid API key as 'Authorization: Bearer <key>'.")

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                lines = self._path.read_text(encoding="utf-8").splitlines()
                self._keys = tuple(ApiKey(**json.loads(line)) for line in lines if line.strip())
                self._read_at = changed_at
        except (OSError, ValueError, TypeError):
            raise InvalidSetting("HUMANPOSE3D_API_KEYS_FILE: is not a readable file of API keys") from None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
