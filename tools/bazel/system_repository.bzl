"""Repository rules that make installed Debian packages visible to Bazel."""

_LIBRARY = """
cc_library(
    name = "{name}",
    defines = {defines},
    linkopts = {linkopts},
    deps = {deps},
    visibility = ["//visibility:public"],
)
"""

def _system_libraries_impl(repository_ctx):
    attr = repository_ctx.attr
    if not repository_ctx.path("/usr/include/" + attr.header).exists:
        fail("<{}> is not installed. Install the Debian package {}, or run coil's tools/setup, or define @{} yourself before coil_dependencies().".format(
            attr.header,
            attr.package,
            repository_ctx.name,
        ))
    build = ["load(\"@rules_cc//cc:defs.bzl\", \"cc_library\")\n"]
    for name, words in attr.libraries.items():
        build.append(_LIBRARY.format(
            name = name,
            defines = [attr.defines[name]] if name in attr.defines else [],
            linkopts = [word for word in words.split(" ") if word.startswith("-")],
            deps = [word for word in words.split(" ") if word.startswith(":")],
        ))
    repository_ctx.file("BUILD.bazel", "".join(build))

system_libraries = repository_rule(
    implementation = _system_libraries_impl,
    doc = "Libraries whose headers and objects are where the compiler looks by itself: only the link options have to be said.",
    local = True,
    attrs = {
        "header": attr.string(mandatory = True, doc = "A header whose absence means that the package is missing."),
        "package": attr.string(mandatory = True, doc = "The Debian package to name then."),
        "libraries": attr.string_dict(mandatory = True, doc = "Target name -> its link options and ':dependencies'."),
        "defines": attr.string_dict(doc = "Target name -> a macro that its users have to define."),
    },
)

def _patched_rules_cc_impl(repository_ctx):
    # Debian's rules_cc 0.0.4 imports use_cpp_toolchain, which Bazel learned after 4.2.3; there the toolchain type does the same.
    result = repository_ctx.execute(["cp", "-r", repository_ctx.attr.path + "/.", "."])
    if result.return_code != 0:
        fail("cannot copy rules_cc; is the Debian package bazel-rules-cc installed? " + result.stderr)
    for name in ["cc_flags_supplier", "compiler_flag"]:
        file = "cc/private/rules_impl/" + name + ".bzl"
        text = repository_ctx.read(file)
        text = text.replace("\"find_cpp_toolchain\", \"use_cpp_toolchain\"", "\"find_cpp_toolchain\"")
        text = text.replace("use_cpp_toolchain()", "[\"@bazel_tools//tools/cpp:toolchain_type\"]")
        repository_ctx.delete(file)
        repository_ctx.file(file, text, executable = False)

patched_rules_cc = repository_rule(
    implementation = _patched_rules_cc_impl,
    doc = "A copy of Debian's rules_cc that Bazel 4.2.3 can load.",
    attrs = {"path": attr.string(mandatory = True)},
)

def _stub_coverage_tools_impl(repository_ctx):
    # `bazel test` resolves these two even where no coverage is asked for.
    names = ["coverage_report_generator", "lcov_merger"]
    repository_ctx.file("WORKSPACE", "workspace(name = \"{}\")\n".format(repository_ctx.name))
    repository_ctx.file("absent.sh", "#!/bin/sh\necho 'coverage reports need a tool that is not packaged' >&2\nexit 1\n")
    repository_ctx.file("BUILD.bazel", "".join([
        "sh_binary(name = \"{}\", srcs = [\"absent.sh\"], visibility = [\"//visibility:public\"])\n".format(name)
        for name in names
    ]))
    repository_ctx.file("tools/BUILD.bazel", "")

stub_coverage_tools = repository_rule(
    implementation = _stub_coverage_tools_impl,
    doc = "Stands in for the coverage tools that Bazel would otherwise download.",
)
