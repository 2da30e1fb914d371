"""cvat-sdk takes our requests as its models check them, and reads the answers of the server that we test against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import cvat_server
from cvat_server import Cvat
from labelling_batches import make_batch
from oddloop.exchange.labelling import cvat, cvat_api
from oddloop.exchange.labelling.http import Api
from oracles.peers import load

pytestmark = pytest.mark.system
REASON = "cvat-sdk is not installed; `make test-all` installs it into .venv-labelling ({error})"


@pytest.fixture
def sdk() -> Any:
    return load("cvat_sdk.api_client", REASON)


@pytest.fixture
def server() -> Iterator[Cvat]:
    with cvat_server.serving(Cvat()) as served:
        yield served


def checked(sdk: Any, model: str, content: dict[str, Any]) -> Any:
    """The content as cvat-sdk's model, every type of it checked."""
    configuration = sdk.Configuration()
    kind = getattr(sdk.models, model)
    return kind._from_openapi_data(
        **content, _check_type=True, _spec_property_naming=True, _configuration=configuration
    )


def test_our_requests_are_of_its_models(sdk: Any) -> None:
    batch = make_batch()
    ids = cvat.LabelIds.of(cvat.labels_of(batch))
    for project in (None, 3):
        checked(sdk, "TaskWriteRequest", cvat.task_request(batch, "d", project_id=project, url="https://x.org/r001"))
    checked(sdk, "DataRequest", cvat.data_request(batch, cloud_storage_id=2))
    drawn = checked(sdk, "LabeledDataRequest", cvat.annotations_json(batch, ids))
    assert (len(drawn.shapes), len(drawn.tags)) == (9, 6)


def test_the_check_does_see_what_is_wrong(sdk: Any) -> None:
    with pytest.raises(sdk.exceptions.OpenApiException):
        checked(sdk, "DataRequest", {"image_quality": 70, "job_file_mapping": ["a.png"]})
    with pytest.raises(sdk.exceptions.OpenApiException):
        checked(sdk, "LabeledDataRequest", {"shapes": [{"type": "square", "frame": 0, "label_id": 1}]})


def test_the_server_that_we_test_against_answers_as_it_expects(sdk: Any, server: Cvat) -> None:
    batch = make_batch()
    task, jobs = cvat_api.send(Api(server.url, f"Bearer {cvat_server.TOKEN}"), batch, "d" * 32, project=None)
    configuration = sdk.Configuration(host=server.url, access_token=cvat_server.TOKEN)
    with sdk.ApiClient(configuration) as client:
        assert client.tasks_api.retrieve(task)[0].name == f"oddloop toy r001 {'d' * 12}"
        assert {j.id for j in client.jobs_api.list(task_id=task)[0].results} == set(jobs.values())
        labels = client.labels_api.list(task_id=task)[0].results
        assert [label.name for label in labels] == ["car", "van", "oddloop"]
        drawn = client.tasks_api.retrieve_annotations(task)[0]
        assert [shape.score for shape in drawn.shapes[:2]] == pytest.approx([0.9, 0.8])
        meta = client.tasks_api.retrieve_data_meta(task)[0]
        assert [frame.name for frame in meta.frames][:2] == ["cam/1/0.png", "cam/1/1.png"]
        request = client.requests_api.retrieve(f"action=create&target=task&id={task}")[0]
        assert str(request.status) == "finished"
