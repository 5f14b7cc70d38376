"""What the site does behind its requests."""
from collections import Counter
import pathlib
import time

import uwsgi
from uwsgidecorators import cron, mulefunc, spool, timer

SENT = pathlib.Path(__file__).with_name("sent.txt")  # a task runs in the directory of its spooler
visits = Counter()  # of the mule


@spool
def send_letter(letter):
    """Runs in the spooler. A letter that was accepted is sent, whatever is killed or restarted in between."""
    time.sleep(1)  # a slow mail server
    with SENT.open("a") as sent:
        print("%s: %s" % (letter["to"], letter["text"]), file=sent)


@mulefunc
def count_visit(path):
    """Runs in the mule, which alone knows the counts."""
    visits[path] += 1


@timer(10, target="mule1")
def tell_visits(signal):
    print("visits:", dict(visits))


@cron(0, 3, -1, -1, -1)
def forget_sent_letters(signal):
    """Each night at 3:00, in the first worker that is free."""
    SENT.unlink(missing_ok=True)
    uwsgi.log("the letters of yesterday are forgotten")
