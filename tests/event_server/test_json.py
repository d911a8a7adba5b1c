"""JSON as the stand-in server reads it: what Go's encoding/json says of it, and what it makes of it."""

import json
import string

from tests.helpers.event_server import EventServerTest

SCALARS = '"a": [], "b": {}, "c": [true, false, null, -0, 0.5, 2E+3, 1.5e-7, {"d": [{}]}], "e": "\\u00e9\\n"'


class ErrorsTest(EventServerTest):
    def setUp(self):
        self.connection = self.connect(self.start())

    def error(self, body):
        """Return what is said of a body that is refused."""
        status, response = self.post(self.connection, body.encode())
        self.assertEqual(status, 400)
        return json.loads(response.decode())["error"]

    def test_a_value_begins_with_few_characters(self):
        for character in set(string.ascii_letters + string.punctuation) - set("tfn'\"\\-[{"):
            with self.subTest(character):
                expected = f"invalid character '{character}' looking for beginning of value"
                self.assertEqual(self.error('{"name":%s}' % character), expected)

    def test_what_is_wrong_is_found_behind_values_of_every_kind(self):
        out_of_range = "json: cannot unmarshal number 1e400 into Go struct field raw.data of type float64"
        cases = {
            "1e400": out_of_range,
            "[1e400, -2e400]": out_of_range,
            '1e400, "y": [{}, []]': out_of_range,
            "1E+": "invalid character ' ' in exponent of numeric literal",
            "1E+}": "invalid character '}' in exponent of numeric literal",
            "1Ex}": "invalid character 'x' in exponent of numeric literal",
            "0.x": "invalid character 'x' after decimal point in numeric literal",
            "-": "invalid character ' ' in numeric literal",
            "1.5.": "invalid character '.' after object key:value pair",
            "[1 2]": "invalid character '2' after array element",
            "{1}": "invalid character '1' looking for beginning of object key string",
            "]": "invalid character ']' looking for beginning of value",
            "[": "unexpected end of JSON input",
            '"': "unexpected end of JSON input",
            '"\\': "invalid character ' ' in string escape code",
        }
        for value, error in cases.items():
            with self.subTest(value):
                end = "}}" if error is out_of_range or value in ("1.5.", "[1 2]", "{1}", "]") else ""
                self.assertEqual(self.error('{"data": {%s, "x": %s%s' % (SCALARS, value, end)), error)

    def test_a_body_ends_too_soon_wherever_it_is_cut(self):
        body = '[{"name":"a"} , {"name":"b"}]'
        for size in (1, 2, 12, 13, 14, 15, 16, 28):
            with self.subTest(body[:size]):
                self.assertEqual(self.error(body[:size]), "unexpected end of JSON input")

    def test_what_a_field_holds_instead_is_told_by_gos_names(self):
        values = {"{}": "object", "[]": "array", '"x"': "string", "1": "number", "1.5": "number", "true": "bool"}
        fields = {"name": "string", "id": "string", "ts": "int64", "data": "map[string]interface {}"}
        takes = {"name": {'"x"'}, "id": {'"x"'}, "ts": {"1"}, "data": {"{}"}}
        for field, go_type in fields.items():
            for value in sorted(set(values) - takes[field]):
                with self.subTest(field, value=value):
                    what = values[value] + (" 1.5" if (field, value) == ("ts", "1.5") else "")
                    expected = f"json: cannot unmarshal {what} into Go struct field raw.{field} of type {go_type}"
                    self.assertEqual(self.error('{"%s": %s}' % (field, value)), expected)
        for value in sorted(set(values) - {"{}"}):
            expected = f"json: cannot unmarshal {values[value]} into Go value of type event.raw"
            self.assertEqual(self.error(f"[{value}]"), expected)

    def test_brackets_may_be_many_that_are_not_deep(self):
        body = '{"name":"a","data":{"x":[%s]}}' % ",".join(["[]", "{}", '{"y":[{}]}'] * 5000)
        self.assertEqual(self.post(self.connection, body)[0], 200)

    def test_size_counts_in_bytes(self):
        for character, count in (("\xe9", 1600000), ("\u20ac", 1050000), ("\U0001f600", 800000)):
            with self.subTest(character):
                body = '{"name":"a","data":{"x":"%s"}}' % (character * count)
                size = len(body.encode())
                self.assertEqual(self.error(body), f"Event is over the max size: Max 3145728 bytes / Size {size} bytes")
