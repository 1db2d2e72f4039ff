"""The augmenter service: `python -m services.augmenter.app`."""

from shared.runtime.worker.app import serve

if __name__ == "__main__":
    serve("augmenter", {"augmenter": "services.augmenter.stage:AUGMENTER"})
