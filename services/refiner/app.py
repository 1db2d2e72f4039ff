"""The refiner service: `python -m services.refiner.app`."""

from shared.runtime.worker.app import serve

if __name__ == "__main__":
    serve(
        "refiner",
        {
            "refiner.depth": "services.refiner.depth.stage:DEPTH",
            "refiner.joints": "services.refiner.joints.stage:JOINTS",
        },
    )
