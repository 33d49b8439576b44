"""What stands between jeton and the server, and breaks."""

import os
import socket
import threading
import time

PARTS = {"start": lambda length: 0, "middle": lambda length: length // 2, "end": lambda length: length}


def message_length(data, first):
    """Of the protocol's message that begins there, or None as long as that is not known; the first one of a client has no
    letter before its length."""
    head = 0 if first else 1
    return head + int.from_bytes(data[head:head + 4], "big") if len(data) >= head + 4 else None


class Proxy:
    """Between jeton and the server. Passes on message by message; cuts the connection of one of them."""

    def __init__(self, folder, behind):
        os.mkdir(folder, 0o700)
        self.behind = behind + "/.s.PGSQL.5432"
        self.arm(None, 0, None)
        self.connections = self.round_trips = 0  # how often clients have waited for answers
        self.far_s = 0  # how long answers are under way
        self.stays = self.away = False  # from the cut on, everything is cut and nobody gets through
        self.open = threading.Event()  # unless it is set, nothing gets through, and nobody is told
        self.open.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(folder + "/.s.PGSQL.5432")
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, side, number, part):
        """To cut the message of this number from now on, over all connections, after `part(its length)` bytes."""
        self.passed = {"up": [], "down": []}  # of each message: whether another one came with it
        self.side, self.number, self.part = side, number, part

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.behind)
            except OSError:  # it does not listen yet
                client.close()
                server.close()
                continue
            if self.away:
                client.close()
                server.close()
                continue
            self.connections += 1
            waiting = [0]  # syncs that are not answered
            for side, source, target in (("up", client, server), ("down", server, client)):
                threading.Thread(target=self.pass_on, args=(side, source, target, waiting), daemon=True).start()

    def places(self):
        """(side, number, part) of what has passed. The end of a message is the start of one that came with it."""
        return [(side, number, part) for side, passed in self.passed.items() for number, followed in enumerate(passed)
                for name, part in PARTS.items() if not (followed and name == "end")]

    def cuts(self, side, length, followed):
        """How many bytes of the next message pass, if it is the one."""
        passed = self.passed[side]
        passed.append(followed)
        if side != self.side or len(passed) <= self.number:
            return None
        self.side = None
        self.away = self.stays
        return self.part(length)

    def count(self, side, kind, waiting):
        if side == "up" and kind == b"S":
            self.round_trips += waiting[0] == 0
            waiting[0] += 1
        elif side == "down" and kind == b"Z" and waiting[0] > 0:
            waiting[0] -= 1

    def pass_messages(self, side, source, target, waiting):
        data, first = b"", side == "up"
        while more := source.recv(65536):
            self.open.wait()
            if self.away:
                return
            if side == "down" and self.far_s:
                time.sleep(self.far_s)
            data += more
            while (length := message_length(data, first)) is not None and length <= len(data):
                cut = self.cuts(side, length, length < len(data))
                self.count(side, b"" if first else data[:1], waiting)
                target.sendall(data[:length if cut is None else cut])
                if cut is not None:
                    return
                data, first = data[length:], False

    def pass_on(self, side, source, target, waiting):
        try:
            self.pass_messages(side, source, target, waiting)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()  # the other one is for the thread that reads from it
