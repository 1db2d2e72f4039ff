"""The object store: videos, artefacts and results of runs."""

from shared.store.protocol import PresignedUpload, Store, StoredObject

__all__ = ["PresignedUpload", "Store", "StoredObject"]
