"""What Serverless tools read beside a function: instances, provisioned ones, networks, domains.

(`s info` and `s deploy` of the component fc3, and Funcraft, ask for these even where there are
none.) Provisioned instances and bindings of networks are stored; nothing is behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.answers import NEWER, OLDER
from localcloud.functions.checks import whole_number
from localcloud.functions.model import NATIVE, FcError, Function, Service, new_request_id
from localcloud.functions.platform import Platform
from localcloud.functions.routing import Act, ActRoute, listed, named, object_of

OF_SERVICE, OF_NATIVE = OLDER + "/services/{service}", NEWER
PROVISION, INSTANCES = "/functions/{function}/provision-config", "/functions/{function}/instances"
FunctionOf = Callable[[Request], Function]


def account_reads(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route."""

    def function_of(request: Request) -> Function:
        service = request.path_params.get("service", NATIVE)
        qualifier = request.query_params.get("qualifier") or ""
        return platform.registry.function(service, named(request), qualifier)

    yield from _provisioned(platform, function_of)
    yield from _instances(platform, function_of)
    yield from _networks(platform)
    yield from _absent(platform)


def _provisioned(platform: Platform, function_of: FunctionOf) -> Iterator[ActRoute]:
    registry = platform.registry

    def key(function: Function) -> tuple[str, str]:
        return function.qualifier, function.name

    def configs(function: Function) -> dict[tuple[str, str], dict[str, Any]]:
        return registry.service(function.service, function.name).provision_configs

    def described(function: Function) -> dict[str, Any]:
        config = configs(function).get(key(function), {})
        arn = registry.arn(function, function.qualifier)
        named_by = {"functionArn": arn} if function.is_native else {"resource": _resource(arn)}
        return {**config, **named_by, "target": config.get("target", 0), "current": 0}

    def get(request: Request, _: bytes) -> Any:
        return described(function_of(request))

    def put(request: Request, body: bytes) -> Any:
        function, given = function_of(request), object_of(body)
        name = "defaultTarget" if "defaultTarget" in given else "target"
        configs(function)[key(function)] = {**given, "target": whole_number(given, name)}
        return described(function)

    def delete(request: Request, _: bytes) -> None:
        function = function_of(request)
        configs(function).pop(key(function), None)

    def listing(request: Request, _: bytes) -> Any:
        is_native = request.url.path.startswith(NEWER)
        query = request.query_params
        owners = registry.natives if is_native else registry.services
        found = [
            described(registry.function(owner.name, name, qualifier))
            for owner in owners.values()
            for qualifier, name in owner.provision_configs
            if query.get("functionName") in (None, "", name)
            and query.get("serviceName") in (None, "", owner.name)
        ]
        by = "functionArn" if is_native else "resource"
        return listed(request, "provisionConfigs", by, found)

    for whole in (OF_SERVICE + PROVISION, OF_NATIVE + PROVISION):
        yield whole, "GET", get
        yield whole, "PUT", put
    yield OF_NATIVE + PROVISION, "DELETE", delete
    yield OLDER + "/provision-configs", "GET", listing
    yield NEWER + "/provision-configs", "GET", listing


def _resource(arn: str) -> str:
    """Returns SERVICE#QUALIFIER#FUNCTION, as 2.0 names what is provisioned."""
    _, service, _, function = arn.rpartition(":")[2].split("/")
    return f"{service.replace('.', '#')}#{function}"


def _instances(platform: Platform, function_of: FunctionOf) -> Iterator[ActRoute]:
    def listing(request: Request, _: bytes) -> Any:
        function = function_of(request)
        found = [
            {
                "instanceId": id,
                "versionId": function.version_id or "0",
                "qualifier": function.qualifier,
                "status": "Running",
            }
            for id in platform.pool.instances(function.key)
        ]
        if not function.is_native:
            return {"instances": found}
        return {"instances": found, "requestId": new_request_id(is_native=True)}

    yield OF_SERVICE + INSTANCES, "GET", listing
    yield OF_NATIVE + INSTANCES, "GET", listing


def _networks(platform: Platform) -> Iterator[ActRoute]:
    def owner(request: Request) -> Service:
        if "service" in request.path_params:
            return platform.registry.service(named(request, "service"))
        return platform.registry.service(NATIVE, named(request))

    def listing(request: Request, _: bytes) -> Any:
        return {"vpcIds": owner(request).vpc_ids}

    def bind(request: Request, body: bytes) -> None:
        vpc_id = str(object_of(body).get("vpcId") or "")
        if not vpc_id:
            raise FcError(400, "InvalidArgument", "vpcId is required")
        if vpc_id not in owner(request).vpc_ids:
            owner(request).vpc_ids.append(vpc_id)

    def unbind(request: Request, _: bytes) -> None:
        vpc_ids = owner(request).vpc_ids
        if named(request, "vpc") in vpc_ids:
            vpc_ids.remove(named(request, "vpc"))

    bindings = (OF_SERVICE + "/bindings", OF_NATIVE + "/functions/{function}/vpc-bindings")
    for path in bindings:
        yield path, "GET", listing
        yield path, "POST", bind
        yield path + "/{vpc}", "DELETE", unbind


def _absent(platform: Platform) -> Iterator[ActRoute]:
    """Yields the reads of what this cloud has none of."""
    region_id = platform.registry.arn_root.split(":")[2]

    def constant(answer: Any) -> Act:
        return lambda _, __: answer

    def domain(request: Request, _: bytes) -> Any:
        name = named(request, "domain")
        raise FcError(404, "DomainNameNotFound", f"domain name '{name}' does not exist")

    for api in (OLDER, NEWER):
        yield api + "/custom-domains", "GET", constant({"customDomains": []})
        yield api + "/custom-domains/{domain}", "GET", domain
        yield api + "/layers", "GET", constant({"layers": []})
    settings = {"availableAZs": [f"{region_id}-{zone}" for zone in "abc"], "defaultRole": ""}
    yield OLDER + "/account-settings", "GET", constant(settings)
    yield OLDER + "/reservedCapacities", "GET", constant({"reservedCapacities": []})
    yield NEWER + "/scaling-configs", "GET", constant({"scalingConfigs": []})
    regions = {"regions": [{"regionId": region_id, "localName": region_id}]}
    yield NEWER + "/regions", "GET", constant(regions)
