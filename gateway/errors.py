"""Errors that only an HTTP server raises, as leaves of the common tree."""

from typing import ClassVar

from humanpose3d.errors import HumanPose3DError, InputError, InvalidOption, Unavailable


class MalformedForm(InputError):
    """The body is not the multipart form that the call expects."""

    code = "malformed-form"
    status = 400


class UnsupportedMediaType(InputError):
    """The body is of another kind than the call expects."""

    code = "unsupported-media-type"
    status = 415


class ConsentMissing(InvalidOption):
    """The form does not state that the person in the video has consented; it may have other faults, too."""

    code = "consent-missing"


class BodyTooLarge(InputError):
    """More bytes were sent than the server accepts."""

    code = "body-too-large"
    status = 413


class TooSlow(InputError):
    """The client stopped sending, or sends too slowly to keep the connection open."""

    code = "too-slow"
    status = 408


class StorageFull(HumanPose3DError):
    """There is no space for the upload; nothing of it was kept."""

    code = "storage-full"
    status = 507


class IdempotencyKeyReused(InputError):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency-key-reused"


class NotAuthenticated(InputError):
    """No API key, or one that does not exist."""

    code = "not-authenticated"
    status = 401
    headers: ClassVar = {"WWW-Authenticate": "Bearer"}


class QuotaExceeded(InputError):
    """The API key has reached its limit of runs."""

    code = "quota-exceeded"
    status = 429


class UploadNotFound(InputError):
    """There is no upload with this key, or it has not been received."""

    code = "upload-not-found"


class UploadIncomplete(InputError):
    """Parts of the upload are missing, or do not add up to the stated size."""

    code = "upload-incomplete"
    status = 409


class BatchNotFound(InputError):
    """There is no such batch, or it was erased."""

    code = "batch-not-found"
    status = 404


class BatchVideoSent(InputError):
    """The batch already has a run of this video."""

    code = "batch-video-sent"
    status = 409


class SubjectNotFound(InputError):
    """No run has this subject."""

    code = "subject-not-found"
    status = 404


class SharingDisabled(InputError):
    """This server has no secret to sign links with."""

    code = "sharing-disabled"
    status = 403


class TooManyShares(InputError):
    """The run has as many links as it may have."""

    code = "too-many-shares"
    status = 409


class ShareNotFound(InputError):
    """No link is signed so, or the run has no such link."""

    code = "share-not-found"
    status = 404


class ShareExpired(InputError):
    """The link was valid for a time that is over."""

    code = "share-expired"
    status = 410


class ShareRevoked(InputError):
    """The link was revoked, or its run was erased."""

    code = "share-revoked"
    status = 410


class UnknownHost(InputError):
    """The request names a server that this one is not: a foreign page may have made its name point here."""

    code = "unknown-host"
    status = 403


class ForeignOrigin(InputError):
    """A page of another site requested a change."""

    code = "foreign-origin"
    status = 403


class KeysUnreadable(Unavailable):
    """The server's file of API keys cannot be read, or not all of it."""

    code = "keys-unreadable"


class PreconditionFailed(InputError):
    """The file is not the one that If-Match or If-Unmodified-Since demands."""

    code = "precondition-failed"
    status = 412


class RangeNotSatisfiable(InputError):
    """The requested range is outside the file."""

    code = "range-not-satisfiable"
    status = 416

    def __init__(self, message: str, size: int) -> None:
        self.headers = {"Content-Range": f"bytes */{size}"}
        super().__init__(message)


class NotFinished(InputError):
    """The run has no results: it is in progress, failed or was cancelled."""

    code = "run-not-finished"
    status = 409
