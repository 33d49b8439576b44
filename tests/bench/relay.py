#!/usr/bin/env python3
"""relay.py PORT TARGET MILLISECONDS [FILE]: passes PORT on to TARGET, as over a line on which a round trip takes so long.
FILE grows by a byte whenever a client goes on after it has waited for one: to be connected, or for an answer.

The kernel's own handshake with the relay costs nothing, so what a client sends before it has heard anything is held for a
round trip more. (Of a connection that is opened in advance and left idle this asks too much: TLS does not do that.)
"""

import asyncio
import sys

PORT, TARGET, ROUND_TRIP = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000
COUNT = sys.argv[4] if len(sys.argv) > 4 else None
CHUNK = 256 * 1024


class Line:
    """What both directions of a connection know."""

    def __init__(self):
        self.has_answered, self.waits = False, True

    def goes_on(self):
        if self.waits and COUNT:
            with open(COUNT, "ab") as file:
                file.write(b".")
        self.waits = False


async def deliver(pieces, writer):
    """Writes each piece when it is due; an empty one is the end."""
    loop = asyncio.get_running_loop()
    while True:
        due, data = await pieces.get()
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        if not data:
            writer.close()
            return
        writer.write(data)
        await writer.drain()


async def carry(reader, writer, delay):
    """From reader to writer; `delay` says for each piece how long it is under way."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()
    delivery = asyncio.create_task(deliver(pieces, writer))
    try:
        while data := await reader.read(CHUNK):
            await pieces.put((loop.time() + delay(), data))
    finally:
        await pieces.put((loop.time() + delay(), b""))
        await delivery


async def serve(reader, writer):
    line = Line()

    def there():
        line.goes_on()
        return ROUND_TRIP / 2 if line.has_answered else ROUND_TRIP * 3 / 2

    def back():
        line.has_answered = line.waits = True
        return ROUND_TRIP / 2

    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", TARGET)
        await asyncio.gather(carry(reader, far_writer, there), carry(far_reader, writer, back))
    except OSError:
        pass  # either side may hang up
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    async with server:
        await server.serve_forever()


asyncio.run(main())
