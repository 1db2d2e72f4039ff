"""What ships of the benchmark is the benchmark's result, of the networks that ship."""

import json

from benchmarks.accuracy import RESULTS
from benchmarks.measured_errors import MARKED, README, markdown, shipped
from shared.models import MODELS_DIRECTORY, sha256
from shared.results.measured_errors import FILE, measured_errors


def test_the_shipped_table_is_the_benchmark_s_result():
    result = json.loads((RESULTS / "accuracy.json").read_text(encoding="utf-8"))
    assert measured_errors() == json.loads(FILE.read_text(encoding="utf-8")) == shipped(result)


def test_it_is_of_the_networks_that_ship():
    methods = measured_errors()["methods"]
    assert set(methods) == {"geometric", "depth", "both"}
    for method in methods.values():
        assert method["models"] == {file: sha256(MODELS_DIRECTORY / file) for file in method["models"]}
    assert "depth_refiner.onnx" in methods["depth"]["models"]


def test_it_knows_every_view():
    for people in ("lateral", "oblique", "frontal"):
        assert set(measured_errors()["methods"]["depth"]["rendered"][people]["mae_deg"]) >= {"hip", "knee", "ankle"}


def test_the_readme_shows_it():
    found = MARKED.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == markdown(measured_errors())


def test_of_two_references_the_marker_based_one_counts():
    figures = {"clips": [2, None, None], "mae": [5.04, None, None]}
    own = {view: {"knee": {"flexion": figures}} for view in ("all", "oblique")}
    other = {view: {"knee": {"flexion": {**figures, "mae": [9.0, None, None]}}} for view in ("oblique", "frontal")}
    models = {key: {"models": {"a.onnx": "1"}} for key in ("geometric", "depth", "both")}
    result = {
        "conditions": models,
        "test_renders": {"agreement": dict.fromkeys(models, own)},
        "real_people": {
            "agreement": {
                "another": {"geometric": other, "depth": other},
                "marker-based": {"geometric": own, "depth": own},
            }
        },
    }
    depth = shipped(result)["methods"]["depth"]
    assert depth["rendered"]["oblique"] == {
        "clips": 2,
        "reference": "true markers of rendered people",
        "mae_deg": {"knee": {"flexion": 5.0}},
    }
    assert {view: (one["reference"], one["mae_deg"]["knee"]["flexion"]) for view, one in depth["real"].items()} == {
        "oblique": ("marker-based", 5.0),
        "frontal": ("another", 9.0),
    }
    assert shipped(result)["methods"]["both"]["real"] == {}
