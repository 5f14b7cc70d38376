#!/usr/bin/env python3
"""Who may know whom: the rules that keep the kernel a microkernel, checked on the text of the sources.

    check_layers.py ROOT

The layers are those of kernel/meson.build: each comment "# N name" there begins the files of layer N.  Every broken rule
is a line "file:line: what is wrong", and the exit status 1."""

import pathlib
import re
import sys

# Headers that describe several files: their layer is that of the files they are for.
SHARED_HEADERS = {"util": 0, "config_parts": 1, "action_parts": 2, "source_parts": 4, "logline": 3, "serve": 3, "kernel": 4}

# What uWSGI 2.0 has as a plugin, whether or not this tree has a folder for it.  Words that mean something else in any
# server (signal, http, router, queue) are plugins' business only as folders.
SUBSYSTEMS = """asyncio cache carbon cgi coroae corerouter dumbloop emperor erlang fastrouter fiber geoip gevent
glusterfs greenlet gridfs jvm legion lua mono mule perl php psgi pypy python rack rados rawrouter rpc rrdtool ruby
sharedarea snmp spooler sslrouter stackless symcall tornado websocket xslt""".split()

# (file, word): the word is not the plugin there.
OTHER_MEANINGS = {
    ("kernel/api_docs.c", "json"): "a format of --api",
    ("kernel/api_option.c", "json"): "a format of --api",
    ("kernel/plugin_build.c", "python"): "the interpreter of the build script",
    ("kernel/server.c", "daemon"): "a process without a terminal",
}
# Names that contain a plugin's, and are the protocol's or a promise of the public headers.
OTHER_NAMES = re.compile(r"\bhttp_version")

LOADERS = re.compile(r"\b(dlopen|dlmopen|dlsym|dlvsym)\s*\(")
MAY_LOAD = ("kernel/plugin_file.c", "kernel/action.c", "plugins/python/")  # an action calls what is there; python promotes its library


def code(text):
    """The text with comments blanked and line numbers kept."""
    pattern = r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m.group() if m.group()[0] == '"' else re.sub(r"[^\n]", " ", m.group()), text,
                  flags=re.S)


def read_layers(meson):
    """The layer of each kernel file, by stem."""
    layers, layer = dict(SHARED_HEADERS), None
    for line in meson.read_text().splitlines():
        begins = re.match(r"\s*# (\d) \w+", line)
        if begins:
            layer = int(begins[1])
        elif line.strip() == ")":
            layer = None
        elif layer is not None:
            layers |= {stem: layer for stem in re.findall(r"'(\w+)\.c'", line)}
    return layers


def includes(line):
    found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
    return (found[1], found[2]) if found else (None, None)


def check_names(name, line, plugins):
    for word in plugins:
        if (name, word) not in OTHER_MEANINGS and re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", OTHER_NAMES.sub("", line)):
            yield f"the kernel names the plugin '{word}'"


def check_kernel(name, line, layers, plugins):
    stem = pathlib.PurePath(name).stem
    how, what = includes(line)
    yield from check_names(name, line, plugins)
    if what and what.startswith("uwsgi/iface/"):
        yield f"the kernel reads a contract of plugins, <{what}>"
    if re.match(r"\s*extern\b(?!.*\bconst\b)(?![^;]*\()", line) and "extern \"C\"" not in line:
        yield "an extern variable"
    if "/include/" in name:
        if how == '"':
            yield f'a public header includes "{what}"'
        return
    if stem not in layers and stem != "main":
        yield "no layer in kernel/meson.build"
    elif how == '"':
        included = pathlib.PurePath(what).stem
        mine = layers.get(stem, 99)
        if layers.get(included, -1) > mine:
            yield f'layer {mine} includes "{what}" of layer {layers[included]}'
        if "/" in what:
            yield f'"{what}" is not a file of the kernel\'s folder'


def check_plugin(folder, line):
    how, what = includes(line)
    if how == '"' and not (folder / what).is_file():
        yield f'"{what}" is not a file of its own folder'
    elif what and ".." in pathlib.PurePath(what).parts or how == '"' and "/" in what:
        yield f'a plugin reaches out of its folder, "{what}"'


def check(root):
    plugins = sorted({p.name for p in (root / "plugins").iterdir() if p.is_dir()} | set(SUBSYSTEMS))
    layers = read_layers(root / "kernel/meson.build")
    for path in sorted([*root.glob("kernel/**/*.[ch]"), *root.glob("plugins/*/**/*.[ch]")]):
        name = str(path.relative_to(root))
        unplaced = False
        for number, line in enumerate(code(path.read_text()).splitlines(), 1):
            found = []
            if name.startswith("plugins/"):
                found += check_plugin(path.parent, line)
            elif "/iface/" not in name:
                found += check_kernel(name, line, layers, plugins)
            if LOADERS.search(line) and not name.startswith(MAY_LOAD):
                found.append("only the plugin loader loads code")
            for what in found:
                if what.startswith("no layer") and unplaced:
                    continue
                unplaced |= what.startswith("no layer")
                yield f"{name}:{number}: {what}"


def main():
    broken = list(check(pathlib.Path(sys.argv[1])))
    print("\n".join(broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
