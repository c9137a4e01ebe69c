"""Server Load Balancer (2014-05-15) and ALB (2020-06-16), as far as backends are looked at.

Load balancers and server groups are those that scaling groups are attached to. Of each load
balancer (SLB) the status can be set, for Auto Scaling acts on active ones only."""

from __future__ import annotations

from typing import Any

from localcloud.answers import Reply
from localcloud.errors import error_type
from localcloud.ess.actions.action import Action
from localcloud.ess.backends import Backend, backends_of, is_healthy, is_known
from localcloud.ess.balancer_entries import ACTIVE
from localcloud.ess.catalogue import perform_beside
from localcloud.ess.parameters import NEXT_TOKEN, Request, integer, one_of, text, texts
from localcloud.ess.requests import token_page
from localcloud.ess.service import Service
from localcloud.ess.state import EssState
from localcloud.ess.views import private_ip_address
from localcloud.wire import Params

SLB_VERSION, ALB_VERSION = "2014-05-15", "2020-06-16"
LISTENER_PORT = 80  # of every load balancer: listeners are not modelled

BalancerNotFound = error_type(
    404, "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist."
)
ServerGroupNotFound = error_type(
    404, "ResourceNotFound.ServerGroup", "The specified resource {0} is not found."
)


def describe_load_balancer_attribute(state: EssState, request: Request) -> Reply:
    """Returns a load balancer with the backends of its default server group."""
    id = _balancer(state, request)
    found = backends_of(state, lambda t: t.balancer_id == id and not t.server_group_id)
    return {
        "LoadBalancerId": id,
        "LoadBalancerName": id,
        "LoadBalancerStatus": state.balancer_statuses.get(id, ACTIVE),
        "RegionId": state.region_id,
        "AddressType": "intranet",
        "NetworkType": "vpc",
        "ListenerPorts": {"ListenerPort": [LISTENER_PORT]},
        "BackendServers": {"BackendServer": [_view(backend) for backend in found]},
    }


def describe_health_status(state: EssState, request: Request) -> Reply:
    """Returns all backends of a load balancer, also those of its VServer groups."""
    id = _balancer(state, request)
    found = backends_of(state, lambda target: target.balancer_id == id)
    views = [
        {
            "ServerId": backend.instance.instance_id,
            "ServerIp": private_ip_address(backend.instance),
            "ServerHealthStatus": "normal" if is_healthy(backend.instance) else "abnormal",
            "ListenerPort": LISTENER_PORT,
            "Port": backend.target.port or LISTENER_PORT,
            "Protocol": "tcp",
            "Type": "ecs",
        }
        for backend in found
    ]
    return {"BackendServers": {"BackendServer": views}}


def describe_v_server_group_attribute(state: EssState, request: Request) -> Reply:
    """Returns a VServer group with its backends."""
    id = request["VServerGroupId"]
    found = backends_of(state, lambda t: bool(t.balancer_id) and t.server_group_id == id)
    views = [{**_view(backend), "Port": backend.target.port} for backend in found]
    balancer_id = {"LoadBalancerId": found[0].target.balancer_id} if found else {}
    return {"VServerGroupId": id, **balancer_id, "BackendServers": {"BackendServer": views}}


def set_load_balancer_status(state: EssState, request: Request) -> Reply:
    state.balancer_statuses[request["LoadBalancerId"]] = request["LoadBalancerStatus"]
    return {}


def list_server_group_servers(state: EssState, request: Request) -> Reply:
    """Returns the servers of an ALB server group, in pages."""
    id, ids = request["ServerGroupId"], request["ServerIds"]
    if not is_known(state, lambda t: not t.balancer_id and t.server_group_id == id):
        raise ServerGroupNotFound(id)
    found = [
        backend
        for backend in backends_of(state, lambda t: not t.balancer_id and t.server_group_id == id)
        if not ids or backend.instance.instance_id in ids
    ]
    page, more = token_page(request, found, request["MaxResults"])
    servers = [_server(backend) for backend in page]
    counts = {"TotalCount": len(found), "MaxResults": request["MaxResults"]}
    return {**counts, **more, "Servers": servers}


def _server(backend: Backend) -> dict[str, Any]:
    return {
        "ServerGroupId": backend.target.server_group_id,
        "ServerId": backend.instance.instance_id,
        "ServerIp": private_ip_address(backend.instance),
        "ServerType": "Ecs",
        "Port": backend.target.port,
        "Weight": backend.weight,
        "Status": "Available",
    }


def _balancer(state: EssState, request: Request) -> str:
    """Returns the id that the call names. Raises ApiError."""
    id = str(request["LoadBalancerId"])
    if id in state.balancer_statuses or is_known(state, lambda target: target.balancer_id == id):
        return id
    raise BalancerNotFound()


def _view(backend: Backend) -> dict[str, Any]:
    return {
        "ServerId": backend.instance.instance_id,
        "ServerIp": private_ip_address(backend.instance),
        "Weight": backend.weight,
        "Type": "ecs",
    }


REGION = text("RegionId")
BALANCER = text("LoadBalancerId", required=True)
ACTIONS = {
    action.name: action
    for action in (
        Action(
            "DescribeLoadBalancerAttribute", describe_load_balancer_attribute, (REGION, BALANCER)
        ),
        Action("DescribeHealthStatus", describe_health_status, (REGION, BALANCER)),
        Action(
            "DescribeVServerGroupAttribute",
            describe_v_server_group_attribute,
            (REGION, text("VServerGroupId", required=True)),
        ),
        Action(
            "SetLoadBalancerStatus",
            set_load_balancer_status,
            (
                *(REGION, BALANCER),
                one_of("LoadBalancerStatus", ACTIVE, "inactive", required=True),
            ),
        ),
    )
}
ALB_ACTIONS = {
    "ListServerGroupServers": Action(
        "ListServerGroupServers",
        list_server_group_servers,
        (
            *(REGION, text("ServerGroupId", required=True), texts("ServerIds", 40), NEXT_TOKEN),
            integer("MaxResults", 1, 100, default=20),
        ),
    )
}


def perform(service: Service, params: Params) -> Reply:
    """Performs an action of SLB; returns its reply. Raises ApiError."""
    return perform_beside(ACTIONS, service, params)


def perform_alb(service: Service, params: Params) -> Reply:
    """Performs an action of ALB; returns its reply. Raises ApiError."""
    return perform_beside(ALB_ACTIONS, service, params)
