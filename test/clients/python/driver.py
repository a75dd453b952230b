"""What the drivers of the Python clients share: commands from standard input, answers and events to standard output.

The commands are described in driver.ts. A driver is an object with a method for each; every command runs in a thread of
its own, so that a client's calls may block.
"""

import json
import logging
import os
import sys
import threading
import traceback

_output = threading.Lock()


def say(line):
    with _output:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def tell_assigned(member, partitions):
    say({"event": "assigned", "member": member, "partitions": sorted(partitions)})


def tell_consumed(member, count):
    say({"event": "consumed", "member": member, "count": count})


def tell_acked(stream, count):
    say({"event": "acked", "stream": stream, "count": count})


def encode(text):
    return None if text is None else text.encode()


def decode(data):
    return None if data is None else data.decode()


def headers_to_send(headers):
    return [(name, value.encode()) for name, value in headers]


def record(partition, offset, key, value, headers):
    """A record as the harness expects it."""
    pairs = [[name, decode(data)] for name, data in headers or []]
    return [partition, offset, decode(key), decode(value), pairs]


class Taking:
    """Collects records to a count or to the first of a value."""

    def __init__(self, count=None, until=None):
        self.records = []
        self.next_offsets = {}
        self._count = count
        self._until = until

    @property
    def done(self):
        if not self.records:
            return False
        return len(self.records) == self._count or (
            self._until is not None and self.records[-1][3] == self._until
        )

    def take(self, taken):
        """Takes a record, unless there are enough."""
        if self.done:
            return
        self.records.append(taken)
        self.next_offsets[taken[0]] = taken[1] + 1


class Ear(logging.Handler):
    """Hears what a logger warns of, as long as it is entered."""

    def __init__(self, name, hear):
        super().__init__(logging.WARNING)
        self._logger = logging.getLogger(name)
        self._hear = hear

    def emit(self, line):
        self._hear(line.getMessage())

    def __enter__(self):
        self._logger.addHandler(self)

    def __exit__(self, *_):
        self._logger.removeHandler(self)


class Stream:
    """A stream's state: what was sent, acknowledged and failed; tells every acknowledgement but not each one."""

    def __init__(self, name, pause_ms=0):
        self.told_by = 5 if pause_ms > 0 else 100
        self.stopped = False
        self.sent = 0
        self.acked = 0
        self.failed = []
        self.name = name

    def room(self):
        return self.sent - self.acked - len(self.failed) < 500

    def delivered(self):
        self.acked += 1
        if self.acked % self.told_by == 0:
            tell_acked(self.name, self.acked)

    def result(self):
        return {"sent": self.sent, "failed": self.failed}


def _run(driver, command):
    number = command.pop("id")
    name = command.pop("do")
    try:
        say({"id": number, **(getattr(driver, name)(**command) or {})})
    except BaseException as error:
        traceback.print_exc()
        say({"id": number, "error": f"{type(error).__name__}: {error}"})


def serve(driver):
    """Serves commands until standard input ends; then the process ends at once."""
    for line in sys.stdin:
        threading.Thread(target=_run, args=(driver, json.loads(line)), daemon=True).start()
    os._exit(0)


bootstrap = sys.argv[-1]
