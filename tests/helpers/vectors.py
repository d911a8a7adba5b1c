"""What a real Inngest server was measured to answer: ``vectors.json``, request by request."""

import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json")
KEY = "test-key-5"  # stands in for <EVENT_KEY>


class Vector:
    """One request and its answer."""

    def __init__(self, case):
        self.case = case["case"]
        self.needs_key = case["server"] == "selfhost"
        self.method = case["request"]["method"]
        self.path = case["request"]["path"]
        if "first letter escaped" in self.path:
            self.path = f"/e/%{ord(KEY[0]):02x}{KEY[1:]}"
        self.path = self.path.replace("<EVENT_KEY>", KEY)
        self.headers = case["request"]["headers"]
        self.body = _body(case)
        self.response = case["response"]

    @property
    def is_accepted(self):
        return self.response["status"] == 200 and "error" not in self.response.get("json", {})


def _body(case):
    request = case["request"]
    if request.get("body") is not None:
        return request["body"]
    length = request.get("body_length")
    if length is None:
        return ""
    name = case["case"]
    if name.startswith("name of 513"):
        body = '{"name":"' + "n" * 513 + '"}'
    elif name.startswith("nesting"):
        depth = int(name.split()[1].replace(",", ""))
        body = '{"name":"a/b","data":{"x":' + "[" * depth + "]" * depth + "}}"
    elif name.startswith("event of"):
        frame = '{"name":"a/b","data":{"x":""}}'
        body = frame[:-3] + "x" * (length - len(frame)) + frame[-3:]
    else:
        count = int(name.split()[0].replace(",", ""))
        body = "[" + ",".join(['{"name":"a/b"}'] * count) + "]"
    assert len(body) == length, (name, len(body), length)
    return body


def load():
    """Return all vectors."""
    with open(PATH, encoding="utf-8") as file:
        return [Vector(case) for case in json.load(file)["vectors"]]
