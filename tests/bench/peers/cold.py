"""cold.py URL REFRESH_TOKEN: exchange, list of groups, a message to the first, with requests."""

import os
import sys

import requests

url, refresh = sys.argv[1:3]
with requests.Session() as session:
    reply = session.get(url + "/v1/accessToken", headers={
        "applicationId": os.environ["ID"], "applicationSecret": os.environ["SECRET"], "refreshToken": refresh})
    reply.raise_for_status()
    token = reply.json()
    session.headers["accessToken"] = token["accessToken"]
    groups = session.get(token["endpointUrl"] + "v1/groups")
    groups.raise_for_status()
    first = groups.json()["groups"][0]["groupId"]
    session.post(f"{token['endpointUrl']}v1/groups/{first}/messages", json={"message": "Hello"}).raise_for_status()
