import shutil
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import ModelCorrupt
from shared.inference import session
from shared.models import MODELS_DIRECTORY, sha256, shipped

LANDMARKS: dict[str, tuple[int, ...]] = {
    "landmarks": (195,),
    "presence": (1,),
    "heatmap": (64, 64, 39),
    "world": (117,),
}
NETWORKS: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "pose_person.onnx": (224, {"boxes": (2254, 12), "scores": (2254, 1)}),
    **{f"pose_landmarks_{size}.onnx": (256, LANDMARKS) for size in ("lite", "full", "heavy")},
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_images_is_accepted(name, batch):
    side, outputs = NETWORKS[name]
    network = session(shipped(name))
    images = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), np.uint8)
    results = network.run(list(outputs), {"image": images})
    assert [result.shape for result in results] == [(batch, *shape) for shape in outputs.values()]
    alone = network.run(list(outputs), {"image": images[-1:]})
    for together, single in zip(results, alone, strict=True):
        np.testing.assert_allclose(together[-1:], single, atol=1e-3)


def test_the_model_card_states_the_hashes():
    card = (MODELS_DIRECTORY / "pose_landmarker.md").read_text(encoding="utf-8")
    for name in NETWORKS:
        digest = sha256(MODELS_DIRECTORY / name)
        assert any(f"`{name}`" in line and digest in line for line in card.splitlines()), name


@pytest.mark.parametrize("size", ["lite", "full", "heavy"])
def test_the_weights_are_those_of_the_bundle(size, tmp_path):
    network, bundle = shipped(f"pose_landmarks_{size}.onnx"), shipped(f"pose_landmarker_{size}.task")
    assert network.stat().st_size < 0.05 * bundle.stat().st_size
    alone = Path(shutil.copy(network, tmp_path))
    with pytest.raises(ModelCorrupt):
        session(alone)
