"""A crash right before and right after every named step of every action is only a delay: after `haneul up` the action
ends as asked, once, and the ledgers equal reality."""

import contextlib

import pytest
import requests

import daemons
from actions import ACTIONS, END_SECONDS, Stage
from conftest import upload
from hostlib import run, wait_for
from slate import check_ledgers

# Steps of drift's repair alone; test_drift passes them.
ELSEWHERE = {"resume_domain"}


def cases():
    """Every action with every step it must pass, on both sides. What makes and what takes back come in turn."""
    lists = {name: [(name, step, side) for step in [*action.control, *action.node] for side in ("before", "after")]
        for name, action in ACTIONS.items()}
    for pair in (("create", "delete"), ("attach", "detach")):
        both = [lists.pop(name) for name in pair]
        for n in range(max(len(b) for b in both)):
            yield from (b[n] for b in both if n < len(b))
    for rest in lists.values():
        yield from rest


@pytest.fixture(scope="module")
def stage(tenant, reachable, blank, cloud, tmp_path_factory):
    stage = Stage(tenant, reachable, blank)
    folder, count = tmp_path_factory.mktemp("images"), iter(range(1, 1000))

    def new_image():
        size = 32 + next(count)
        path = folder / f"blank-{size}.qcow2"
        run("qemu-img", "create", "-q", "-f", "qcow2", path, f"{size}M")
        return upload(cloud, path, path.name)

    stage.new_image = new_image
    return stage


def test_every_named_step_belongs_to_an_action():
    named = daemons.named_steps()
    passed = {step for action in ACTIONS.values() for step in [*action.control, *action.node]}
    assert passed | ELSEWHERE == set(named), "the tables of actions.py and Step.swift differ"
    for action in ACTIONS.values():
        assert {named[s] for s in action.control} <= {"control"} and {named[s] for s in action.node} == {"node"}


@pytest.mark.parametrize("action,step,side", [pytest.param(*case, id="-".join(case)) for case in cases()])
def test_a_crash_is_only_a_delay(cloud, tenant, stage, action, step, side):
    daemons.up(cloud)
    what = f"{action}, {side} {step}"
    action = ACTIONS[action](stage)
    action.prepare(step)
    if step in action.control:
        crash_control(cloud, action, step, side, what)
    else:
        crash_node(cloud, action, step, side, what)
    daemons.up(cloud)
    if not daemons.patient(action.is_asked):
        assert step in action.control, f"{what}: what was accepted is forgotten"
        assert (step, side) != ("handle_request", "after"), f"{what}: what was done is forgotten"
        action.ask()
    elif (step, side) == ("handle_request", "before"):
        pytest.fail(f"{what}: it is done though the handler had not begun")
    wait_for(
        f"{what}: the end", lambda: daemons.patient(action.is_done), END_SECONDS, every=0.1,
        explain=lambda: cloud.explain(action.id))
    action.tidy()
    check_ledgers(cloud, tenant)


def crash_node(cloud, action, step, side, what):
    """The action is asked for while the node is down; the node that takes it on dies at the step."""
    cloud.kill("node")
    action.with_node_down(step)
    action.ask()
    process = daemons.armed(cloud, "node", step, side, action.detail(step))
    daemons.await_death(cloud, "node", process, what)


def crash_control(cloud, action, step, side, what):
    """Control dies at the step, whether that is in the request itself or in what follows at the node's hands."""
    for role in daemons.ROLES:
        cloud.kill(role)
    process = daemons.armed(cloud, "control", step, side, action.detail(step))
    daemons.await_api(cloud)
    with contextlib.suppress(requests.ConnectionError):
        action.ask()
    if process.poll() is None:
        daemons.start(cloud, "node")
    daemons.await_death(cloud, "control", process, what)
