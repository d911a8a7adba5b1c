"""How a client is configured: by its arguments, then the environment, then defaults."""

import contextlib
import datetime
import os
import ssl
import traceback
import unittest
from unittest import mock

from tests.helpers.events import SECRET
from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import run

config, event_url = module("config"), module("protocol").event_url

CLOUD, DEV = "https://inn.gs/", "http://127.0.0.1:8288/"
TLS = ssl.create_default_context()  # one for all: loading the trust store takes longer than all else here
URL_VARIABLES = ("INNGEST_EVENT_API_BASE_URL", "INNGEST_BASE_URL", "INNGEST_DEV")


@contextlib.contextmanager
def client(environ=(), **arguments):
    """Make a client under just this environment; skip what no environment holds while the locale is ASCII."""
    try:
        [os.fsencode(value) for value in dict(environ).values()]
    except UnicodeEncodeError:
        raise unittest.SkipTest("needs a locale whose environment can hold any text") from None
    arguments = dict({"app_id": "app", "ssl_context": TLS}, **arguments)
    with mock.patch.dict(os.environ, dict(environ), clear=True):
        made = inngest.Inngest(**arguments)
    with made:
        yield made


def attribute(name, environ=(), **arguments):
    with client(environ, **arguments) as made:
        return getattr(made, name)


def origin(environ=(), **arguments):
    return attribute("event_api_origin", environ, **arguments)


class ConfigTest(unittest.TestCase):
    def check_refused(self, source, environ=(), kind=inngest.Error, **arguments):
        """Check that making the client is an Error, also a ValueError, that names its source and shows no secret."""
        with self.assertRaises(kind) as caught:
            attribute("app_id", environ, **arguments)
        error = caught.exception
        self.assertIsInstance(error, (inngest.Error, TypeError))
        self.assertEqual(isinstance(error, ValueError), isinstance(error, inngest.Error))
        self.assertRegex(str(error), rf"^{source}\b")
        shown = "".join(traceback.format_exception_only(type(error), error)) + repr(error)
        for hanging in (error.__cause__, error.__context__):
            shown += repr(hanging)
        self.assertNotIn(SECRET, shown)

    def check_wrong_type(self, source, **arguments):
        self.check_refused(source, kind=TypeError, **arguments)


