"""Every rule catches a broken example and leaves a sound one alone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import rules  # noqa: E402
import source_text  # noqa: E402

HEADER = "// A thing.\n#pragma once\n"
EXAMPLES = []  # (rule, broken tree, a sound tree that looks much like it)


def example(rule, broken, sound, **lists):
    EXAMPLES.append((rule, rules.Tree(broken, **lists), rules.Tree(sound, **lists)))


def long_function(lines, head="int f()"):
    return head + " {\n" + "  g();\n" * (lines - 2) + "}\n"


example(rules.include_directions,
        {"runtime/src/a.cc": '#include "weir/state/table.h"\n'},
        {"state/src/a.cc": '#include "weir/runtime/time.h"\n'})
example(rules.include_directions,
        {"coordinator/src/a.cc": "#include <weir/operators/map.h>\n"},
        {"coordinator/include/weir/weir.h": "#include <weir/operators/map.h>\n"})
example(rules.include_directions,
        {"operators/src/a.cc": "#include <rocksdb/db.h>\n"},
        {"state/src/a.cc": "#include <rocksdb/db.h>\n"})
example(rules.include_directions,
        {"operators/src/a.cc": "#include <tbb/task_arena.h>\n"},
        {"operators/src/a.cc": "// #include <tbb/task_arena.h>\n"})
example(rules.include_directions,
        {"state/src/a.cc": '#include "runtime/src/a.h"\n'},
        {"state/src/a.cc": '#include "a.h"\n'})
example(rules.public_headers_stay_light,
        {"state/include/weir/state/a.h": "#include <rocksdb/db.h>\n"},
        {"state/src/a.h": "#include <rocksdb/db.h>\n"})
example(rules.public_headers_stay_light,
        {"state/include/weir/state/a.h": '#include "inner.h"\n', "state/src/inner.h": ""},
        {"state/include/weir/state/a.h": '#include "weir/state/b.h"\n', "state/src/inner.h": ""})
example(rules.examples_use_installed_headers,
        {"examples/flights/main.cc": '#include "weir/runtime/time.h"\n'},
        {"examples/flights/main.cc": '#include <weir/weir.h>\n#include "row.h"\n',
         "examples/flights/row.h": ""})
example(rules.size_limits, {"runtime/src/a.cc": "//\n" * 501}, {"runtime/src/a.cc": "//\n" * 500})
example(rules.size_limits,
        {"runtime/src/a.cc": "namespace weir {\n" + long_function(71) + "}\n"},
        {"runtime/src/a.cc": "namespace weir {\n" + long_function(70) * 3 + "}\n"})
example(rules.size_limits,
        {"runtime/src/a.cc": "//\n" * 502}, {"runtime/src/a.cc": "//\n" * 501},
        size_allowlist="budget 1\nruntime/src/a.cc 501 a table\n")
example(rules.size_limits,  # an entry that is no longer needed, or higher than needed, must go down
        {"runtime/src/a.cc": "//\n" * 3}, {"runtime/src/a.cc": "//\n" * 510},
        size_allowlist="budget 1\nruntime/src/a.cc 510 a table\n")
example(rules.size_limits,
        {"runtime/src/a.cc": long_function(80)}, {"runtime/src/a.cc": long_function(81)},
        size_allowlist="budget 1\nruntime/src/a.cc:f 81 a switch over all frames\n")
example(rules.file_names, {"runtime/src/FileName.cc": ""}, {"runtime/src/file_name.cc": ""})
example(rules.file_names, {"runtime/src/string_util.cc": ""}, {"runtime/src/utilisation.cc": ""})
example(rules.file_names, {"engine/a.cc": ""}, {"runtime/a.cc": "", ".clang-format": ""})
example(rules.type_names, {"runtime/src/a.h": "class StateManager {};"},
        {"runtime/src/a.h": "class StateTable {};  // no class StateManager"})
example(rules.type_names, {"runtime/src/a.h": "struct Impl;"}, {"runtime/src/a.h": "struct Implied;"})
example(rules.macro_names, {"runtime/src/a.h": "#define CHECK(x) x"},
        {"runtime/src/a.h": "#define WEIR_CHECK(x) x"})
example(rules.seams, {"operators/src/a.cc": "auto t = std::chrono::steady_clock::now();"},
        {"operators/src/clock.cc": "auto t = std::chrono::steady_clock::now();"},
        seams="# why\noperators/src/clock* the clock\n")
example(rules.seams, {"operators/src/a.cc": "std::thread t(f);"},
        {"operators/src/a.cc": 'log("std::thread");  // std::thread'})
example(rules.seams, {"operators/src/a.cc": "std::this_thread::yield();"},
        {"operators/src/a.cc": "executor.yield();"})
example(rules.tests_do_not_wait, {"tests/runtime/a_test.cc": "std::this_thread::sleep_for(1ms);"},
        {"tests/benchmarks/a.cc": "std::this_thread::sleep_for(1ms);"})
example(rules.tests_do_not_wait, {"tests/runtime/a_test.cc": "std::random_device seed;"},
        {"tests/runtime/a_test.cc": "std::mt19937_64 random(seed);"})
example(rules.no_shell, {"tests/integration/a_test.cc": 'std::system("ls");'},
        {"tests/integration/a_test.cc": "weir::system_clock(); file.system(1);"})
example(rules.no_shell, {"runtime/src/a.cc": 'popen("ls", "r");'}, {"runtime/src/a.cc": "reopen(x);"})
example(rules.nothing_detached, {"runtime/src/executor.cc": "thread.detach();"},
        {"runtime/src/executor.cc": "thread.join();"})
example(rules.abseil_strings_stay_inside,
        {"runtime/include/weir/runtime/a.h": "void f(absl::string_view);"},
        {"runtime/src/a.cc": "void f(absl::string_view);"})
example(rules.headers_are_guarded, {"runtime/src/a.h": "// A thing.\n"}, {"runtime/src/a.h": HEADER})
example(rules.headers_are_guarded, {"runtime/src/a.h": "#pragma once\n"}, {"runtime/src/a.h": HEADER})


class RulesTest(unittest.TestCase):
    def test_each_rule_catches_its_broken_example(self):
        for rule, broken, _ in EXAMPLES:
            with self.subTest(rule=rule.__name__, files=list(broken.files)):
                self.assertTrue(list(rule(broken)))

    def test_each_rule_leaves_its_sound_example_alone(self):
        for rule, _, sound in EXAMPLES:
            with self.subTest(rule=rule.__name__, files=list(sound.files)):
                self.assertEqual([str(finding) for finding in rule(sound)], [])

    def test_every_rule_has_an_example(self):
        self.assertEqual({rule for rule, _, _ in EXAMPLES}, set(rules.RULES))

    def test_the_budget_of_the_allowlist_cannot_be_passed_over(self):
        tree = rules.Tree({"runtime/src/a.cc": "//\n" * 501},
                          size_allowlist="budget 0\nruntime/src/a.cc 501 a table\n")
        self.assertTrue(list(rules.size_limits(tree)))


class FunctionsOfTest(unittest.TestCase):
    def lengths(self, text):
        return {name: length for name, _, length in source_text.functions_of(text)}

    def test_methods_and_free_functions_in_nested_scopes(self):
        text = ("namespace a::b {\nclass WEIR_GUARD(\"x\") C : public D {\n public:\n  int get() const {\n"
                "    return x_;\n  }\n private:\n  int x_{0};\n};\nvoid C::set(int x) {\n  x_ = x;\n}\n}\n")
        self.assertEqual(self.lengths(text), {"get": 3, "C::set": 3})

    def test_lambdas_and_control_flow_belong_to_the_function_around_them(self):
        text = "void f() {\n  auto g = [](int a) {\n    if (a) {\n    }\n  };\n  for (;;) {\n  }\n}\n"
        self.assertEqual(self.lengths(text), {"f": 8})

    def test_constructors_with_braces_in_their_member_initialisers(self):
        text = "C::C(int a)\n    : a_{a}, b_(2), c_{\n          3} {\n  run();\n}\nint g() {\n}\n"
        self.assertEqual(self.lengths(text), {"C::C": 5, "g": 2})

    def test_tables_and_default_arguments_are_not_functions(self):
        text = "constexpr int kTable[] = {\n1,\n2};\nauto h(Options o = {}) -> int {\n}\n"
        self.assertEqual(self.lengths(text), {"h": 2})

    def test_templates_operators_and_trailing_requirements(self):
        text = ("template <typename T, typename = std::enable_if_t<(sizeof(T) > 1)>>\n"
                "bool operator==(const T& a, const T& b) {\n}\n"
                "template <typename T>\nvoid put(T t)\n  requires(sizeof(T) == 8)\n{\n}\n")
        self.assertEqual(list(self.lengths(text).values()), [3, 5])

    def test_braces_in_literals_comments_and_macros_do_not_count(self):
        text = ("#define WEIR_OPEN {\nvoid f() {\n  g(\"{\", '{', 1'000'000);  // {\n  h(R\"({)\");\n}\n"
                "void k() {\n}\n")
        self.assertEqual(self.lengths(text), {"f": 4, "k": 2})


if __name__ == "__main__":
    unittest.main()
