"""gets.py URL N: N requests one after the other on one connection, with requests."""

import sys

import requests

with requests.Session() as session:
    print(sum(len(session.get(f"{sys.argv[1]}/item/{i}").content) for i in range(1, int(sys.argv[2]) + 1)))
