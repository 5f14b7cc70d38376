"""Decorators over the module uwsgi; docs/decorators.md says what each does, and where.

A decorator whose part of the server is not configured says so once, in the log, and leaves the function as it is: a module
of tasks can be imported by servers with and without a spooler or mules.  One whose plugin is not loaded raises.
"""
from functools import partial, wraps
import os
import pickle
import sys
from threading import Thread
import traceback

import uwsgi

if uwsgi.masterpid() == 0:
    raise Exception("you have to enable the uWSGI master process to use this module")

spooler_functions: dict = {}
mule_functions: dict = {}
postfork_chain: list = []


# ---- parts of the server that may not be there


def _missing(decorator, part, function):
    name = getattr(function, "__name__", repr(function))
    uwsgi.log("uwsgidecorators: %s needs the %s subsystem, which is not loaded: %s will not run"
              % (decorator, part, name))
    return function


def _has(*functions):
    return all(hasattr(uwsgi, name) for name in functions)


def get_free_signal():
    if not _has("get_free_signal"):
        raise Exception("get_free_signal needs the signal subsystem, which is not loaded")
    return uwsgi.get_free_signal()


def _name_in(functions, function, default):
    """The name under which a function is found again: its own, as uWSGI 2.0 writes it, unless another module's has it."""
    name = getattr(function, "__name__", default)
    module = getattr(function, "__module__", None)
    known = functions.get(name)
    if known is not None and getattr(known, "__module__", None) != module:
        return "%s.%s" % (module, name)
    return name


# ---- after the fork


def postfork_chain_hook():
    """Run every entry, in the order of registration; one that fails does not stop the others."""
    for function in postfork_chain:
        try:
            function()
        except Exception:
            traceback.print_exc()


class postfork:
    """@postfork: in every process that is forked.  @postfork(N): only in worker N."""

    def __new__(cls, function_or_worker):
        if callable(function_or_worker):
            self = super().__new__(cls)
            self._set(function_or_worker, 0)
            return self

        def decorate(function):
            self = super(postfork, cls).__new__(cls)
            self._set(function, function_or_worker)
            return self

        return decorate

    def _set(self, function, worker):
        self.f = function
        self.wid = worker
        self.__name__ = getattr(function, "__name__", "postfork")
        self.__doc__ = getattr(function, "__doc__", None)
        postfork_chain.append(self)

    def __call__(self, *args, **kwargs):
        if self.wid and self.wid != uwsgi.worker_id():
            return None
        return self.f(*args, **kwargs)


uwsgi.post_fork_hook = postfork_chain_hook


class thread:
    """@thread: a call runs the function in a daemon thread, and returns the function."""

    def __init__(self, function):
        self.f = function
        self.__name__ = getattr(function, "__name__", "thread")
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args, **kwargs):
        Thread(target=self.f, args=args, kwargs=kwargs, daemon=True).start()
        return self.f


# ---- tasks of the spooler


