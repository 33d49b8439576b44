"""decode.py FILE: decodes it, and prints how many rows it has and the sum of one field."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    rows = json.load(file)["rows"]
print(len(rows), sum(row["id"] for row in rows))
