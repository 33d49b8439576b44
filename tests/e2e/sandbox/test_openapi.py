"""The OpenAPI document by a validator of others: its schemas are JSON Schema 2020-12, take every example
of the table, and refuse what the sandbox refuses."""
import json
import os
import subprocess
import unittest

import jsonschema

BREAKS = os.path.join(os.environ["JETON_SOURCE"], "tests/lua/sandbox/reference/breaks.lua")

# What a schema cannot say: the size of a value as JSON, and what is inside of text (a time, a
# mediaResource, a list).
BEYOND_SCHEMAS = ("callBackContext: too much", "startingTime: wrong type", "mediaResource: wrong type",
                  "MediaResources: wrong entry", "MediaResources: wrong type", ".value: wrong type 1")


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([os.environ["JETON"], "run", BREAKS], check=True, stdout=subprocess.PIPE, text=True)
        document, *cases = done.stdout.splitlines()
        cls.document, cls.cases = json.loads(document), [json.loads(case) for case in cases]
        cls.operations = {operation["operationId"]: operation for item in cls.document["paths"].values()
                          for operation in item.values()}

    def schemas(self):
        yield from self.document["components"]["schemas"].items()
        for name, operation in self.operations.items():
            for parameter in operation.get("parameters", []):
                yield f"{name} {parameter['name']}", parameter["schema"]
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{name} body", media["schema"]
            yield f"{name} reply", operation["responses"]["200"]["content"]["application/json"]["schema"]

    def validator(self, schema):
        # References are to #/components: they are resolved inside of the schema itself.
        return jsonschema.Draft202012Validator({**schema, "components": self.document["components"]})

    def body_validator(self, name):
        media = next(iter(self.operations[name]["requestBody"]["content"].values()))
        return self.validator(media["schema"])

    def test_schemas_are_schemas(self):
        count = 0
        for name, schema in self.schemas():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
                count += 1
        self.assertGreater(count, 100)

    def test_each_reference_leads_somewhere(self):
        def walk(value):
            if isinstance(value, dict):
                if "$ref" in value:
                    found = self.document
                    for part in value["$ref"].removeprefix("#/").split("/"):
                        found = found[part]
                for item in value.values():
                    walk(item)
            elif isinstance(value, list):
                for item in value:
                    walk(item)

        walk(self.document)

    def test_examples_of_the_document(self):
        for name, operation in self.operations.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                for title, example in media.get("examples", {}).items():
                    with self.subTest(f"{name} {title}"):
                        self.validator(media["schema"]).validate(example["value"])

    def test_what_the_sandbox_refuses(self):
        validators, seen, wrong = {}, {True: 0, False: 0}, []
        for case in self.cases:
            name = case["operation"]
            validator = validators.setdefault(name, self.body_validator(name))
            is_beyond = any(part in case["what"] for part in BEYOND_SCHEMAS)
            if not is_beyond:
                seen[case["good"]] += 1
                if validator.is_valid(case["body"]) != case["good"]:
                    wrong.append(f"{name} {case['example']}: {case['what']}")
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(seen[True], 40)
        self.assertGreater(seen[False], 800)

    def test_a_type_decides_about_its_body(self):
        validator = self.body_validator("actions.send")
        poll = {"question": "Tea?", "choices": [{"title": "Yes"}]}
        self.assertTrue(validator.is_valid({"actionType": "Poll", "actionBody": poll}))
        self.assertFalse(validator.is_valid({"actionType": "Job", "actionBody": poll}))
        self.assertTrue(validator.is_valid({"id": "com.example.p", "actionBody": poll}))
        self.assertFalse(validator.is_valid({"actionBody": poll}))


if __name__ == "__main__":
    unittest.main()
