#!/usr/bin/env python3
"""What the objects offer each other: the executable exactly the golden list of functions, a plugin exactly its table.

    check_symbols.py GOLDEN EXECUTABLE PLUGIN.so...

A function that is new is added to the golden list; one that is gone breaks the plugins that need it."""

import pathlib
import subprocess
import sys

# What the linker and the C library add to every executable.
OF_EVERY_EXECUTABLE = {"main", "data_start"}


def symbols(path, which):
    """Names in the dynamic symbol table, without the sanitizer's."""
    out = subprocess.run(["nm", "-D", which, path], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    return {name for name in names if not name.startswith(("__odr_asan", "__asan_", "__ubsan_"))}


def read_golden(path):
    """Name -> line number."""
    return {line: number for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1)
            if line and not line.startswith("#")}


def check_kernel(golden_path, golden, executable):
    exported = symbols(executable, "--defined-only")
    for name in sorted(set(golden) - exported):
        yield f"{golden_path}:{golden[name]}: {executable} no longer exports {name}"
    for name in sorted(exported - set(golden) - OF_EVERY_EXECUTABLE):
        if not name.startswith("_"):
            yield f"{golden_path}:{len(golden) + 1}: {executable} exports {name}, which is not in the list"


def check_plugin(golden, plugin):
    name = pathlib.Path(plugin).stem
    exported = symbols(plugin, "--defined-only")
    if exported != {name}:
        yield f"{plugin}:1: exports {' '.join(sorted(exported)) or 'nothing'}, not just {name}"
    for needed in sorted(symbols(plugin, "--undefined-only")):
        if needed.startswith("uwsgi_") and needed not in golden:
            yield f"{plugin}:1: needs {needed}, which the kernel does not promise"


def main():
    golden_path, executable, *plugins = sys.argv[1:]
    golden = read_golden(golden_path)
    broken = list(check_kernel(golden_path, golden, executable))
    for plugin in plugins:
        broken += check_plugin(golden, plugin)
    print("\n".join(broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