class OriginTest(ConfigTest):
    def test_the_default_is_the_cloud_and_in_dev_mode_the_dev_server(self):
        self.assertEqual(origin(), CLOUD)
        self.assertEqual(origin(is_production=True), CLOUD)
        self.assertEqual(origin(is_production=False), DEV)
        self.assertEqual(origin({"INNGEST_DEV": "1"}), DEV)

    def test_the_argument_goes_before_the_variables_and_they_in_their_order(self):
        environ = {name: f"http://{name.lower().replace('_', '-')}.example" for name in URL_VARIABLES}
        self.assertEqual(origin(environ, event_api_base_url="http://argument.example"), "http://argument.example/")
        for name in URL_VARIABLES:
            self.assertEqual(origin(environ), environ.pop(name) + "/")
        self.assertEqual(origin(environ), CLOUD)

    def test_an_empty_url_counts_as_unset(self):
        for empty in ("", "  ", "\n"):
            for name in URL_VARIABLES:
                self.assertEqual(origin({name: empty}), CLOUD)
            self.assertEqual(origin({"INNGEST_BASE_URL": "http://h"}, event_api_base_url=empty), "http://h/")

    def test_a_url_without_a_scheme_gets_the_one_of_the_mode(self):
        for url in ("gw.example", "gw.example:8080", "localhost", "127.0.0.1:9/x"):
            self.assertEqual(origin(event_api_base_url=url), f"https://{url}/")
            self.assertEqual(origin(event_api_base_url=url, is_production=False), f"http://{url}/")

    def test_urls_that_can_work_are_brought_into_their_normal_form(self):
        for url, expected in (
            ("http://localhost", "http://localhost/"),
            ("HTTP://h", "http://h/"),
            ("HttpS://GW.Example", "https://gw.example/"),
            (" http://h\n", "http://h/"),
            ("http://h:80", "http://h:80/"),
            ("http://h:1", "http://h:1/"),
            ("http://h:65535/", "http://h:65535/"),
            ("https://gw.example/X//", "https://gw.example/X/"),
            ("https://gw.example/inngest", "https://gw.example/inngest/"),
            ("https://gw.example/inngest/", "https://gw.example/inngest/"),
            ("https://gw.example/A/b%2Fc/d;e=f", "https://gw.example/A/b%2Fc/d;e=f/"),
            ("https://gw.example/é", "https://gw.example/%C3%A9/"),
            ("http://[::1]:8288", "http://[::1]:8288/"),
            ("http://[FE80::1]/x", "http://[fe80::1]/x/"),
            ("http://10.0.0.1", "http://10.0.0.1/"),
            ("http://my_host-1.internal", "http://my_host-1.internal/"),
            ("http://h.example.", "http://h.example./"),
            ("http://bücher.example", "http://xn--bcher-kva.example/"),
            (f"http://{'a' * 63}.example", f"http://{'a' * 63}.example/"),
            (f"http://example.{'a' * 63}", f"http://example.{'a' * 63}/"),
        ):
            with self.subTest(url=url):
                self.assertEqual(origin(event_api_base_url=url), expected)
                for name in URL_VARIABLES:
                    self.assertEqual(origin({name: url}), expected)

    def test_urls_that_cannot_work_are_refused_wherever_they_came_from(self):
        for url in (
            "ftp://s3cr3t",
            "ws://s3cr3t",
            "file:///s3cr3t",
            "https://user:s3cr3t@gw.example",
            "https://gw.example/e/s3cr3t",
            "https://gw.example/x/e/s3cr3t/",
            "https://gw.example/e/",
            "https://s3cr3t@gw.example",
            "user:s3cr3t@gw.example",
            "https://gw.example?key=s3cr3t",
            "https://gw.example/x?key=s3cr3t",
            "https://gw.example/?",
            "https://gw.example#s3cr3t",
            "https://gw.example/#",
            "http://s3cr3t\r\nx.example",
            "http://h.example/\x00s3cr3t",
            "http://h.example/s3cr3t\x7f",
            "http://h.example/a b",
            "http://h s3cr3t.example",
            "http://h\\s3cr3t.example",
            "http://h\u2028.example",
            "http://h:0",
            "http://h:65536",
            "http://h:99999999999999999999",
            "http://h:-1",
            "http://h:s3cr3t",
            "http://h:",
            "http://h:80:s3cr3t",
            "http://h:\u0668\u0660",
            "http://",
            "http:///s3cr3t",
            "http:/h.example",
            "//h.example",
            "http://.example",
            "http://h..example",
            "http://\u00e9..example",
            f"http://{'a' * 64}.example",
            f"http://example.{'a' * 64}",
            f"http://{'é' * 64}.example",
            "http://h\ud800.example",
            "http://h.example/\ud800",
            "http://-",
            "http://[::1",
            "http://::1",
            "http://[s3cr3t.example]",
            "http://[::1]s3cr3t",
        ):
            with self.subTest(url=ascii(url[:40])):
                self.check_refused("event_api_base_url", kind=inngest.URLInvalidError, event_api_base_url=url)
                if "\ud800" in url or "\0" in url:
                    continue  # no environment can hold it
                for name in URL_VARIABLES:
                    self.check_refused(name, {name: url}, inngest.URLInvalidError)

    def test_the_message_says_what_is_wrong_with_a_url(self):
        for url, words in (
            ("ftp://h", "scheme must be http or https"),
            ("http://user@h", "user info"),
            ("http://h?q", "query or a fragment"),
            ("http://h#f", "query or a fragment"),
            ("http://h:x", "port"),
            ("http://h\nx", "not printable"),
            ("http://", "host"),
        ):
            with self.assertRaisesRegex(inngest.URLInvalidError, words):
                origin(event_api_base_url=url)

    def test_a_bad_url_in_the_environment_is_not_skipped_for_a_good_one(self):
        environ = {"INNGEST_EVENT_API_BASE_URL": "ftp://h", "INNGEST_BASE_URL": "http://good.example"}
        self.check_refused("INNGEST_EVENT_API_BASE_URL", environ, inngest.URLInvalidError)

    def test_events_go_below_the_path_of_the_url(self):
        self.assertEqual(event_url(origin(event_api_base_url="https://h/inngest"), "k"), "https://h/inngest/e/k")
        self.assertEqual(event_url(origin(), "k"), "https://inn.gs/e/k")


class QuoteTest(ConfigTest):
    """docker --env-file hands on the quotes of a line as part of the value; they would go out with it."""

    def test_a_value_in_quotes_is_refused_wherever_it_came_from(self):
        for value in ('"s3cr3t"', "'s3cr3t'", ' "s3cr3t"\n', '"'):
            with self.subTest(value=value):
                for argument in ("event_key", "env", "event_api_base_url"):
                    self.check_refused(argument, **{argument: value})
                for name in ("INNGEST_EVENT_KEY", "INNGEST_ENV", *URL_VARIABLES):
                    self.check_refused(name, {name: value})

    def test_the_message_says_to_leave_the_quotes_out(self):
        with self.assertRaisesRegex(inngest.Error, "^INNGEST_DEV: the quotes .* leave them out"):
            origin({"INNGEST_DEV": '"1"'})

    def test_a_quote_at_one_end_belongs_to_the_value(self):
        for key in ('"k', "k'", "'k\"", "it's"):
            self.assertEqual(attribute("event_key", event_key=key), key)


