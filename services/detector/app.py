"""The detector service: `python -m services.detector.app`."""

from shared.runtime.worker.app import serve

if __name__ == "__main__":
    serve("detector", {"detector": "services.detector.limits:LIMITED"})
