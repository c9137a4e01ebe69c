"""Makes imports cheaper (measured: docs/decisions/0004-cold-start.md, benchmarks/)."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any, TypeVar

# The SDK imports these at once, and this project does not use them.
UNUSED_MODULES = (
    "aliyunsdkcore.auth.algorithm.sha_hmac256",  # imports cryptography; signs with RSA key pairs
    "aliyunsdkcore.auth.signers.ecs_ram_role_signer",
    "aliyunsdkcore.auth.signers.ram_role_arn_signer",
    "aliyunsdkcore.auth.signers.rsa_key_pair_signer",
    "aliyunsdkcore.auth.signers.sts_token_signer",
    "aliyunsdkcore.vendored.requests.packages.chardet",  # guesses encodings; `cloud` reads bytes
    "email.header",
    "jmespath",  # looks up default timeouts and retries; `cloud` sets both itself
    "mimetypes",
    "stringprep",
    "xml.etree.cElementTree",
)
# jsonschema imports these, and checks a document without them.
UNUSED_BY_JSONSCHEMA = (
    "attr.converters",
    "attr.filters",
    "attr.validators",
    "attrs.converters",
    "attrs.filters",
    "attrs.validators",
    "dataclasses",
    "inspect",
)
# The standard library imports these to show an error, and for what a removal does not do.
UNUSED_BY_LIBRARY = (
    "traceback",
    "linecache",
    "tokenize",
    "textwrap",
    "locale",  # names of days
    "selectors",  # to send files
    "shutil",
    "subprocess",  # to ask for the name of an old system
    "zipfile",
)


@contextmanager
def cheap_imports() -> Iterator[None]:
    """Switches the garbage collector off during imports: an import allocates what is used for the
    life of the process, so a search for garbage finds none.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def defer_unused_by_library() -> None:
    """Defers what the standard library imports in vain."""
    for name in UNUSED_BY_LIBRARY:
        defer(name)


def defer_unused_by_sdk() -> None:
    """Defers what the SDK imports in vain. Any module that imports the SDK first does this."""
    import_module("xml.etree")  # an empty package, of which `import xml.etree.X as Y` reads X
    for name in UNUSED_MODULES:
        defer(name)


@contextmanager
def imports_of_jsonschema() -> Iterator[None]:
    """Makes its imports cheaper: defers what it imports in vain, as far as it is not loaded."""
    for name in UNUSED_BY_JSONSCHEMA:
        defer(name)
    with (
        # Python's own type variable lacks only a default, which means nothing at run time.
        attributes_of("typing_extensions", TypeVar=_type_variable),
        attributes_of("idna", IDNAError=UnicodeError),  # the base of its own
        # What a format raises; `contract` has none checked.
        attributes_of("ipaddress", AddressValueError=ValueError),
        attributes_of("inspect", signature=_no_signature),  # attrs wants annotations of converters
    ):
        yield


@contextmanager
def attributes_of(name: str, **attributes: object) -> Iterator[None]:
    """Gives a module that is deferred these attributes for a while."""
    defer(name)
    module = sys.modules.get(name)
    if type(module) is _Deferred:
        vars(module).update(attributes)
    try:
        yield
    finally:
        if type(module) is _Deferred:
            for attribute in attributes:
                delattr(module, attribute)


def _type_variable(*arguments: Any, default: object = None, **options: Any) -> Any:  # noqa: ARG001
    return TypeVar(*arguments, **options)


def _no_signature(_: object) -> None:
    raise ValueError("not asked for")


def defer(name: str) -> None:
    """Registers a module that is executed when an attribute of it is first read.

    The standard library's LazyLoader executes it as soon as an import statement looks at its
    `__spec__`.
    """
    spec = None if name in sys.modules else _spec(name)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        spec.loader_state = RLock()
        module.__class__ = _Deferred
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], child, module)


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> object:
        """Executes the module, once: another thread waits until it has been executed."""
        if name == "__path__":  # an import statement asks whether this is a package
            raise AttributeError(name)
        spec: Any = self.__spec__
        with spec.loader_state:
            if type(self) is _Deferred:
                self.__class__ = _Executing
                try:
                    spec.loader.exec_module(self)
                finally:
                    self.__class__ = ModuleType  # type: ignore[assignment]
        if type(self) is ModuleType:
            return getattr(self, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} yet")


class _Executing(_Deferred):
    """What is read of it by other threads waits; by itself, is there or not."""


def _spec(name: str) -> ModuleSpec | None:
    """Returns the spec of a module; None if it is not installed.

    The packages around it are not imported, for they would import the module.
    """
    package = name.rpartition(".")[0]
    path = _search_path(package) if package else None
    if package and path is None:
        return None
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            return spec
    return None


@cache
def _search_path(package: str) -> tuple[str, ...] | None:
    """Returns where the modules of a package are; None if it is not installed."""
    loaded = sys.modules.get(package)
    spec = _spec(package) if loaded is None else loaded.__spec__
    locations = spec and spec.submodule_search_locations
    return tuple(locations) if locations else None
