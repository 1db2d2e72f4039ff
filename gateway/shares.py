"""Links that show one result to everyone who has them: signed, for a stated time, revocable. Independent of HTTP.

A link ends with a token: `hp3dshare_<run>.<share>.<expiry>.<signature>`. The signature is an HMAC-SHA256 of what is
before it with the server's secret, so that neither the bus nor a backup of it holds a usable link, all gateways with
the secret accept it, and another secret revokes all. The run's state has the shares that were given, so that one can
be revoked, and is gone with its run.

The token is in the fragment of the page's address, which browsers do not send: it is in no log of a proxy. The page
sends it as a header.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import SecretStr

from gateway.api_keys import ApiKey
from gateway.errors import NotFinished, ShareExpired, ShareNotFound, ShareRevoked, SharingDisabled, TooManyShares
from gateway.run_service import RunService
from gateway.uploads import new_id
from humanpose3d.api_models import ShareRequest
from humanpose3d.errors import InvalidOption, RunNotFound, RunUnreadable
from humanpose3d.notes import NO_NOTES
from shared.runtime import runs
from shared.runtime.bus import Bus
from shared.runtime.run_state import RunState, Share

SHARE_PREFIX: Final = "hp3dshare_"
MOST: Final = 20
"""Links of a run that are valid at the same time."""

_WITHOUT_VIDEO: Final = (".c3d", ".csv", ".html", ".json", ".mot", ".osim", ".pdf", ".png", ".svg", ".trc")
"""Files that hold no image of the video: of others, none is shown with a link that does not show the video."""
_WITH_NOTES: Final = "run.json"


@dataclass(frozen=True)
class Shared:
    """A run as a link shows it: its state without the files and notes that are not shared."""

    state: RunState
    share: Share


class Shares:
    """Gives, lists and revokes links for an API key's runs, and opens them for everyone."""

    def __init__(self, bus: Bus, run_service: RunService, secret: SecretStr | None) -> None:
        self._bus, self._run_service = bus, run_service
        self._secret = None if secret is None else secret.get_secret_value().encode()

    @property
    def enabled(self) -> bool:
        """Whether this server has links."""
        return self._secret is not None

    async def add(self, key: ApiKey, run_id: str, wanted: ShareRequest) -> Share:
        """A new link to a completed run.

        Raises RunNotFound, NotFinished, InvalidOption where faces are blurred and the video is wanted, TooManyShares,
        SharingDisabled.
        """
        self._demand_secret()
        state = await self._run_service.get(key, run_id)
        if state.status != "completed":
            raise NotFinished(f"The run is {state.status}; it has no results (yet).")
        if wanted.with_video and state.request.options.blur_faces:
            raise InvalidOption({"with_video": "the run blurs faces: its video cannot be shared"})
        now = datetime.now(UTC).replace(microsecond=0)
        share = Share(
            id=new_id(),
            created_at=now,
            expires_at=now + timedelta(days=wanted.days),
            with_video=wanted.with_video,
            with_notes=wanted.with_notes,
        )

        def shared(state: RunState) -> RunState:
            valid = _valid(state)
            if len(valid) >= MOST:
                raise TooManyShares(f"The run has {MOST} links. Revoke one that is no longer needed.")
            return state.with_shares((*valid, share))

        await runs.change(self._bus, run_id, shared)
        return share

    async def all(self, key: ApiKey, run_id: str) -> tuple[Share, ...]:
        """The run's links that are valid. Raises RunNotFound, SharingDisabled."""
        self._demand_secret()
        return _valid(await self._run_service.get(key, run_id))

    async def revoke(self, key: ApiKey, run_id: str, share_id: str) -> None:
        """Remove a link. Raises RunNotFound, ShareNotFound, SharingDisabled."""
        self._demand_secret()
        await self._run_service.get(key, run_id)

        def revoked(state: RunState) -> RunState:
            left = [share for share in state.shares if share.id != share_id]
            if len(left) == len(state.shares):
                raise ShareNotFound("The run has no such link; it may have expired, or been revoked.")
            return state.with_shares(left)

        await runs.change(self._bus, run_id, revoked)

    def token(self, run_id: str, share: Share) -> str:
        """The end of the link. Raises SharingDisabled."""
        stated = f"{SHARE_PREFIX}{run_id}.{share.id}.{share.expires_at.timestamp():.0f}"
        return f"{stated}.{self._signature(stated)}"

    async def open(self, token: str) -> Shared:
        """What a link shows. Raises SharingDisabled, ShareNotFound, ShareExpired, ShareRevoked.

        Nothing about a run is told to those who have no token that this server signed.
        """
        stated, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(stated).encode(), signature.encode()):
            raise ShareNotFound("This link is not valid. It may be incomplete: copy all of it, or ask for a new one.")
        run_id, share_id, expiry = stated.removeprefix(SHARE_PREFIX).split(".")
        expires_at = datetime.fromtimestamp(int(expiry), UTC)
        if expires_at <= datetime.now(UTC):
            raise ShareExpired(f"This link was valid until {expires_at:%Y-%m-%d %H:%M} UTC. Ask for a new one.")
        try:
            state, _ = await self._bus.read(run_id)
            share = next(share for share in state.shares if share.id == share_id)
        except (RunNotFound, RunUnreadable, StopIteration):
            raise ShareRevoked("This link was revoked, or its result was erased. Ask for a new one.") from None
        return _shown(state, share)

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._demand_secret(), text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _demand_secret(self) -> bytes:
        if self._secret is None:
            raise SharingDisabled(
                "This server shows no results by links. Those who run it can set HUMANPOSE3D_SHARE_SECRET."
            )
        return self._secret


def _valid(state: RunState) -> tuple[Share, ...]:
    now = datetime.now(UTC)
    return tuple(share for share in state.shares if share.expires_at > now)


def _shown(state: RunState, share: Share) -> Shared:
    """The run without what is not shared. Blurred faces are never shown, whatever the share says."""
    share = share.model_copy(update={"with_video": share.with_video and not state.request.options.blur_faces})
    results = {
        path: key
        for path, key in state.results.items()
        if (share.with_video or path.endswith(_WITHOUT_VIDEO)) and (share.with_notes or path != _WITH_NOTES)
    }
    notes = state.notes if share.with_notes else NO_NOTES
    return Shared(state.model_copy(update={"results": results, "notes": notes}), share)
