"""Everything coil needs from outside, all of it from Debian packages: nothing is downloaded.

A workspace that depends on coil calls coil_dependencies(). Whatever it defined before that call, under one of the names
below, is left alone; so a project with its own OpenSSL declares its own @openssl first (targets :ssl and :crypto).
"""

load(":system_repository.bzl", "patched_rules_cc", "stub_coverage_tools", "system_libraries")

_RULES = "/usr/share/bazel/rules/"

_CA_CERTIFICATES_BUILD = """
filegroup(
    name = "certificates",
    srcs = glob(["*.crt"]),
    visibility = ["//visibility:public"],
)
"""

_CHART_JS_BUILD = """
exports_files(
    ["chart.min.js"],
    visibility = ["//visibility:public"],
)
"""

def coil_libraries():
    """Defines the libraries coil links, each unless the workspace has it: @openssl, @liburing, @boost, @ca_certificates, @chart_js."""
    if not native.existing_rule("openssl"):
        system_libraries(
            name = "openssl",
            header = "openssl/ssl.h",
            package = "libssl-dev",
            libraries = {
                "ssl": "-lssl :crypto",
                "crypto": "-lcrypto",
            },
        )
    if not native.existing_rule("liburing"):
        system_libraries(
            name = "liburing",
            header = "liburing.h",
            package = "liburing-dev",
            libraries = {"liburing": "-luring"},
        )
    if not native.existing_rule("boost"):
        system_libraries(
            name = "boost",
            header = "boost/version.hpp",
            package = "libboost1.81-dev (and libboost-{context,json,program-options,test}1.81-dev)",
            libraries = {
                "headers": "-pthread",  # everything that needs no library of its own: Beast and Asio among it
                "context": "-lboost_context :headers",
                "json": "-lboost_json :headers",
                "program_options": "-lboost_program_options :headers",
                "test": "-lboost_unit_test_framework :headers",
            },
            defines = {"test": "BOOST_TEST_DYN_LINK"},
        )
    if not native.existing_rule("ca_certificates"):
        native.new_local_repository(
            name = "ca_certificates",
            build_file_content = _CA_CERTIFICATES_BUILD,
            path = "/usr/share/ca-certificates/mozilla",
        )
    if not native.existing_rule("chart_js"):
        native.new_local_repository(
            name = "chart_js",
            build_file_content = _CHART_JS_BUILD,
            path = "/usr/share/javascript/chart.js",
        )

def debian_rules():
    """Defines the Bazel rules as Debian packages them: rules_cc in a form that Bazel 4.2.3 can load, rules_java, rules_proto."""
    if not native.existing_rule("rules_cc"):
        patched_rules_cc(name = "rules_cc", path = _RULES + "cc")
    if not native.existing_rule("rules_java"):
        native.local_repository(name = "rules_java", path = _RULES + "java")
    if not native.existing_rule("rules_proto"):
        native.local_repository(name = "rules_proto", path = _RULES + "proto")
    if not native.existing_rule("remote_coverage_tools"):
        stub_coverage_tools(name = "remote_coverage_tools")

def coil_dependencies():
    """Everything: the one call a workspace needs."""
    debian_rules()
    coil_libraries()
