"""What an error calls the type of a value, and by which names a type is known without its module."""

import unittest

from tests.helpers.library import module

typecheck = module("typecheck")


def kind_of(name, module, *bases):
    return type(name, bases, {"__module__": module})


class NameTest(unittest.TestCase):
    def test_a_type_is_called_by_its_module_unless_that_is_python_s_or_the_program_s_own(self):
        for value, name in (
            (5, "int"),
            (kind_of("Thing", "__main__")(), "Thing"),
            (kind_of("Thing", "shop.models")(), "shop.models.Thing"),
            (typecheck, "module"),
        ):
            self.assertEqual(typecheck.qualified_name(value), name)

    def test_a_type_is_known_by_the_names_of_all_its_bases(self):
        base = kind_of("datetime", "_pydatetime")  # as Python 3.12 has it where it lacks the one in C
        names = typecheck.names_of_bases(kind_of("Moment", "shop.models", base)())
        self.assertEqual(names, ["shop.models.Moment", "datetime.datetime", "builtins.object"])

    def test_what_a_value_says_of_itself_is_no_matter(self):
        class Liar:
            @property
            def __class__(self):
                return int

        self.assertFalse(typecheck.is_instance(Liar(), int))
        with self.assertRaisesRegex(TypeError, "^count: expected an int, got .*Liar$"):
            typecheck.expect(Liar(), int, "count")
        with self.assertRaisesRegex(TypeError, "^count: expected an int, got bool$"):
            typecheck.expect(True, int, "count")
        with self.assertRaisesRegex(TypeError, "^name: expected a str, got int$"):
            typecheck.expect(5, str, "name")
