"""Imports what one removal needs, in the Python of the runtime, and records what came of it.

Run by `scalein package` with the folder of the package as argument, and only that folder and the
standard library to import from. It prints, marshalled: the modules that are in the folder, by name;
the regular expressions that were compiled; and the source that modules compiled, by module
(scalein.compiled).
"""

from __future__ import annotations

import builtins
import marshal
import re
import sys
from importlib import import_module
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

FUTURE_FLAGS = 0x1FF0000  # of CodeType.co_flags, which `compile` inherits
# Loaded before the package's own finder of modules: they keep their files.
UNPACKED = ("index", "scalein", "scalein.packed", "scalein.compiled", "scalein.cold_start")
COMPILE, EVAL, HASH = compile, eval, hash


class Recorder:
    """Takes the place of what compiles, and records each result."""

    def __init__(self) -> None:
        self.modules = dict[str, tuple[str, bool, str]]()
        self.patterns = list[tuple[Any, int, tuple[Any, ...]]]()
        self.codes = dict[str, dict[tuple[str, str, str], bytes]]()
        self._compiler: Any = sys.modules.get("re._compiler") or sys.modules["sre_compile"]
        self._sre = self._compiler._sre
        self._arguments_by_id = dict[int, tuple[Any, tuple[Any, ...]]]()
        self._steady_hash: Any = import_module("scalein.compiled").steady_hash

    def __enter__(self) -> Recorder:
        names = {**vars(self._sre), "compile": self._compile_pattern}
        self._compiler._sre = SimpleNamespace(**names)
        stand_ins = {"compile": self._compile_source, "eval": self._eval_source, "hash": self._hash}
        vars(builtins).update(stand_ins)
        return self

    def __exit__(self, *_: object) -> None:
        """Takes from `re` what was given to it for each pattern that it compiled."""
        self._compiler._sre = self._sre
        vars(builtins).update(compile=COMPILE, eval=EVAL, hash=HASH)
        for (_type, pattern, flags), compiled in vars(re)["_cache"].items():
            if id(compiled) in self._arguments_by_id:
                self.patterns.append((pattern, int(flags), self._arguments_by_id[id(compiled)][1]))

    def _compile_pattern(self, pattern: Any, *arguments: Any) -> Any:
        compiled = self._sre.compile(pattern, *arguments)
        flags, code, *others = arguments
        plain = (int(flags), list(map(int, code)), *others)  # marshal takes no subclass of int
        self._arguments_by_id[id(compiled)] = compiled, plain
        return compiled

    def _compile_source(
        self, source: Any, filename: Any, mode: str, *more: Any, **named: Any
    ) -> Any:
        if more or named:
            return COMPILE(source, filename, mode, *more, **named)
        return self._recorded(sys._getframe(1), source, filename, mode)

    def _eval_source(self, source: Any, *names: Any) -> Any:
        caller = sys._getframe(1)
        names = names or (caller.f_globals, caller.f_locals)
        code = source
        if isinstance(source, str):
            code = self._recorded(caller, source, "<string>", "eval")
        return EVAL(code, *names)

    def _hash(self, value: Any) -> int:
        is_of_attrs = sys._getframe(1).f_globals["__name__"] == "attr._make"
        return self._steady_hash(value) if is_of_attrs else HASH(value)

    def _recorded(self, caller: FrameType, source: Any, filename: str, mode: str) -> CodeType:
        """Compiles by the future statements of the caller, as `compile` itself does."""
        flags = caller.f_code.co_flags & FUTURE_FLAGS
        code: CodeType = COMPILE(source, filename, mode, flags, True)
        module = str(caller.f_globals["__name__"])
        if isinstance(source, str) and not module.startswith("importlib."):
            # Version 2 of marshal writes the same bytes whatever else refers to the values.
            self.codes.setdefault(module, {})[source, filename, mode] = marshal.dumps(code, 2)
        return code

    def record_modules(self, folder: str) -> None:
        """Records the imported modules that have byte code in the folder."""
        for name, module in list(sys.modules.items()):
            spec = getattr(module, "__spec__", None)
            if spec is None or name in ("__main__", *UNPACKED):
                continue
            if spec.cached and str(spec.origin).startswith(f"{folder}/"):
                is_package = spec.submodule_search_locations is not None
                self.modules[name] = spec.origin, is_package, spec.cached


def main() -> None:
    recorder = Recorder()
    with recorder:
        import index  # noqa: F401
        from scalein import contract
        from scalein.cloud import ess  # noqa: F401

        contract.validator("removal-request")
    recorder.record_modules(sys.argv[1])
    result = recorder.modules, recorder.patterns, recorder.codes
    sys.stdout.buffer.write(marshal.dumps(result, 2))


if __name__ == "__main__":
    main()
