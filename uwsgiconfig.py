#!/usr/bin/env python3
"""Build plugins.

    python uwsgiconfig.py --plugin foobar.c          builds ./foobar_plugin.so
    python uwsgiconfig.py --plugin DIR [PROFILE [NAME]]   builds DIR as its uwsgiplugin.py says
    uwsgi --build-plugin foobar.c                    the same with an installed server

DIR/uwsgiplugin.py sets NAME, GCC_LIST and optionally CFLAGS, LDFLAGS, LIBS, REQUIRES and post_build(config); it is run as
Python.  CC, CFLAGS and LDFLAGS of the environment are honoured.  The server itself is built by meson (./dev build).
"""
import os
import shlex
import subprocess
import sys

SOURCE_ENDINGS = (".c", ".cc", ".cpp", ".m", ".go", ".o", ".a")
DEFAULT_CFLAGS = "-fPIC -O2 -g -Wall"


def server_cflags():
    """Flags that find <uwsgi.h>: the server's when it called us, else those of the source tree we are in, else pkg-config's."""
    given = os.environ.get("UWSGI_PLUGINS_BUILDER_CFLAGS")
    if given:
        return shlex.split(given)
    include = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel", "include")
    if os.path.exists(os.path.join(include, "uwsgi.h")):
        return shlex.split(DEFAULT_CFLAGS) + ["-I" + include]
    found = subprocess.run(["pkg-config", "--cflags", "uwsgi"], capture_output=True, text=True)
    if found.returncode:
        sys.exit("uwsgiconfig: no uwsgi.h beside this script, and pkg-config does not know uwsgi: install the headers")
    return shlex.split(DEFAULT_CFLAGS) + shlex.split(found.stdout)


def as_list(value):
    return shlex.split(value) if isinstance(value, str) else list(value)


def describe_file(path):
    """A plugin that is one source file."""
    name = os.path.basename(path).rsplit(".", 1)[0]
    if name.endswith("_plugin"):
        name = name[: -len("_plugin")]
    return {"NAME": name, "GCC_LIST": [os.path.abspath(path)]}


def describe_folder(path):
    """A plugin with an uwsgiplugin.py."""
    script = os.path.join(path, "uwsgiplugin.py")
    if not os.path.exists(script):
        sys.exit("uwsgiconfig: %s has no uwsgiplugin.py" % path)
    settings = {"__file__": script}
    before = os.getcwd()
    os.chdir(path)
    try:
        with open("uwsgiplugin.py") as f:
            exec(compile(f.read(), script, "exec"), settings)
    finally:
        os.chdir(before)
    if "NAME" not in settings:
        sys.exit("uwsgiconfig: %s sets no NAME" % script)
    sources = []
    for source in settings.get("GCC_LIST", []):
        if not source.endswith(SOURCE_ENDINGS):
            source += ".c"
        sources.append(os.path.join(os.path.abspath(path), source))
    settings["GCC_LIST"] = sources
    return settings


def build(path, new_name=None):
    """Compile and link; the path of the result."""
    if not os.path.exists(path):
        sys.exit("uwsgiconfig: %s does not exist" % path)
    plugin = describe_folder(path) if os.path.isdir(path) else describe_file(path)
    name = new_name or plugin["NAME"]
    output = name + "_plugin.so"
    cpp = any(s.endswith((".cc", ".cpp")) for s in plugin["GCC_LIST"])
    command = [os.environ.get("CC", "g++" if cpp else "gcc"), "-shared", "-o", output, "-I."] + server_cflags()
    if os.path.isdir(path):
        command.append("-I" + os.path.abspath(path))
    if name != plugin["NAME"]:
        command.append("-D%s_plugin=%s_plugin" % (plugin["NAME"], name))
    command += as_list(plugin.get("CFLAGS", [])) + shlex.split(os.environ.get("CFLAGS", ""))
    command += plugin["GCC_LIST"]
    command += as_list(plugin.get("LDFLAGS", [])) + shlex.split(os.environ.get("LDFLAGS", ""))
    command += as_list(plugin.get("LIBS", []))
    print(" ".join(shlex.quote(word) for word in command), flush=True)
    if subprocess.call(command):
        sys.exit("uwsgiconfig: %s was not built: the compiler said why" % output)
    if callable(plugin.get("post_build")):
        plugin["post_build"](None)
    print("*** %s plugin built and available in ./%s ***" % (name, output))
    return output


def main(argv):
    if len(argv) < 3 or argv[1] not in ("--plugin", "-p", "--extra-plugin", "-x"):
        sys.exit(__doc__.strip())
    words = argv[2].split() if argv[1] in ("--extra-plugin", "-x") else [argv[2]]
    rest = argv[3:]
    if argv[1] in ("--plugin", "-p"):
        new_name = rest[1] if len(rest) > 1 else None
    else:
        new_name = words[1] if len(words) > 1 else rest[0] if rest else None
    build(words[0], new_name)


if __name__ == "__main__":
    main(sys.argv)