def _bytes(value):
    """A key or value of a task: numbers become text, None is for uwsgi.spool to judge."""
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def _text(value):
    """What a task is called with: text where it is some, else the bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def manage_spool_request(task):
    """The handler of all tasks: finds the function of this one, and answers for it."""
    function = spooler_functions[task[b"ud_spool_func"].decode()]
    if b"args" in task and function in _pickled:
        answer = function(*pickle.loads(task[b"args"]), **pickle.loads(task[b"kwargs"]))
    else:
        answer = function({_text(key) if isinstance(key, bytes) else key: _text(value) for key, value in task.items()})
    return int(task.get(b"ud_spool_ret", answer))


class _spool:
    """@spool: the function is called in a spooler, later; it is done when it returns."""

    result: int | None = uwsgi.SPOOL_OK

    def __new__(cls, function=None, pass_arguments=False):
        if function is None:
            return partial(cls, pass_arguments=pass_arguments)
        if not _has("spool"):
            return _missing(cls.__name__.lstrip("_"), "spooler", function)
        return super().__new__(cls)

    def __init__(self, function=None, pass_arguments=False):
        self.f = function
        self.pass_arguments = pass_arguments
        self.__name__ = getattr(function, "__name__", "spool")
        self.__doc__ = getattr(function, "__doc__", None)
        self.name = _name_in(spooler_functions, function, "spool")
        spooler_functions[self.name] = function
        if pass_arguments:
            _pickled.add(function)
        try:
            function.spool = self.__call__
        except AttributeError:
            pass  # not a function of Python

    def spool(self, *args, **kwargs):
        return self(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        """Queue a call, and return the path of its task."""
        if self.pass_arguments:
            task = dict(kwargs.pop("message_dict", None) or {})
            task.update((key, kwargs.pop(key)) for key in ("spooler", "priority", "at", "body") if key in kwargs)
            task.update(args=pickle.dumps(args), kwargs=pickle.dumps(kwargs))
        else:
            task = dict(args[0]) if args else {}
            task.update(kwargs)
        task["ud_spool_func"] = self.name
        if self.result is not None:
            task["ud_spool_ret"] = self.result
        return uwsgi.spool({_bytes(key): _bytes(value) for key, value in task.items()})


class _spoolforever(_spool):
    """@spoolforever: the same, again and again."""

    result = uwsgi.SPOOL_RETRY


class _spoolraw(_spool):
    """@spoolraw: what the function returns says what becomes of its task."""

    result = None


_pickled: set = set()  # functions whose tasks carry pickled arguments
spool, spoolforever, spoolraw = _spool, _spoolforever, _spoolraw
uwsgi.spooler = manage_spool_request


# ---- signals


def _signal_decorator(name, needs, start):
    """A decorator of `name`: registers a signal, then start(number, args) makes something raise it."""

    def decorator(*args, target="", signum=None, **unused):
        given = 0 if args and callable(args[0]) else len(args)  # "@timer" is given the function alone
        if given != needs[0]:
            raise TypeError("%s takes %d positional argument%s (%d given)"
                            % (name, needs[0], "" if needs[0] == 1 else "s", given))

        def decorate(function):
            if not _has("register_signal", "get_free_signal", *needs[1:]):
                return _missing(name, "signal", function)
            number = get_free_signal() if signum is None else signum
            uwsgi.register_signal(number, target, function)
            start(number, args)
            return function

        return decorate

    decorator.__name__ = name
    return decorator


timer = _signal_decorator("timer", (1, "add_timer"), lambda number, args: uwsgi.add_timer(number, *args))
rbtimer = _signal_decorator("rbtimer", (1, "add_rb_timer"), lambda number, args: uwsgi.add_rb_timer(number, *args))
cron = _signal_decorator("cron", (5, "add_cron"), lambda number, args: uwsgi.add_cron(number, *args))
filemon = _signal_decorator("filemon", (1, "add_file_monitor"),
                            lambda number, args: uwsgi.add_file_monitor(number, *args))


def signal(signum, target="", **unused):
    if callable(signum):
        raise TypeError("signal takes a number: @signal(17)")

    def decorate(function):
        if not _has("register_signal"):
            return _missing("signal", "signal", function)
        uwsgi.register_signal(signum, target, function)
        return function

    return decorate


# ---- the rest, each with the part of the server it needs


def _exporting_decorator(plugin, register):
    """@plugin('name'): the function can be called by others under that name, when the server has uwsgi.`register`."""

    def decorator(name):
        if not _has(register):
            raise Exception("@%s('%s') needs the plugin %s, which is not loaded: plugin = %s" % (plugin, name, plugin, plugin))

        def decorate(function):
            getattr(uwsgi, register)(name, function)
            return function

        return decorate

    decorator.__name__ = plugin
    return decorator


rpc = _exporting_decorator("rpc", "register_rpc")
erlang = _exporting_decorator("erlang", "erlang_register_process")


def harakiri(seconds):
    """@harakiri(seconds): a request whose call of the function takes longer is late, whatever `harakiri` says."""

    def decorate(function):
        @wraps(function)
        def limited(*args, **kwargs):
            uwsgi.set_user_harakiri(seconds)
            try:
                return function(*args, **kwargs)
            finally:
                uwsgi.set_user_harakiri(0)

        return limited

    return decorate


class lock:
    """@lock: the calls of all processes run one after the other."""

    def __init__(self, function):
        self.f = _missing("lock", "lock", function) if not _has("lock", "unlock") else function
        self.__name__ = getattr(function, "__name__", "lock")
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args, **kwargs):
        if not _has("lock", "unlock"):
            return self.f(*args, **kwargs)
        if getattr(uwsgi, "i_am_the_spooler", bool)():
            return None
        uwsgi.lock()
        try:
            return self.f(*args, **kwargs)
        finally:
            uwsgi.unlock()


# ---- mules


class mulefunc:
    """@mulefunc: a call runs in the first free mule.  @mulefunc(3): in that mule.  @mulefunc('farm'): in one of that farm."""

    def __new__(cls, target):
        if callable(target):
            self = super().__new__(cls)
            self._set(target, 0)
            return self

        def decorate(function):
            self = super(mulefunc, cls).__new__(cls)
            self._set(function, target)
            return self

        return decorate

    def _set(self, function, target):
        self.f = function
        self.mule = target
        self.fname = _name_in(mule_functions, function, "mulefunc")
        self.__name__ = getattr(function, "__name__", "mulefunc")
        self.__doc__ = getattr(function, "__doc__", None)
        mule_functions[self.fname] = function

    def __call__(self, *args, **kwargs):
        if not _has("mule_msg"):
            raise Exception("@mulefunc needs the mule plugin, which is not loaded: configure a mule")
        message = pickle.dumps({"service": "uwsgi_mulefunc", "func": self.fname, "args": args, "kwargs": kwargs})
        if not uwsgi.mule_msg(message, self.mule):
            raise Exception("%s was not sent to a mule: its queue is full" % self.fname)


def mule_msg_dispatcher(message):
    """Run what a mulefunc has sent; other messages are left alone."""
    try:
        call = pickle.loads(message)
        is_call = call["service"] == "uwsgi_mulefunc"
    except Exception:
        is_call = False
    if not is_call:
        uwsgi.log("uwsgidecorators: a message of %d bytes is no call of a mulefunc" % len(message))
        return None
    return mule_functions[call["func"]](*call["args"], **call["kwargs"])


uwsgi.mule_msg_hook = mule_msg_dispatcher


mule_programs: list = []


def mule_program_hook(run):
    """Is there a program for this mule?  With `run`, run it."""
    for is_mine, life in mule_programs:
        if is_mine():
            if run:
                life()
            return True
    return False


uwsgi.mule_program_hook = mule_program_hook


def _die(function, *args):
    """A mule whose program failed is started again."""
    try:
        function(*args)
    except Exception:
        traceback.print_exc()
        os._exit(1)


def _mule_program(name, is_mine, life):
    """A decorator of a mule's number or a farm's name: the function becomes the program of those mules."""

    def decorator(who):
        def decorate(function):
            if not _has("mule_id"):
                return _missing(name, "mule", function)
            mule_programs.append((lambda: is_mine(who), lambda: life(function)))
            return function

        return decorate

    decorator.__name__ = name
    return decorator


def _for_ever(function):
    while True:
        _die(function)


def _for_each(receive):
    def life(function):
        while True:
            message = receive()
            if message:
                _die(function, message)

    return life


def _is_mule(number):
    return uwsgi.mule_id() == number


mule = _mule_program("mule", _is_mule, _die)
muleloop = _mule_program("muleloop", _is_mule, _for_ever)
mulemsg = _mule_program("mulemsg", _is_mule, _for_each(lambda: uwsgi.mule_get_msg(signals=False)))
farm = _mule_program("farm", lambda name: uwsgi.in_farm(name), _for_each(lambda: uwsgi.farm_get_msg()))
