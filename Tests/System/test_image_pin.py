"""An image may be deleted while servers stand on it: their disks live on, and the bytes go with the last of them."""

import hostlib
import pytest

from cloudlib import COMPUTE, IMAGE
from hostlib import wait_for


@pytest.fixture(scope="module")
def own_image(tenant, tmp_path_factory):
    """The tiny guest in other bytes, so that nothing else stands on the same digest."""
    path = tmp_path_factory.mktemp("image") / "own.qcow2"
    hostlib.run("qemu-img", "convert", "-c", "-O", "qcow2", "-o", "cluster_size=128k", IMAGE, path)
    image = tenant.sdk.image.create_image(
        "own", filename=str(path), disk_format="qcow2", container_format="bare", wait=True, timeout=60)
    return tenant.sdk.image.get_image(image.id)


def test_a_disk_survives_its_image(tenant, reachable, own_image, cloud):
    assert own_image.hash_algo == "sha512" and len(own_image.hash_value) == 128
    server = tenant.create(reachable.network, reachable.group, "pinned", image_id=own_image.id)
    tenant.status(server, "ACTIVE")
    floating = tenant.floating(server)
    tenant.ready(server)
    tenant.await_ssh(floating, server)
    tenant.ssh(floating, "echo precious > /root/precious; sync")
    tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"os-stop": None})
    tenant.status(server, "SHUTOFF")

    digest = _sha256(tenant, own_image)
    tenant.sdk.image.delete_image(own_image.id, ignore_missing=False)
    assert tenant.api("GET", f"/image/v2/images/{own_image.id}").status_code == 404
    assert _bases(cloud, digest), "the base went while a server stands on it"

    tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"os-start": None})
    tenant.ready(server, count=2)
    tenant.await_ssh(floating, server)
    assert tenant.ssh(floating, "cat /root/precious").strip() == "precious"
    # What is deleted boots no new server.
    answer = tenant.api("POST", f"{COMPUTE}/servers", json={"server": {
        "name": "late", "imageRef": own_image.id, "flavorRef": tenant.flavor.id, "networks": "none"}}, version="2.79")
    assert answer.status_code == 400

    # The image store gives the bytes up with their last server; a node keeps a base as a cache a while longer.
    kept = _blobs(cloud)
    tenant.delete(server)
    wait_for(
        "the bytes gone from the image store", lambda: len(_blobs(cloud)) == len(kept) - 1, 60,
        explain=lambda: f"{_blobs(cloud)}\n{cloud.explain()}")


def _sha256(tenant, image):
    """The digest under which the bytes are held: nobody tells users, so it is taken from the bytes."""
    import hashlib
    answer = tenant.api("GET", f"/image/v2/images/{image.id}/file")
    assert answer.status_code == 200
    return hashlib.sha256(answer.content).hexdigest()


def _blobs(cloud):
    """Files of the image store."""
    return [p.name for p in (cloud.state / "control" / "images" / "blobs").iterdir()]


def _bases(cloud, digest):
    """Files named by the digest on the node."""
    return [str(p) for p in cloud.state.rglob(f"*{digest}*")]
