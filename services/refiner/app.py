"""The refiner service: `python -m services.refiner.app`."""

from shared.worker_app import serve

if __name__ == "__main__":
    serve(
        "refiner",
        {"refiner.depth": "services.refiner.stage:DEPTH", "refiner.joints": "services.refiner.joints:JOINTS"},
    )
