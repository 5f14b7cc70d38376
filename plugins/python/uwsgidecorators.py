"""Decorators over the module uwsgi; docs/decorators.md says what each does, and where.

A decorator whose part of the server is not configured says so once, in the log, and leaves the function as it is: a module
of tasks can be imported by servers with and without a spooler or mules.  One whose plugin is not loaded raises.
"""
from functools import partial, update_wrapper, wraps
import os
import pickle
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


def get_free_signal():
    """A number that is no signal yet, and from now on this process's."""
    return uwsgi.get_free_signal()


def _name_in(functions, function, default):
    """The name under which a function is found again: its own, as uWSGI 2.0 writes it, unless another module's has it."""
    name = getattr(function, "__name__", default)
    module = getattr(function, "__module__", None)
    known = functions.get(name)
    if known is not None and getattr(known, "__module__", None) != module:
        return "%s.%s" % (module, name)
    return name


class _wrapper:
    """What stands in the place of a decorated function, which is its `f`."""

    __name__: str

    def __init__(self, f):
        update_wrapper(self, f, updated=())
        self.f = f


# ---- after the fork


def postfork_chain_hook():
    """Run every entry, in the order of registration; one that fails does not stop the others."""
    for function in postfork_chain:
        try:
            function()
        except Exception:
            traceback.print_exc()


class postfork(_wrapper):
    """@postfork: in every process that is forked.  @postfork(N): only in worker N."""

    def __new__(cls, f, wid=0):
        return super().__new__(cls) if callable(f) else partial(cls, wid=f)

    def __init__(self, f, wid=0):
        super().__init__(f)
        self.wid = wid
        postfork_chain.append(self)

    def __call__(self, *args, **kwargs):
        if self.wid and self.wid != uwsgi.worker_id():
            return None
        return self.f(*args, **kwargs)


uwsgi.post_fork_hook = postfork_chain_hook


class thread(_wrapper):
    """@thread: a call runs the function in a daemon thread, and returns the function."""

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
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def manage_spool_request(request):
    """The handler of all tasks: finds the function of this one, and answers for it."""
    task = {_text(key): value for key, value in request.items()}
    function = spooler_functions[_text(task["ud_spool_func"])]
    if "args" in task and function not in _plain:
        answer = function(*pickle.loads(task["args"]), **pickle.loads(task["kwargs"]))
    else:
        answer = function({key: _text(value) for key, value in task.items()})
    if type(answer).__name__ in ("coroutine", "generator"):
        raise TypeError("nothing of the task %s was done: a %s does not run by itself"
                        % (_text(task["ud_spool_func"]), type(answer).__name__))
    return int(task.get("ud_spool_ret", answer))


class _spoolraw(_wrapper):
    """@spoolraw: what the function returns says what becomes of its task."""

    answer: int | None = None  # given in the place of what the function returns

    def __init__(self, f, pass_arguments=False):
        if isinstance(f, lock):
            raise TypeError("%s: a spooler calls no function of @lock: take the lock inside" % f.__name__)
        super().__init__(f)
        self.pass_arguments = pass_arguments
        self.base_dict = {"ud_spool_func": _name_in(spooler_functions, f, "spool")}
        spooler_functions[self.base_dict["ud_spool_func"]] = f
        if not pass_arguments:
            _plain.add(f)
        try:
            f.spool = self.__call__
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
        own = dict(self.base_dict)
        if self.answer is not None:
            own["ud_spool_ret"] = self.answer
        return uwsgi.spool({_bytes(key): _bytes(value) for key, value in {**own, **task, **own}.items()})


class _spool(_spoolraw):
    """@spool: the function is called in a spooler, later; it is done when it returns."""

    answer = uwsgi.SPOOL_OK


class _spoolforever(_spoolraw):
    """@spoolforever: the same, again and again."""

    answer = uwsgi.SPOOL_RETRY


_plain: set = set()  # functions to which `args` is a key like others, and no pickle


def spool_decorate(f=None, pass_arguments=False, _class=_spoolraw):
    if f is None:
        return partial(spool_decorate, pass_arguments=pass_arguments, _class=_class)
    if not hasattr(uwsgi, "spool"):
        return _missing(_class.__name__.lstrip("_"), "spooler", f)
    return _class(f, pass_arguments)


spool = partial(spool_decorate, _class=_spool)
spoolforever = partial(spool_decorate, _class=_spoolforever)
spoolraw = partial(spool_decorate, _class=_spoolraw)
uwsgi.spooler = manage_spool_request


# ---- signals


class signal:
    """@signal(num): the function is called with the number when that signal is raised."""

    adds: str | None = None  # the function of uwsgi that makes something raise it, given the number and when()

    def __init__(self, num, target="", **unused):
        if callable(num):  # "@signal" is given the function alone
            raise TypeError("@%s needs its arguments in parentheses" % type(self).__name__)
        self.num = num
        self.target = target

    def when(self):
        return ()

    def __call__(self, f):
        number = get_free_signal() if self.num is None else self.num
        uwsgi.register_signal(number, self.target, f)
        if self.adds:
            getattr(uwsgi, self.adds)(number, *self.when())
        return f


