"""The refiner as a service: `python -m services.refiner.app`."""

from shared.worker_app import main

if __name__ == "__main__":
    main("refiner", {"refiner.depth": "services.refiner.stage:DEPTH"})
