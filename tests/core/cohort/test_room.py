"""A scan is read ahead only where there is memory for it."""

import threading

from medseg.cohort.workers.room import Room
from medseg.core.memory import most_used_bytes


class Machine:
    """Memory as a test says."""

    def __init__(self, free, used):
        self.free, self.used = free, used

    def room(self):
        return Room(lambda: self.free, lambda: self.used)


def entered(room):
    """A thread that tries to enter, and whether it has, once asked."""
    thread = threading.Thread(target=room.enter, daemon=True)
    thread.start()
    return thread


def test_the_first_scan_is_read_however_little_memory_there_is():
    machine = Machine(free=0, used=100)
    machine.room().enter()


def test_a_second_one_is_read_where_it_fits():
    machine = Machine(free=50, used=100)
    room = machine.room()
    room.enter()
    machine.used = 149

    room.enter()


def test_a_second_one_waits_for_the_first_where_it_does_not_fit():
    machine = Machine(free=50, used=100)
    room = machine.room()
    room.enter()
    machine.used = 150

    waiting = entered(room)
    waiting.join(0.3)
    assert waiting.is_alive()
    room.leave()
    waiting.join(60)
    assert not waiting.is_alive()


def test_where_memory_is_not_known_nothing_waits():
    machine = Machine(free=None, used=100)
    room = machine.room()
    room.enter()
    machine.used = 10**12

    room.enter()


def test_the_most_a_process_has_used_is_what_the_system_says(tmp_path):
    table = tmp_path / "proc/self/status"
    table.parent.mkdir(parents=True)
    table.write_text("Name:\tpython\nVmHWM:\t  1234 kB\nVmRSS:\t 1000 kB\n")

    assert most_used_bytes(tmp_path) == 1234 * 1024
    assert most_used_bytes(tmp_path / "elsewhere") == 0
