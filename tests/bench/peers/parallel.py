"""parallel.py URL N LIMIT: N requests, LIMIT at once, decoded, with aiohttp. Prints the sum of their ids."""

import asyncio
import sys

import aiohttp

URL, N, LIMIT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main():
    numbers, total = iter(range(1, N + 1)), 0

    async def work(session):
        nonlocal total
        for number in numbers:
            async with session.get(f"{URL}/item/{number}") as reply:
                item = await reply.json()
            total += item["id"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=LIMIT)) as session:
        await asyncio.gather(*(work(session) for _ in range(LIMIT)))
    print(total)


asyncio.run(main())
