"""Checks the project against the house rules, and every rule against a small example that breaks it."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # pylint: disable=wrong-import-position
from rules import Project  # pylint: disable=wrong-import-position

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

RULES = [rules.include_directions, rules.engine_knows_no_network, rules.liburing_only_in_ring,
         rules.kernel_is_called_below_the_seam,
         rules.openssl_only_in_tls, rules.public_headers_hide_libraries, rules.file_length, rules.function_length,
         rules.folder_depth, rules.file_names, rules.public_header_has_test, rules.awaitables_conform, rules.pragma_once,
         rules.safe_coroutine_forms, rules.rejected_words, rules.requirement_ids_stay_in_tests,
         rules.nothing_is_downloaded, rules.readme_shows_the_echo_server, rules.public_headers_compile_alone]

LONG_FUNCTION = "int f()\n{\n" + "    g();\n" * 70 + "}\n"

# What the examples for awaitables_conform are made of.
AWAITABLES = {
    "runtime/awaiting.hpp": "namespace coil { template <class T = void> class task { awaiter operator co_await() const; }; }\n",
    "runtime/internal/wait.hpp": "namespace coil::internal { struct wait { template <class P> bool await_suspend(P awaiting); };\n"
                                 "template <class A, class... B> class [[nodiscard]] awaitable { A operator co_await(); };\n"
                                 "class late_wait final : public wait {}; using late = awaitable<late_wait>; }\n",
    "net/claimed.hpp": "namespace coil::net { task<> claimed(); class s { public: task<> claimed(); int other(); }; }\n",
    "tests/task_test.cpp": 'awaitable_conformance<task_case>::check("task", "net::claimed", "net::s::claimed");\n',
}

# Each holds one awaitable that no test names.
UNCLAIMED = [
    "task<result<std::vector<int>>> f(std::string a = {}, int b = 0);  task<> claimed();",
    "inline coil::task<> f() { co_return; }",
    "class s { public: s() : a_{1}, b_(2) {} task<> claimed() const; task<int> f() const& noexcept; private: task<> g(); };",
    "struct s { static coil::internal::late f(); task<> claimed() { co_return; } protected: task<> g(); };",
    "struct s { using transfer = internal::awaitable<internal::wait, int>; transfer f(); };",
    "class s { class inner { public: task<> g(); }; public: class other { public: internal::late_wait f(); }; };",
    "template <class A> requires is_result<await_result<A&>> task<await_result<A&>> f(A a);",
    "template <class A> requires(!std::same_as<A, int> && sizeof(A) > 1) internal::late f(A a) { return internal::late(); }",
    "namespace inner { internal::late f(); namespace internal { task<> g(); } }",
    "auto f(int a);",
    "auto f(int a) -> task<int>;",
    "class f { public: bool await_suspend(std::coroutine_handle<> h); };",
    "struct f : internal::wait { friend task<> g(); std::function<task<>(int)> h(); bool operator==(const f&) const; };",
    "enum class e { task }; concept c = requires(int a) { task<>(a); }; int x = g(1); task<> f();",
]

# rule, files that break it
BAD = [
    (rules.include_directions, {"runtime/task.hpp": "#include <coil/net/socket.hpp>\n"}),
    (rules.include_directions, {"net/socket.cpp": "#include <coil/tls/socket.hpp>\n"}),
    (rules.include_directions, {"tls/socket.cpp": '#include "tests/support/pair.hpp"\n'}),
    (rules.include_directions, {"net/socket.cpp": '#include "socket.hpp"\n'}),
    (rules.engine_knows_no_network, {"tls/engine.hpp": "#include <coil/tls/error.hpp>\n",
                                     "tls/error.hpp": "#include <coil/net/address.hpp>\n", "net/address.hpp": ""}),
    (rules.liburing_only_in_ring, {"runtime/loop.cpp": "#include <liburing.h>\n"}),
    *[(rules.kernel_is_called_below_the_seam, {path: text}) for path, text in (
        ("runtime/cluster.cpp", "#include <poll.h>\n"),
        ("runtime/standard_stream.hpp", "#include <unistd.h>\n"),
        ("runtime/internal/mailbox.cpp", "#include <sys/eventfd.h>\n"),
        ("tls/ticket_keys.cpp", "#include <sys/random.h>\n"),
        ("runtime/directory.cpp", ""),  # it is said to take a header for its names
        ("net/socket.cpp", "#include <sys/socket.h>\nint f() { return ::getsockname(1, nullptr, nullptr); }\n"),
        ("net/socket.cpp", "int f() { if (::recv(1, p, 1, 0) < 0) {} }\n"),
    )],
    (rules.openssl_only_in_tls, {"net/socket.cpp": "#include <openssl/ssl.h>\n"}),
    (rules.public_headers_hide_libraries, {"tls/socket.hpp": "#include <coil/tls/internal/openssl.hpp>\n",
                                           "tls/internal/openssl.hpp": "#include <openssl/ssl.h>\n"}),
    (rules.file_length, {"net/socket.cpp": "\n" * 601}),
    (rules.function_length, {"net/socket.cpp": LONG_FUNCTION}),
    (rules.function_length, {"net/socket.cpp": LONG_FUNCTION.replace("f()", "f(int) const noexcept -> a::b<c>")}),
    (rules.function_length, {"net/socket.cpp": LONG_FUNCTION.replace("f()", "f::f(int a) : a_(a), b_{a}")}),
    (rules.function_length, {"tools/a.py": "def f():\n" + "    g()\n" * 70}),
    (rules.folder_depth, {"net/a/b/c/d.cpp": ""}),
    (rules.file_names, {"net/socketPair.cpp": ""}),
    (rules.file_names, {"net/socket_utils.cpp": ""}),
    (rules.public_header_has_test, {"net/socket.hpp": "", "tests/tls/socket_test.cpp": ""}),
    *[(rules.awaitables_conform, AWAITABLES | {"net/a.hpp": "namespace coil::net {\n" + text + "\n}\n"})
      for text in UNCLAIMED],
    (rules.awaitables_conform, {"tests/a_test.cpp": 'awaitable_conformance<a_case>::check("net::gone");\n'}),
    (rules.awaitables_conform, {"runtime/yield.hpp": ""}),
    (rules.pragma_once, {"net/socket.hpp": "// #pragma once\n"}),
    (rules.rejected_words, {"net/socket.cpp": "// TODO\n"}),
    (rules.rejected_words, {"tls/socket.cpp": "SSL_set_retry_verify(ssl);\n"}),
    (rules.requirement_ids_stay_in_tests, {"tls/socket.cpp": "// ABC-07\n"}),
    (rules.requirement_ids_stay_in_tests, {"docs/errors.md": "as ABC-07 says\n"}),
    (rules.nothing_is_downloaded, {"tools/setup": "curl https://somewhere.org/file\n"}),
    (rules.readme_shows_the_echo_server, {"tests/consumer/echo_server.cc": "int a;\n", "README.md": "int b;\n"}),
    (rules.nothing_is_downloaded, {"README.md": "from registry.somewhere.org\n"}),
]

# Bodies of a coroutine that g++ 12 compiles wrongly.
BAD_FORMS = {
    "braces_as_argument": "int a; co_await f({.host = s});",
    "named_aggregate": "int a; co_await f(options{s});",
    "braces_in_chained_call": "int a; auto n = co_await m{}.f();",
    "braces_after_co_await": "int a; co_await operation{1, s};",
    "co_await_in_braces": "int a; pair p{co_await f(), 1};",
    "list_of_class_type": "int a; co_await vec({std::string(s), std::string(s)});",
    "capture_by_value": "int a; co_await run([s] { g(s); });",
    "capture_default_by_value": "int a; co_await run([=] { g(s); });",
    "capture_with_initialiser": "int a; co_await run([&a, t = std::move(s)]() mutable { g(t); });",
    "lambda_coroutine": "int a; co_await [s]() -> task<> { co_return; }();",
    "conditional_around": "int a; auto x = b ? co_await f() : 4;",
    "conditional_inside": 'int a; co_await f(b ? s : std::string("q"));',
    "conditional_in_return": "int a; co_return b ? 1 : co_await f();",
    "first_if": "if (co_await f()) g();",
    "first_if_negated": "if (!co_await f()) co_return;",
    "first_while": "while (auto n = co_await f()) g();",
    "first_for": "for (; co_await f();) g();",
    "first_switch": "switch (co_await f()) { case 1: break; }",
    "in_nested_block": "int a; if (a) { for (;;) { auto x = co_await f({1}); } }",
    "after_block": "int a; if (a) { g(); } co_await f({1});",
    "inside_lambda": "auto l = [&]() -> task<> { int a; co_await f({1}); };",
    "first_in_lambda": "auto l = [&]() -> task<int> { if (co_await f()) g(); };",
}

GOOD_FORMS = {
    "named_objects": "options o{.host = s}; auto n = co_await f(o);",
    "statement_after_block": "options o; if (a) { g(); } co_await f(o); if (b) { g(); }",
    "condition_later": "int a = 1; while (auto n = co_await f(a)) { options o{1}; g(b ? 1 : 2); }",
    "if_with_initialiser": "if (auto ok = co_await f(); !ok) co_return ok;",
    "capture_by_reference": "int a; co_await run([&] { options o{1}; return b ? 1 : 2; });",
    "capture_this": "int a; co_await run([this, &a] { g(); });",
    "subscript": "int a; auto x = co_await f(list[a]); auto y = list[b[a]];",
    "conditional_elsewhere": "int a = b ? 1 : 2; co_await f(a); g(b ? 1 : 2);",
    "braces_elsewhere": "options o{1}; co_await f(o); options p{2};",
    "in_comment_and_string": 'int a; co_await f("{?}"); // ? {',
    "for_body": "for (options o : list) { co_await f(o); }",
    "operator_declaration": "struct t { auto operator co_await() { return a{1}; } };",
    "branch_without_braces": "int a; if (a) co_await f(a); else co_await g(a);",
    "structured_binding": "auto [a, b] = co_await f(); g({a, b});",
}


class ProjectKeepsTheRules(unittest.TestCase):
    """One case for each rule."""

    @classmethod
    def setUpClass(cls):
        cls.project = Project.from_folder(ROOT)


class RulesFindWhatBreaksThem(unittest.TestCase):
    """One case for each bad example, and for each form that must be let through."""

    def test_awaitables_that_tests_name_conform(self):
        self.assertEqual([], list(rules.awaitables_conform(Project(AWAITABLES))))

    def test_a_header_that_needs_another_does_not_compile_alone(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "include", "coil"))
            os.makedirs(os.path.join(root, "net"))
            os.symlink("../../net", os.path.join(root, "include", "coil", "net"))
            shutil.copy(os.path.join(ROOT, "compile_flags.txt"), root)
            for name, text in (("good", "#pragma once\n#include <vector>\n"), ("bad", "#pragma once\n")):
                with open(os.path.join(root, "net", name + ".hpp"), "w", encoding="utf-8") as file:
                    file.write(text + "inline std::vector<int> " + name + ";\n")
            found = list(rules.public_headers_compile_alone(Project.from_folder(root)))
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("net/bad.hpp"))


def coroutine(body):
    return Project({"net/a.cpp": "namespace n\n{\ntask<int> a::c(int b) const\n{\n    " + body + "\n}\n}\n"})


def add_cases():
    def keeps(rule):
        def case(self):
            broken = list(rule(self.project))
            if broken:
                self.fail("\n".join([f"{len(broken)} places", *broken]))
        return case

    def finds(rule, project):
        return lambda self: self.assertEqual(1, len(list(rule(project))), list(rule(project)))

    def lets_through(project):
        return lambda self: self.assertEqual([], list(rules.safe_coroutine_forms(project)))

    for rule in RULES:
        setattr(ProjectKeepsTheRules, "test_" + rule.__name__, keeps(rule))
    for number, (rule, files) in enumerate(BAD):
        setattr(RulesFindWhatBreaksThem, f"test_{rule.__name__}_{number}", finds(rule, Project(files)))
    for name, body in BAD_FORMS.items():
        setattr(RulesFindWhatBreaksThem, "test_rejects_" + name, finds(rules.safe_coroutine_forms, coroutine(body)))
    for name, body in GOOD_FORMS.items():
        setattr(RulesFindWhatBreaksThem, "test_allows_" + name, lets_through(coroutine(body)))


add_cases()

if __name__ == "__main__":
    unittest.main()
