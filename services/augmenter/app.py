"""The augmenter as a service: `python -m services.augmenter.app`."""

from shared.worker_app import main

if __name__ == "__main__":
    main("augmenter", {"augmenter": "services.augmenter.stage:AUGMENTER"})