class ModeTest(ConfigTest):
    def test_the_default_is_production(self):
        self.assertIs(attribute("is_production"), True)

    def test_inngest_dev_is_true_or_false_in_any_letter_case(self):
        for words, production in ((("1", "true", "yes", "on"), False), (("", "0", "false", "no", "off"), True)):
            for word in words:
                for value in (word, word.upper(), word.title(), f" {word}\n"):
                    with self.subTest(value=value):
                        with client({"INNGEST_DEV": value}) as made:
                            self.assertIs(made.is_production, production)
                            self.assertEqual(made.event_api_origin, CLOUD if production else DEV)

    def test_inngest_dev_may_be_where_the_dev_server_is(self):
        for value, expected in (
            ("http://dev.example:9000/x", "http://dev.example:9000/x/"),
            ("https://dev.example", "https://dev.example/"),
            ("http://inngest", "http://inngest/"),
            ("inngest:8288", "http://inngest:8288/"),
            ("dev.example", "http://dev.example/"),
            ("localhost", "http://localhost:8288/"),
            (" LocalHost ", "http://localhost:8288/"),
        ):
            with self.subTest(value=value), client({"INNGEST_DEV": value}) as made:
                self.assertIs(made.is_production, False)
                self.assertEqual(made.event_api_origin, expected)

    def test_another_word_in_inngest_dev_is_refused(self):
        for value in ("s3cr3t", "2", "enabled", "-1", "host/x", "ja"):
            with self.subTest(value=value):
                self.check_refused("INNGEST_DEV", {"INNGEST_DEV": value}, inngest.URLInvalidError)

    def test_the_argument_goes_before_inngest_dev(self):
        for value in ("1", "http://dev.example"):
            with client({"INNGEST_DEV": value}, is_production=True) as made:
                self.assertEqual((made.is_production, made.event_api_origin), (True, CLOUD))
        for value, expected in (("0", DEV), ("", DEV), ("http://dev.example", "http://dev.example/")):
            with client({"INNGEST_DEV": value}, is_production=False) as made:
                self.assertEqual((made.is_production, made.event_api_origin), (False, expected))

    def test_is_production_is_a_bool(self):
        for value in ("true", 1, 0, ""):
            self.check_wrong_type("is_production", is_production=value)


