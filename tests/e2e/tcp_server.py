"""A socket of a test's own, where each connection is served in a thread."""

import contextlib
import socket
import threading


class Listener:
    """Hands each connection to `serve(connection)`; `scheme` is for `url` only."""

    def __init__(self, serve, scheme="http"):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.hand_over, args=(connection,), daemon=True).start()

    def hand_over(self, connection):
        with connection, contextlib.suppress(OSError):  # the client has had enough: many tests are about that
            self.serve(connection)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # or accept() would hold the port, for the next test to find
        self.socket.close()
