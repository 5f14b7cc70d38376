"""A module `uwsgi` for tests: import this before the program, and `import uwsgi` finds it.  Inside of the server, nothing happens.

Nothing runs by itself.  A task that is spooled waits in uwsgi.tasks for uwsgi.run_tasks().  A signal is handled where it is
raised, a message to a mule where it is sent.  Timers, crons and file monitors are noted in uwsgi.sources: raise their signal.
What else a program needs, a test sets: uwsgi.cache_get = lambda key: None.
"""
import os
import sys
import types


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


class Stub(types.ModuleType):
    SPOOL_OK, SPOOL_RETRY, SPOOL_IGNORE = -2, -1, 0

    def __init__(self):
        super().__init__("uwsgi", __doc__)
        self.opt, self.numproc, self.version = {}, 1, b"stub"
        self.tasks, self.signals, self.sources = [], {}, []
        self.spooler = self.mule_msg_hook = self.post_fork_hook = None

    # ---- tasks

    def spool(self, message_dict=None, **keys):
        task = {_bytes(key): _bytes(value) for key, value in {**(message_dict or {}), **keys}.items()}
        if b"body" in task:
            task["body"] = task.pop(b"body")
        self.tasks.append(task)
        return b"/spool/%d" % len(self.tasks)

    send_to_spooler = spool

    def run_tasks(self):
        """Run each task that waits, once; what is not done waits again, what is raised is the test's, and its task is gone."""
        for _ in range(len(self.tasks)):
            task = self.tasks.pop(0)
            if self.spooler({**task, "spooler_task_name": b"task"}) != self.SPOOL_OK:
                self.tasks.append(task)

    def i_am_the_spooler(self):
        return None

    # ---- signals and what raises them

    def register_signal(self, signum, target, function):
        self.signals[signum] = function

    def signal_registered(self, signum):
        return signum in self.signals or None

    def get_free_signal(self):
        return next(signum for signum in range(256) if signum not in self.signals)

    def signal(self, signum):
        if signum in self.signals:
            self.signals[signum](signum)
        return signum in self.signals

    def add_timer(self, *args):
        self.sources.append(("timer", *args))

    def add_rb_timer(self, *args):
        self.sources.append(("rb_timer", *args))

    def add_cron(self, *args):
        self.sources.append(("cron", *args))
        return True

    def add_file_monitor(self, *args):
        self.sources.append(("file_monitor", *args))

    # ---- mules

    def mule_msg(self, message, mule=0):
        if self.mule_msg_hook:
            self.mule_msg_hook(_bytes(message))
        return True

    def mule_id(self):
        return 0

    # ---- the server

    def masterpid(self):
        return os.getpid()

    def worker_id(self):
        return 1

    def log(self, message):
        print(message, file=sys.stderr)
        return True

    def lock(self, number=0):
        pass

    unlock = lock

    def set_user_harakiri(self, seconds):
        pass


sys.modules.setdefault("uwsgi", Stub())
