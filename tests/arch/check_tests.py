#!/usr/bin/env python3
"""Every file of the kernel has its unit test, tests/kernel/test_<file>.c, or a reason here why another test has it.

    check_tests.py ROOT"""

import pathlib
import sys

# What only a running server shows, and what is tested with the file it is a part of.
ELSEWHERE = {
    "main": "one call",
    "accepted": "a table of options without effect: tests/e2e/test_options.py",
    "accept": "needs a worker around it: tests/e2e",
    "answer": "part of input: test_input, tests/e2e/test_http.py",
    "crew": "orders, ends and hears of real processes: tests/e2e/test_robust.py, test_reload.py",
    "crew_death": "the end of real processes; what follows is test_proc_policy's",
    "crew_end": "signals to real processes, and the time they have: tests/e2e/test_faults.py",
    "command": "letters to a running master: tests/e2e/test_control.py",
    "control": "finds a running server: tests/e2e/test_control.py",
    "generation": "forks the zygote and talks to it: tests/e2e",
    "image": "starts the program again: tests/e2e/test_reload.py",
    "rehearsal": "starts the program to see whether it would start: tests/e2e/test_reload.py",
    "reload": "rehearsal, image and generation in order: tests/e2e/test_reload.py",
    "crew_signals": "the bus of each generation of a server: tests/e2e/test_signals.py",
    "connect": "needs somebody to connect to: tests/e2e/test_uwsgi_module.py",
    "signal_remote": "needs another server: tests/e2e/test_remote_signals.py",
    "signals": "handlers of an application: tests/e2e/test_signals.py",
    "stats": "numbers of a running master: tests/e2e/test_stats.py",
    "source_types": "part of sources: test_sources, tests/e2e/test_signals.py; test_cron, test_probe, test_watch_file",
    "api_signal": "rows about signals: tests/e2e/test_signals.py",
    "scale": "real workers, more and fewer: tests/e2e/test_scale.py; the decisions are test_cheaper's",
    "task": "ends the process: tests/e2e/test_mules.py, test_spooler.py",
    "takeover": "whose turn it is among real processes: tests/e2e/test_reload.py",
    "child": "the life of a forked process: tests/e2e",
    "log_target": "opens what a start asks for: tests/e2e/test_log_target.py",
    "master": "the life of the server: tests/e2e",
    "override": "the life of a worker of another kind: tests/e2e/test_override.py",
    "once": "a reload with other options: tests/e2e/test_reload.py",
    "attendant": "needs workers with long requests: tests/e2e/test_attendant.py, tests/threads",
    "parts": "the order of a start: tests/e2e",
    "plugin": "registers what files provide in a server: tests/abi, tests/e2e",
    "plugin_build": "runs a compiler: tests/e2e",
    "plugin_file": "loads files into a process: tests/abi",
    "plugin_life": "calls the plugins of a server: tests/e2e",
    "plugin_glue": "public names for what other files do: tests/e2e",
    "server": "the order of a start: tests/e2e",
    "settings": "the rows of the kernel's options: tests/e2e/test_config.py",
    "core": "the threads of a worker: tests/threads, tests/e2e",
    "worker": "the life of a worker: tests/e2e",
    "worker_end": "signals and time-outs of real workers: tests/e2e/test_robust.py, test_harakiri.py",
    "zygote": "forks on order: tests/e2e",
    "action_file": "part of action: test_action, tests/e2e/test_hooks.py",
    "action_mount": "part of action: test_action, tests/e2e/test_jail.py",
    "config_argv": "part of config: test_config",
    "config_collect": "part of config: test_config",
    "config_directive": "part of config: test_config",
    "config_file": "part of config: test_config",
    "config_logic": "part of config: test_config",
    "config_print": "part of config: test_config",
    "config_text": "part of config: test_config_ini, test_config_expand",
    "api_docs": "the pages of a server's rows: tests/e2e",
    "api_lock": "rows about locks of all processes: tests/e2e/test_locks.py",
    "api_option": "one option: tests/e2e",
    "api_request": "rows about a request: tests/e2e/test_uwsgi_module.py",
    "api_server": "rows about the server: tests/e2e/test_uwsgi_module.py",
    "api_socket": "rows about descriptors: tests/e2e/test_uwsgi_module.py",
}


def check(root):
    files = {p.stem for p in root.glob("kernel/*.c")}
    tested = {p.stem.removeprefix("test_") for p in root.glob("tests/kernel/test_*.c")}
    meson = (root / "tests/meson.build").read_text()
    for name in sorted(files - tested - set(ELSEWHERE)):
        yield f"kernel/{name}.c:1: has no tests/kernel/test_{name}.c"
    for name in sorted(set(ELSEWHERE) - files):
        yield f"tests/arch/check_tests.py:1: there is no kernel/{name}.c any more"
    for name in sorted(set(ELSEWHERE) & tested):
        yield f"tests/arch/check_tests.py:1: {name} has a test now"
    for name in sorted(tested):
        if f"'{name}'" not in meson:
            yield f"tests/kernel/test_{name}.c:1: is not built by tests/meson.build"


def main():
    broken = list(check(pathlib.Path(sys.argv[1])))
    print("\n".join(broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