class timer(signal):
    """@timer(secs): ... every so many seconds."""

    adds = "add_timer"

    def __init__(self, secs, signum=None, **options):
        super().__init__(secs, **options)
        self.num = signum
        self.secs = secs

    def when(self):
        return (self.secs,)


class rbtimer(timer):
    """@rbtimer(secs): the same."""

    adds = "add_rb_timer"


class cron(signal):
    """@cron(minute, hour, day, month, dayweek): ... at these times; -1 is any, -5 each fifth."""

    adds = "add_cron"

    def __init__(self, minute, hour, day, month, dayweek, signum=None, **options):
        super().__init__(signum, **options)
        self.minute, self.hour, self.day, self.month, self.dayweek = minute, hour, day, month, dayweek

    def when(self):
        return self.minute, self.hour, self.day, self.month, self.dayweek


class filemon(signal):
    """@filemon(fsobj): ... when that file, or something in that directory, changes."""

    adds = "add_file_monitor"

    def __init__(self, fsobj, signum=None, **options):
        super().__init__(fsobj, **options)
        self.num = signum
        self.fsobj = fsobj

    def when(self):
        return (self.fsobj,)


# ---- the rest, each with the part of the server it needs


def _exporting_decorator(plugin, register):
    """@plugin('name'): the function can be called by others under that name, when the server has uwsgi.`register`."""

    def decorator(name):
        if not hasattr(uwsgi, register):
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


class lock(_wrapper):
    """@lock: the calls of all processes run one after the other."""

    def __call__(self, *args, **kwargs):
        if uwsgi.i_am_the_spooler():
            return None
        uwsgi.lock()
        try:
            return self.f(*args, **kwargs)
        finally:
            uwsgi.unlock()


# ---- mules


class mulefunc(_wrapper):
    """@mulefunc: a call runs in the first free mule.  @mulefunc(3): in that mule.  @mulefunc('farm'): in one of that farm."""

    def __new__(cls, f, mule=0):
        return super().__new__(cls) if callable(f) else partial(cls, mule=f)

    def __init__(self, f, mule=0):
        super().__init__(f)
        self.mule = mule
        self.fname = _name_in(mule_functions, f, "mulefunc")
        mule_functions[self.fname] = f

    def real_call(self, *args, **kwargs):
        message = pickle.dumps({"service": "uwsgi_mulefunc", "func": self.fname, "args": args, "kwargs": kwargs})
        if not uwsgi.mule_msg(message, self.mule):
            raise Exception("%s was not sent to a mule: its queue is full" % self.fname)

    __call__ = real_call


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


# ---- programs of mules


def _die(function, *args):
    """A mule whose program raises is started again, whatever it raises."""
    try:
        function(*args)
    except SystemExit:
        os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


class mule_brain:
    """The program of a mule: a function that is called once.  A call does nothing in other processes."""

    def __init__(self, f, num):
        self.f = f
        self.num = num

    def is_mine(self):
        return uwsgi.mule_id() == self.num

    def live(self):
        _die(self.f)

    def __call__(self):
        if self.is_mine():
            self.live()


class mule_brainloop(mule_brain):
    """... again and again."""

    def live(self):
        while True:
            _die(self.f)


class mulemsg_loop(mule_brain):
    """... with each message."""

    def receive(self):
        return uwsgi.mule_get_msg(signals=False)

    def live(self):
        while True:
            message = self.receive()
            if message:
                _die(self.f, message)


class farm_loop(mulemsg_loop):
    """... with each message for a farm, in all its mules."""

    def __init__(self, f, farm):
        self.f = f
        self.farm = farm

    def is_mine(self):
        return uwsgi.in_farm(self.farm)

    def receive(self):
        return uwsgi.farm_get_msg()


mule_programs: list = []


def mule_program_hook(run):
    """Is there a program for this mule?  With `run`, run it."""
    for program in mule_programs:
        if program.is_mine():
            if run:
                program.live()
            return True
    return False


uwsgi.mule_program_hook = mule_program_hook


class mule:
    """@mule(num): the function is the program of that mule."""

    program = mule_brain

    def __init__(self, num):
        self.num = num

    def __call__(self, f):
        if not hasattr(uwsgi, "mules"):
            return _missing(type(self).__name__, "mule", f)
        mule_programs.append(self.program(f, self.num))
        return f


class muleloop(mule):
    program = mule_brainloop


class mulemsg(mule):
    program = mulemsg_loop


class farm(mule):
    """@farm(name): ... of the mules of that farm."""

    program = farm_loop

    def __init__(self, name=None, **unused):
        super().__init__(name)
        self.name = name
