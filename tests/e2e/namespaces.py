"""Hosts that have process IDs and a network of their own; their only way out are sockets of the test."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

from support import end_process, wait_until
from tcp_server import Listener

ENTER = ["unshare", "-m", "-p", "-f", "-n", "--mount-proc", "--kill-child"]
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def has_namespaces():
    return shutil.which("unshare") and subprocess.run([*ENTER, "true"], capture_output=True, check=False).returncode == 0


def below(pid):
    """All processes that it has started, and those that they have."""
    pids = [pid]
    for one in pids:
        with contextlib.suppress(OSError), open(f"/proc/{one}/task/{one}/children", encoding="ascii") as file:
            pids += [int(child) for child in file.read().split()]
    return pids[1:]


def signal_all(process, number):
    for pid in below(process.pid):
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def end_host(process):
    """The first process in there too: one that has become another user does not end with its parent, and would keep open
    what the test reads."""
    signal_all(process, signal.SIGKILL)
    end_process(process)


class Relay:
    """Passes on to a socket of this host what comes to one of that host's. Between `cut` and `mend` all is lost, and
    nobody is told; then such connections end."""

    def __init__(self, path):
        self.path = path
        self.is_cut = False
        self.mended = threading.Event()

    def cut(self):
        self.mended.clear()
        self.is_cut = True

    def mend(self):
        self.is_cut = False
        self.mended.set()

    def serve(self, connection):
        with socket.socket(socket.AF_UNIX) as target:
            if self.is_cut:
                self.mended.wait()
                return
            target.connect(self.path)
            back = threading.Thread(target=self.pass_on, args=(target, connection), daemon=True)
            back.start()
            self.pass_on(connection, target)
            back.join()

    def pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.is_cut:
                    self.mended.wait()
                    break
                target.sendall(data)
        if self.is_cut:  # an end is not heard of, either
            self.mended.wait()
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Away(Listener):
    """Listens in the network of another host."""

    def __init__(self, host, port, serve):
        self.serve = serve
        self.socket = host.inside(lambda: socket.create_server(("127.0.0.1", port), backlog=128))
        threading.Thread(target=self.accept, daemon=True).start()


class Host:
    """One of them. When its first process, a shell, is killed, all of it is."""

    def __init__(self, case):
        self.case = case
        self.started = 0
        self.shell = subprocess.Popen([*ENTER, "sh"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=case.folder,
                                      stderr=subprocess.DEVNULL, env=case.env)
        case.addCleanup(end_process, self.shell)
        wait_until(lambda: below(self.shell.pid), 30)
        self.network = os.open(f"/proc/{below(self.shell.pid)[0]}/ns/net", os.O_RDONLY)
        case.addCleanup(os.close, self.network)
        self.control = self.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        case.addCleanup(self.control.close)
        self.plug(True)

    def inside(self, make):
        """What `make` makes while its thread is in the host's network."""
        made = []

        def go():
            if LIBC.setns(self.network, CLONE_NEWNET) == 0:
                made.append(make())

        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        return made[0]

    def listen(self, port, serve):
        self.case.addCleanup(Away(self, port, serve).stop)

    def plug(self, up):
        """Its cable. What is sent while it is pulled goes nowhere, and nobody is told."""
        fcntl.ioctl(self.control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP if up else 0))

    def start(self, *words):
        """A process there; `Started` tells of it."""
        self.started += 1
        place = f"{self.case.folder}/started-{id(self)}-{self.started}"
        command = " ".join(f"'{word}'" for word in words)
        self.shell.stdin.write(f"({command} >{place}.out 2>{place}.err; echo $? >{place}.new; mv {place}.new {place}) "
                               "</dev/null &\n".encode())
        self.shell.stdin.flush()
        return Started(place)

    def kill(self):
        signal_all(self.shell, signal.SIGKILL)
        self.shell.wait(60)


class Started:
    def __init__(self, place):
        self.place = place

    def text(self, end):
        with open(self.place + end, encoding="utf-8") as file:
            return file.read()

    def ended(self):
        return os.path.exists(self.place)

    def status(self, timeout=120):
        """As the shell says it: 137 if it was killed."""
        wait_until(self.ended, timeout)
        return int(self.text(""))
