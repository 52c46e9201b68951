"""The one place for compiler flags and house conventions of coil's own targets.

Flags are attributes of the targets, because a consumer's build does not see our .bazelrc.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

COPTS = [
    "-std=c++20",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Woverloaded-virtual",
    "-Wno-missing-field-initializers",  # an options aggregate names only the fields it sets
]

_MODULES = ["runtime", "net", "tls"]
OURSELVES = ["//" + folder + ":__subpackages__" for folder in _MODULES + ["tools", "bench", "tests"]]

# Labels of this workspace, whatever a consumer calls it.
_EMBED_CERTIFICATES = str(Label("//tools/bazel:embed_certificates"))
_EMBED_TEXT = str(Label("//tools/bazel:embed_text"))
_TEST_MAIN = str(Label("//tests/support:main"))

def coil_library(name, visibility = None, copts = [], **kwargs):
    """A library of coil.

    Headers of runtime/, net/ and tls/ are included as <coil/MODULE/...>; those of other folders as "FOLDER/NAME.hpp".
    What lies in a folder `internal` is visible inside coil only, the rest to everybody.

    Args:
      name: as in cc_library.
      visibility: overrides the default above.
      copts: added to COPTS.
      **kwargs: srcs, hdrs, deps and so on, as in cc_library.
    """
    package = native.package_name()
    folders = package.split("/")
    if visibility == None:
        visibility = OURSELVES if "internal" in folders else ["//visibility:public"]
    if folders[0] in _MODULES:
        kwargs["include_prefix"] = "coil/" + package
    cc_library(
        name = name,
        copts = COPTS + copts,
        linkstatic = True,  # one object file per source: a shared form of it would be compiled once more
        visibility = visibility,
        **kwargs
    )

def coil_binary(name, copts = [], **kwargs):
    """A program; attributes as in cc_binary."""
    cc_binary(
        name = name,
        copts = COPTS + copts,
        **kwargs
    )

def coil_test(name, srcs, deps = [], copts = [], **kwargs):
    """A Boost.Test program whose cases are counted one by one.

    Tag `threads`: it runs threads, so the thread sanitizer lane runs it too.

    Args:
      name: X_test for a header X.hpp.
      srcs: contain BOOST_AUTO_TEST_CASEs and no main.
      deps: besides Boost.Test and the main function, which come by themselves.
      copts: added to COPTS.
      **kwargs: tags, data, size, env and so on, as in cc_test.
    """
    cc_test(
        name = name,
        srcs = srcs,
        deps = deps + [
            "@boost//:test",
            _TEST_MAIN,
        ],
        copts = COPTS + copts,
        linkstatic = True,
        **kwargs
    )

def embed_certificates(name, srcs, out, **kwargs):
    """Generates a source file with the PEM certificates of `srcs` as string literals.

    It defines, in namespace coil::tls::internal,
        extern const std::string_view root_certificate_pems[];
        extern const std::size_t root_certificate_count;

    Args:
      name: of the rule.
      srcs: files with PEM certificates.
      out: the .cpp file to make.
      **kwargs: as in genrule.
    """
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [out],
        cmd = "$(execpath {}) $@ $(SRCS)".format(_EMBED_CERTIFICATES),
        tools = [_EMBED_CERTIFICATES],
        **kwargs
    )

def embed_text(name, files, namespace, out, **kwargs):
    """Generates a source file that defines, in `namespace`, `extern const std::string_view` for each file.

    Args:
      name: of the rule.
      files: file -> name of its variable.
      namespace: of the variables.
      out: the .cpp file to make.
      **kwargs: as in genrule.
    """
    native.genrule(
        name = name,
        srcs = files.keys(),
        outs = [out],
        cmd = " ".join(["$(execpath {}) $@ {}".format(_EMBED_TEXT, namespace)] +
                       ["{} $(execpath {})".format(variable, file) for file, variable in files.items()]),
        tools = [_EMBED_TEXT],
        **kwargs
    )
