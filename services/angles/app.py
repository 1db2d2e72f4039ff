"""The angles as a service: `python -m services.angles.app`."""

from shared.worker_app import main

if __name__ == "__main__":
    main("angles", {"angles": "services.angles.stage:ANGLES"})
