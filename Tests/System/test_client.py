"""Commands of the `openstack` client that a user of these services types: each must succeed.

They run one after the other in one process for each user, by the client's own entry point, which spares a start of a
second each. `name = command` keeps what a command prints for `{name}` later."""

import json
import os
import sys

import pytest

import hostlib
from cloudlib import ADMIN, IMAGE, MEMBER

RUNNER = """
import contextlib, io, json, shlex, sys
from openstackclient import shell
kept = json.loads(sys.argv[1])
for line in sys.stdin.read().strip().splitlines():
    name, _, command = line.rpartition(" = ")
    out, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(wrong):
        try:
            status = shell.main(shlex.split(command.format(**kept)))
        except SystemExit as end:
            status = end.code
    if name:
        kept[name] = out.getvalue().strip()
    if status:
        print(f"{command}: {wrong.getvalue().strip()[-400:]}")
"""

LOCAL = "uuid={image},source_type=image,destination_type=local,boot_index=0"
COMMANDS = {
    ADMIN: """
project create p1
user create --project p1 --password x u1
role add --user u1 --project p1 member
role assignment list --names
user set --disable u1
user show u1
user list
role list
domain list
service list
endpoint list
catalog show compute
user delete u1
project delete p1
compute service list
network agent list
hypervisor list --long
hypervisor stats show
flavor create --ram 128 --disk 1 --vcpus 1 f1
flavor set --property x=y f1
flavor show f1
flavor delete f1
server list --all-projects
""",
    MEMBER: f"""
application credential create ac1
application credential list
application credential delete ac1
versions show
extension list
quota show
limits show --absolute
flavor list
availability zone list
image create --file {IMAGE} --disk-format qcow2 i1
image set --property os=x --tag t1 i1
image unset --property os i1
image add project i1 admin
image member list i1
image save --file /dev/null i1
image show i1
image list --long
image delete i1
network create cn
subnet create --network cn --subnet-range 10.99.0.0/24 cs
network set --description hi cn
network show cn
subnet show cs
port create --network cn cp
port set --name cp2 cp
port show cp2
router create r1
router set --external-gateway public r1
router add subnet r1 cs
router show r1
kept = floating ip create public --port cp2 -f value -c id
floating ip list --long
security group create sg1
security group rule create --remote-group sg1 --protocol tcp --dst-port 80:90 --ethertype IPv6 sg1
security group rule list sg1
security group show sg1
server create --wait --image tiny --flavor m1.nano --nic none one
server create --wait --flavor m1.nano --network cn --block-device {LOCAL} two
server set --property a=b --name uno one
server unset --property a uno
server add security group two sg1
server remove security group two sg1
server add port uno cp2
server remove port uno cp2
server add network uno cn
server remove network uno cn
server add fixed ip uno cn
server show two
server list --long
server event list uno
server reboot --hard --wait two
server delete --wait uno two
port list
floating ip delete {{kept}}
port delete cp2
router unset --external-gateway r1
router remove subnet r1 cs
router delete r1
security group delete sg1
network delete cn
""",
}


@pytest.mark.parametrize("who", [ADMIN, MEMBER])
def test_every_command_succeeds(cloud, image, who):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
    env = {**clean, "OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml), "OS_CLOUD": who, "PYTHONWARNINGS": "ignore"}
    done = hostlib.run(
        sys.executable, "-c", RUNNER, json.dumps({"image": image.id}), input=COMMANDS[who], env=env, timeout=240,
        check=False)
    assert done.returncode == 0 and not done.stdout, f"{done.stdout}\n{done.stderr[-2000:]}\n{cloud.explain()}"
