"""The object store: videos, artefacts and results of runs."""

from shared.runtime.settings import Settings
from shared.runtime.store.directory import DirectoryStore
from shared.runtime.store.protocol import PresignedUpload, Store, StoredObject, StoredPart, content
from shared.runtime.store.s3 import S3Store

__all__ = ["PresignedUpload", "Store", "StoredObject", "StoredPart", "content", "open_store"]


def open_store(settings: Settings) -> Store:
    """The store that the settings name. Raises StoreUnavailable where its folder cannot be made."""
    return S3Store(settings) if settings.store_directory is None else DirectoryStore(settings.store_directory)
