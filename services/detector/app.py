"""The detector as a service: `python -m services.detector.app`."""

from shared.worker_app import main

if __name__ == "__main__":
    main("detector", {"detector": "services.detector.stage:DETECTOR"})
