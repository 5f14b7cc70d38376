#!/usr/bin/env python3
"""Each public header compiles alone, twice, and in every language a plugin may be written in.

    check_headers.py INCLUDE_DIR C_COMPILER... [-- CXX_COMPILER...]"""

import pathlib
import subprocess
import sys

STRICT = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-"]
LANGUAGES = [("c", "c11"), ("c", "c17"), ("c", "gnu17"), ("c++", "c++17")]


def check(include, name, language, standard, compiler):
    text = f"#include <{name}>\n#include <{name}>\n"
    args = [*compiler, "-x", language, f"-std={standard}", "-I", str(include), *STRICT]
    if name.startswith("uwsgi/"):  # the note is there to be kept, not to be used
        args.insert(-1, "-Wno-unused-const-variable")
    done = subprocess.run(args, input=text, text=True, capture_output=True, timeout=60)
    return f"{name} as {standard}: {done.stderr.strip()}" if done.returncode else None


def main():
    include, rest = pathlib.Path(sys.argv[1]), sys.argv[2:]
    split = rest.index("--") if "--" in rest else len(rest)
    compilers = {"c": rest[:split], "c++": rest[split + 1:]}
    names = sorted(str(p.relative_to(include)) for p in include.rglob("*.h"))
    results = [check(include, name, language, standard, compilers[language])
               for name in names for language, standard in LANGUAGES if compilers[language]]
    broken = [r for r in results if r]
    print("\n".join(broken) or f"{len(names)} headers, {len(results)} ways")
    return bool(broken) or not names


if __name__ == "__main__":
    sys.exit(main())
