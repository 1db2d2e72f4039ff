"""The OpenAPI document is complete: every response to any request is documented, and none is a 5xx."""

import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app import create_app
from tests.gateway.world import World

Serve = Callable[[World], str]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.usefixtures("scratch")
def test_every_request_gets_a_documented_response(serve: Serve, tmp_path: Path):
    world = World(tmp_path, share_secret="x" * 32)
    schemathesis = Path(sysconfig.get_path("scripts")) / "schemathesis"
    exclude = ["--exclude-path-regex", "events$"]  # a stream without end
    options = ["--checks", CHECKS, "--max-examples", "25", "--seed", "1", "--request-timeout", "10", "--no-color"]
    checked = subprocess.run(
        [schemathesis, "run", f"{serve(world)}/openapi.json", *options, *exclude],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stdout[-6000:]
    counted = re.search(r"(\d+) generated, (\d+) passed", checked.stdout)
    assert counted, checked.stdout[-3000:]
    assert int(counted[1]) == int(counted[2]) > 200


def test_the_document_names_the_form_s_fields_and_the_problems(world: World):
    document = create_app(world.settings, world.bus, world.store).openapi()
    assert document["openapi"].startswith("3.1")
    form = document["paths"]["/api/v1/runs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"video", "height", "weight", "consent", "augmentation_cycles", "visibility_min"} <= set(form["properties"])
    assert {"ProblemDetails", "FieldProblem"} <= set(document["components"]["schemas"])
