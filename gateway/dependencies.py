"""What the routes depend on: the process's services, the API key of a request, and where it found the API."""

from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api_keys import ApiKey, KeyRing
from gateway.batches import Batches
from gateway.errors import NotAuthenticated
from gateway.motion import MotionFiles
from gateway.run_index import RunIndex
from gateway.run_service import RunService
from gateway.shares import SHARE_PREFIX, Shared, Shares
from gateway.subjects import Subjects
from gateway.uploads import Uploads
from shared.runtime.bus import Bus
from shared.runtime.settings import Settings
from shared.runtime.store import Store

VERSIONED: Final = "/api/v1"
UNVERSIONED: Final = "/api"
SHARE_SCHEME: Final = "shareToken"

_bearer: Final = HTTPBearer(
    auto_error=False, scheme_name="apiKey", description="where the server demands one; see `humanpose3d keys add`"
)
_share_bearer: Final = HTTPBearer(
    auto_error=False, scheme_name=SHARE_SCHEME, description="the token of a link: what follows /#/shared/ in it"
)


class Services:
    """Services used by the routes; one per process."""

    def __init__(
        self, settings: Settings, bus: Bus, store: Store, index: RunIndex, uploads: Uploads, keys: KeyRing
    ) -> None:
        self.settings, self.bus, self.store, self.keys, self.uploads = settings, bus, store, keys, uploads
        self.run_service = RunService(bus, store, index, uploads)
        self.batches = Batches(store, index, self.run_service)
        self.subjects = Subjects(store, index, self.run_service, self.batches.records)
        self.motion_files = MotionFiles(store)
        self.shares = Shares(bus, self.run_service, settings.share_secret)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]


def authenticated(services: Given, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> ApiKey:
    """The API key of the request. Raises NotAuthenticated, also for the token of a link."""
    secret = given.credentials.strip() if given else None
    if secret is not None and secret.startswith(SHARE_PREFIX):
        raise NotAuthenticated("This is the token of a link: it shows one result only, at /api/v1/shared.")
    return services.keys.authenticate(secret)


Key = Annotated[ApiKey, Depends(authenticated)]


async def _shared(
    services: Given, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_share_bearer)]
) -> Shared:
    """The result that the request's link shows. Raises what `Shares.open` raises."""
    return await services.shares.open(given.credentials.strip() if given else "")


SharedResult = Annotated[Shared, Depends(_shared)]


def _base(request: Request) -> str:
    """Where this request found the API; addresses in the response begin with it."""
    return VERSIONED if request.scope["path"].startswith(f"{VERSIONED}/") else UNVERSIONED


Base = Annotated[str, Depends(_base)]
