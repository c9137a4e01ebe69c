"""What is deployed to Function Compute as JSON, with the code, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from localcloud.functions.model import Function, Service
from localcloud.functions.registry import Registry

BY_TWO = ("async_configs", "on_demand_configs", "provision_configs")  # by qualifier and function


def saved_functions(registry: Registry, codes: dict[str, str]) -> dict[str, Any]:
    """Returns all services and functions, ready for JSON.

    `codes` is filled: zip files in base64, by their names. It is passed again next time, so that
    code that did not change is not read again.
    """
    # Lists, for calls may change the dictionaries meanwhile, in threads of their own.
    services, natives = list(registry.services.values()), list(registry.natives.values())
    document = {"services": list(map(_service, services)), "natives": list(map(_service, natives))}
    used = {
        function.code.name: function.code.with_name(f"{function.code.name}.zip")
        for service in (*services, *natives)
        for functions in (service.functions, *list(service.versions.values()))
        for function in list(functions.values())
    }
    for name, path in used.items():
        if name not in codes:
            codes[name] = base64.b64encode(path.read_bytes()).decode()
    for name in codes.keys() - used.keys():
        del codes[name]
    return {**document, "codes": dict(codes)}


def restore_functions(registry: Registry, document: Mapping[str, Any]) -> None:
    """Deploys what `saved_functions` gave. Raises KeyError, TypeError, FcError."""
    for kind, services in (("services", registry.services), ("natives", registry.natives)):
        for entry in document.get(kind, ()):
            service = Service(entry["name"], entry["description"])
            for f in fields(Service):
                setattr(service, f.name, _restored(registry, f.name, entry, document["codes"]))
            name = service.name or next(iter(service.functions))
            services[name] = service


def _service(service: Service) -> dict[str, Any]:
    plain = {f.name: getattr(service, f.name) for f in fields(service)}
    plain["functions"] = _functions(service.functions)
    versions = list(service.versions.items())
    plain["versions"] = {id: _functions(of_it) for id, of_it in versions}
    for name in BY_TWO:
        plain[name] = [[*key, value] for key, value in list(plain[name].items())]
    return plain


def _functions(functions: Mapping[str, Function]) -> dict[str, Any]:
    return {
        name: {**vars(function), "code": function.code.name}
        for name, function in list(functions.items())
    }


def _restored(
    registry: Registry, name: str, entry: Mapping[str, Any], codes: Mapping[str, str]
) -> Any:
    value = entry[name]
    if name in BY_TWO:
        return {(qualifier, function): config for qualifier, function, config in value}
    if name == "functions":
        return {n: _function(registry, fields_, codes) for n, fields_ in value.items()}
    if name == "versions":
        return {
            id: {n: _function(registry, fields_, codes) for n, fields_ in functions.items()}
            for id, functions in value.items()
        }
    return value


def _function(registry: Registry, entry: Mapping[str, Any], codes: Mapping[str, str]) -> Function:
    function = Function(**entry)
    zip_file = codes[entry["code"]]
    function.code = registry.packages.unpack(function, {"zipFile": zip_file})[0]
    return function