class KeyTest(ConfigTest):
    def test_the_argument_goes_before_the_variable_and_empty_is_unset(self):
        for argument, variable, expected in (
            ("a", "b", "a"),
            (None, "b", "b"),
            ("", "b", "b"),
            (" \n", " b\t\n", "b"),
            (" a ", None, "a"),
            (None, None, None),
            (None, "", None),
            ("", " ", None),
        ):
            with self.subTest(argument=argument, variable=variable):
                environ = {} if variable is None else {"INNGEST_EVENT_KEY": variable}
                self.assertEqual(attribute("event_key", environ, event_key=argument), expected)

    def test_without_a_key_sending_to_the_cloud_is_an_error_that_says_what_to_set(self):
        for environ in ({}, {"INNGEST_EVENT_KEY": ""}):
            with client(environ) as made:
                with self.assertRaisesRegex(inngest.EventKeyUnspecifiedError, "event_key.*INNGEST_EVENT_KEY"):
                    made.send_sync(inngest.Event("a"))

    def test_without_a_key_the_dev_server_gets_the_one_that_the_official_sdks_send(self):
        for key in (None, ""):
            self.assertEqual(event_url(DEV, key), DEV + "e/NO_EVENT_KEY_SET")

    def test_a_key_is_one_segment_of_the_path_encoded_only_where_it_must_be(self):
        plain = "AZaz09-._~!$&'()*+,;=:@"
        for key, segment in (
            (plain, plain),
            ("../x", "..%2Fx"),
            ("a/b", "a%2Fb"),
            ("a#b", "a%23b"),
            ("a?b", "a%3Fb"),
            ("a b", "a%20b"),
            ("a%2Fb", "a%252Fb"),
            ("é☃", "%C3%A9%E2%98%83"),
            ('"<>[]\\^`{|}', "%22%3C%3E%5B%5D%5C%5E%60%7B%7C%7D"),
            ("...", "..."),
            ("a\xa0b", "a%C2%A0b"),
        ):
            with self.subTest(key=key):
                self.assertEqual(attribute("event_key", event_key=key), key)
                self.assertEqual(event_url(CLOUD, key), CLOUD + "e/" + segment)

    def test_keys_that_would_leave_the_path_or_its_line_are_refused(self):
        characters = ("\n", "\r\n", "\0", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\ud800", "\udfff")
        for key in [".", "..", " .. "] + [f"s3cr3t{character}x" for character in characters]:
            with self.subTest(key=ascii(key)):
                self.check_refused("event_key", event_key=key)
                if "\0" not in key and "\ud800" not in key:
                    self.check_refused("INNGEST_EVENT_KEY", {"INNGEST_EVENT_KEY": key})

    def test_no_repr_shows_the_key(self):
        with client({"INNGEST_EVENT_KEY": SECRET}) as made:
            self.assertEqual(made.event_key, SECRET)
            self.assertNotIn(SECRET, repr(made) + str(made))
            for value in vars(made).values():
                self.assertNotIn(SECRET, repr(value))

    def test_a_key_is_a_str(self):
        for key in (b"s3cr3t", 5, True, ["s3cr3t"]):
            self.check_wrong_type("event_key", event_key=key)


class EnvTest(ConfigTest):
    def test_the_argument_goes_before_the_variables_and_they_in_their_order(self):
        names = ("INNGEST_ENV", "RAILWAY_GIT_BRANCH", "RENDER_GIT_BRANCH", "VERCEL_GIT_COMMIT_REF")
        environ = {name: name.lower() for name in names}
        self.assertEqual(attribute("env", environ, env="mine"), "mine")
        for name in names:
            self.assertEqual(attribute("env", environ), name.lower())
            self.assertEqual(attribute("env", environ, env=""), name.lower())
            environ[name] = ""
        self.assertIsNone(attribute("env", environ))
        self.assertIsNone(attribute("env"))

    def test_it_may_be_whatever_a_header_can_hold(self):
        self.assertEqual(attribute("env", env=" feature/a b-1_2.3:~ "), "feature/a b-1_2.3:~")
        for env in ("a\nb", "a\r\nx-header: 1", "é", "a\x7fb", "a\0b"):
            with self.subTest(env=ascii(env)):
                self.check_refused("env", env=env)
                if "\0" not in env:
                    for name in ("INNGEST_ENV", "VERCEL_GIT_COMMIT_REF"):
                        self.check_refused(name, {name: env})

    def test_a_branch_that_no_header_can_hold_is_refused_and_the_way_out_is_named(self):
        for name in ("RAILWAY_GIT_BRANCH", "RENDER_GIT_BRANCH", "VERCEL_GIT_COMMIT_REF"):
            branch = {name: "feature/gr\u00f6\u00dfe"}
            with self.assertRaisesRegex(inngest.Error, f"^{name}: .*; set INNGEST_ENV"):
                attribute("env", branch)
            self.assertEqual(attribute("env", {**branch, "INNGEST_ENV": "feature"}), "feature")

    def test_a_name_of_the_program_s_own_needs_no_way_out(self):
        for environ, arguments in (({}, {"env": "é"}), ({"INNGEST_ENV": "é"}, {})):
            with self.assertRaises(inngest.Error) as caught:
                attribute("env", environ, **arguments)
            source = "env" if arguments else "INNGEST_ENV"
            self.assertEqual(str(caught.exception), f"{source}: expected printable ASCII characters only")

    def test_it_is_a_str(self):
        for env in (b"a", 5, False):
            self.check_wrong_type("env", env=env)


class OthersTest(ConfigTest):
    def test_the_app_id_is_a_non_empty_str(self):
        self.assertEqual(attribute("app_id", app_id="my_app"), "my_app")
        self.check_refused("app_id", app_id="")
        for value in (None, 5, b"app"):
            self.check_wrong_type("app_id", app_id=value)
        with self.assertRaises(TypeError):
            inngest.Inngest()

    def test_every_argument_is_passed_by_its_name(self):
        with self.assertRaises(TypeError):
            inngest.Inngest("app")
        with self.assertRaises(TypeError):
            inngest.Inngest(app_id="app", key="x")

    def test_durations_are_milliseconds_or_a_timedelta(self):
        for value, seconds in ((1, 0.001), (1500, 1.5), (datetime.timedelta(seconds=2), 2.0), (10**400, float("inf"))):
            self.assertEqual(config.seconds(value, "timeout"), seconds)

    def test_what_was_likely_meant_as_seconds_is_pointed_out(self):
        for value, expected in ((0, True), (999, True), (1000, False), (None, False)):
            self.assertEqual(config.unit_hint(value), "; timeouts are in milliseconds" if expected else "", value)
        self.assertEqual(config.unit_hint(datetime.timedelta(milliseconds=1)), "")

    def test_the_defaults_are_those_that_are_documented(self):
        settings = attribute("_settings")
        self.assertEqual((settings.max_attempts, settings.max_concurrency), (5, 64))
        self.assertEqual(settings.request_timeout, 30.0)  # seconds

    def test_the_request_timeout_is_a_duration_above_zero(self):
        for value in (1, 30000, 10**400, datetime.timedelta(microseconds=1)):
            self.assertEqual(attribute("app_id", request_timeout=value), "app")
        for value in (0, -1, -(10**400), datetime.timedelta(0), datetime.timedelta(-1)):
            with self.subTest(value=str(value)[:10]):
                self.check_refused("request_timeout", request_timeout=value)
        for value in (1.5, "30", True, False, b"", [1], datetime.date(2024, 1, 2)):
            self.check_wrong_type("request_timeout", request_timeout=value)

    def test_counts_are_ints_above_zero(self):
        for name in ("max_attempts", "max_concurrency"):
            for value in (1, 1000):
                self.assertEqual(getattr(attribute("_settings", **{name: value}), name), value)
            for value in (0, -1):
                self.check_refused(name, **{name: value})
            for value in (None, True, 1.0, "5"):
                self.check_wrong_type(name, **{name: value})
        with self.assertRaisesRegex(TypeError, "^max_attempts: expected an int, got str$"):
            attribute("app_id", max_attempts="5")
        with self.assertRaisesRegex(TypeError, "^app_id: expected a str, got int$"):
            attribute("app_id", app_id=5)

    def test_subclasses_are_taken_for_their_text_or_number_whatever_else_they_do(self):
        def fail(*_):
            raise RuntimeError("s3cr3t")

        methods = dict.fromkeys(("__bool__", "__eq__", "__lt__", "__str__", "__truediv__", "strip"), fail)
        methods["__hash__"] = lambda _: 1
        text, number = type("Text", (str,), methods), type("Number", (int,), methods)
        texts = {"app_id": text("app"), "event_key": text(" key "), "env": text("branch")}
        numbers = {"max_attempts": number(2), "max_concurrency": number(3), "request_timeout": number(1000)}
        with client(**texts, **numbers) as made:
            self.assertEqual((made.app_id, made.event_key, made.env), ("app", "key", "branch"))

    def test_the_other_arguments_have_their_types(self):
        for name, values in (
            ("event_api_base_url", (b"http://h", 5, True)),
            ("ssl_context", ("s3cr3t", True, object())),
            ("logger", ("s3cr3t", 5, True)),
            ("middleware", ("s3cr3t", 5, object, {"a": 1})),
        ):
            for value in values:
                with self.subTest(name, type=type(value).__name__):
                    self.check_wrong_type(name, **{name: value})
        self.check_wrong_type("middleware", middleware=[5])

    def test_arguments_of_the_full_sdk_are_taken_and_not_used(self):
        arguments = {"api_base_url": "ftp://x", "app_version": 1, "serializer": object(), "signing_key": b""}
        self.assertEqual(origin(**arguments), CLOUD)


class EnvironmentTest(ConfigTest):
    def test_it_is_read_when_the_client_is_made_and_not_after(self):
        environ = {"INNGEST_EVENT_KEY": "k", "INNGEST_ENV": "e", "INNGEST_DEV": "http://one.example"}
        with client(environ) as made, mock.patch.dict(os.environ, dict.fromkeys(environ, "x"), clear=True):
            self.assertEqual((made.event_key, made.env, made.is_production), ("k", "e", False))
            self.assertEqual(made.event_api_origin, "http://one.example/")

    def test_it_is_never_read_on_import(self):
        code = f"""
import os
read = []
def recorded(name):
    def method(self, *args):
        read.append(args)
        return getattr(dict, name)(self, *args)
    return method
names = ("__getitem__", "__contains__", "__iter__", "get", "items", "keys", "values", "copy")
os.environ = type("Recorder", (dict,), {{name: recorded(name) for name in names}})(os.environ)
import {NAME} as inngest
assert not read, read
inngest.Inngest(app_id="app").close()
assert [args for args in read if args[:1] == ("INNGEST_EVENT_KEY",)], read
"""
        self.assertEqual(run(["-c", code], env=dict(os.environ, INNGEST_DEV="1")), (0, "", ""))
