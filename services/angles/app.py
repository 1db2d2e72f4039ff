"""The angles service: `python -m services.angles.app`."""

from shared.runtime.worker.app import serve

if __name__ == "__main__":
    serve("angles", {"angles": "services.angles.stage:ANGLES", "analysis": "services.angles.analysis.stage:ANALYSIS"})
