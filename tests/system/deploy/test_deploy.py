"""The files of deploy/ against each other; there is no container engine to start them with."""

from pathlib import Path

import pytest
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

from cargan_tf.export.model_registry import versions_in
from cargan_tf.serving.address import GRPC_PORT, MODEL_NAME, REST_PORT
from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.rest import METRICS_PATH

DEPLOY = Path(__file__).parents[3] / "deploy"
PORTS = {GRPC_PORT, REST_PORT}


def load(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


@pytest.fixture(scope="module")
def compose():
    (values,) = load("compose.yaml")
    return values


@pytest.fixture(scope="module")
def kubernetes():
    return {values["kind"]: values for values in load("kubernetes.yaml")}


@pytest.fixture(scope="module")
def container(kubernetes):
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


@pytest.fixture(scope="module")
def server_messages():
    """TensorFlow Serving's two configurations, by their fields; the api package lacks them."""
    number = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="server_configs.proto", dependency=["google/protobuf/wrappers.proto"], syntax="proto3"
    )
    batching = file.message_type.add(name="BatchingParameters")
    fields = {
        "max_batch_size": "Int64Value",
        "max_execution_batch_size": "Int64Value",
        "enable_large_batch_splitting": "BoolValue",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
    }
    for position, (name, kind) in enumerate(fields.items(), 1):
        batching.field.add(
            name=name,
            number=position,
            type=number.TYPE_MESSAGE,
            type_name=f".google.protobuf.{kind}",
        )
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(name="enable", number=1, type=number.TYPE_BOOL)
    prometheus.field.add(name="path", number=2, type=number.TYPE_STRING)
    file.message_type.add(name="MonitoringConfig").field.add(
        name="prometheus_config", number=1, type=number.TYPE_MESSAGE, type_name=".PrometheusConfig"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()


def test_the_batches_are_those_of_cargan_serve(server_messages):
    text = (DEPLOY / "batching.config").read_text()
    batching = text_format.Parse(text, server_messages("BatchingParameters"))
    assert batching.max_execution_batch_size.value == Limits().batch
    # With splitting, what is refused is a request of more than max_batch_size.
    assert batching.enable_large_batch_splitting.value
    assert batching.max_batch_size.value == Limits().rows
    assert batching.max_enqueued_batches.value * Limits().batch >= Limits().rows
    assert batching.batch_timeout_micros.value == round(Limits().wait_seconds * 1e6)
    assert batching.num_batch_threads.value >= 1
    assert batching.max_enqueued_batches.value >= 1


def test_prometheus_asks_where_the_metrics_are(server_messages, compose):
    text = (DEPLOY / "monitoring.config").read_text()
    monitoring = text_format.Parse(text, server_messages("MonitoringConfig"))
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == METRICS_PATH
    (values,) = load("prometheus.yml")
    (job,) = values["scrape_configs"]
    assert job["metrics_path"] == METRICS_PATH
    assert job["static_configs"] == [{"targets": [f"serving:{REST_PORT}"]}]
    assert "serving" in compose["services"]


def flags(words):
    assert all(word.startswith("--") and "=" in word for word in words)
    return dict(word.removeprefix("--").split("=", 1) for word in words)


def mounted(service):
    """What is mounted read-only, by its place in the container."""
    short = [mount.rsplit(":", 2) for mount in service["volumes"] if isinstance(mount, str)]
    long = [
        (mount["source"], mount["target"], "ro" if mount["read_only"] else "")
        for mount in service["volumes"]
        if isinstance(mount, dict)
    ]
    return {position: source for source, position, mode in [*short, *long] if mode == "ro"}


def test_what_the_container_is_told_to_read_is_mounted(compose):
    service = compose["services"]["serving"]
    mounts = mounted(service)
    for flag in ("batching_parameters_file", "monitoring_config_file"):
        assert (DEPLOY / mounts[flags(service["command"])[flag]]).is_file()
    asked = flags(service["command"])
    assert asked["model_name"] == MODEL_NAME
    folder, _, model = mounts[asked["model_base_path"]].rpartition("/")
    shipped = model.removeprefix("${MODEL:-").removesuffix("}")
    assert versions_in(DEPLOY / folder / shipped), (
        "without MODEL, the one that is in the repository"
    )
    prometheus = compose["services"]["prometheus"]["volumes"][0]
    assert (DEPLOY / prometheus.split(":")[0]).is_file()


def test_only_this_machine_reaches_the_containers(compose):
    published = [port for service in compose["services"].values() for port in service["ports"]]
    assert all(str(port).startswith("127.0.0.1:") for port in published)
    inside = {int(str(port).rsplit(":", 1)[1]) for port in published}
    assert inside >= PORTS


def test_the_volumes_and_dependencies_are_declared(compose):
    named = {
        mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service["volumes"]
        if isinstance(mount, str) and mount[0] not in "./"
    }
    assert named == set(compose["volumes"])
    waited_for = compose["services"]["prometheus"]["depends_on"]
    assert waited_for
    assert set(waited_for) <= set(compose["services"])
    assert all("healthcheck" in compose["services"][name] for name in waited_for)


def test_kubernetes_has_the_same_settings(kubernetes, compose, container, server_messages):
    assert flags(container["args"]) == flags(compose["services"]["serving"]["command"])
    for name, kind in (
        ("batching.config", "BatchingParameters"),
        ("monitoring.config", "MonitoringConfig"),
    ):
        here, there = (DEPLOY / name).read_text(), kubernetes["ConfigMap"]["data"][name]
        parsed = [text_format.Parse(text, server_messages(kind)) for text in (here, there)]
        assert parsed[0] == parsed[1]


def test_the_parts_of_the_kubernetes_example_find_each_other(kubernetes, container):
    deployment, service = kubernetes["Deployment"]["spec"], kubernetes["Service"]["spec"]
    pod = deployment["template"]
    assert service["selector"] == pod["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == pod["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert set(ports.values()) == PORTS
    assert {port["targetPort"]: port["port"] for port in service["ports"]} == ports
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    config_map = kubernetes["ConfigMap"]["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == config_map
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == METRICS_PATH
    assert int(annotations["prometheus.io/port"]) == REST_PORT
    startup = container["startupProbe"]["httpGet"]
    assert startup["path"] == f"/v1/models/{MODEL_NAME}/metadata"


def test_readiness_does_not_wait_for_the_threads_that_wait_for_images(container):
    readiness = container["readinessProbe"]
    assert "httpGet" not in readiness
    assert readiness["grpc"]["port"] == GRPC_PORT
    assert flags(container["args"])["enable_grpc_healthcheck_service"] == "true"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["timeoutSeconds"] > 1  # Kubernetes' default


def test_sigterm_reaches_the_server_and_ends_it(compose, kubernetes, container):
    """Process 1 of a container ignores SIGTERM unless it handles it, and neither bash nor the
    server does: the server itself is started, and is not process 1."""
    service, pod = compose["services"]["serving"], kubernetes["Deployment"]["spec"]["template"]
    assert service["entrypoint"] == container["command"] == ["tensorflow_model_server"]
    assert service["init"] is True
    assert pod["spec"]["shareProcessNamespace"] is True
    (_, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert 0 < int(seconds) < pod["spec"]["terminationGracePeriodSeconds"]
    asked = flags(container["args"])
    assert {int(asked["port"]), int(asked["rest_api_port"])} == PORTS


def test_each_request_in_progress_has_a_thread(container):
    asked = flags(container["args"])
    for pool in ("rest_api_num_threads", "grpc_max_threads"):
        assert int(asked[pool]) >= 2 * Limits().batch  # one batch running, one filling


def test_one_version_of_the_image(compose, container):
    image = compose["services"]["serving"]["image"]
    assert image.replace("${TF_SERVING_VERSION:-", "").rstrip("}") == container["image"]


def test_the_page_names_every_file():
    page = (DEPLOY / "README.md").read_text("utf-8")
    for file in DEPLOY.iterdir():
        assert file.name == "README.md" or file.name in page
