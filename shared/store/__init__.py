"""The object store: videos, artefacts and results of runs."""

from shared.settings import Settings
from shared.store.directory import DirectoryStore
from shared.store.protocol import PresignedUpload, Store, StoredObject

__all__ = ["PresignedUpload", "Store", "StoredObject", "open_store"]


def open_store(settings: Settings) -> Store:
    """The store that the settings name."""
    if settings.store_directory is not None:
        return DirectoryStore(settings.store_directory)
    from shared.store.s3 import S3Store  # deferred: a folder needs no S3 client

    return S3Store(settings)
