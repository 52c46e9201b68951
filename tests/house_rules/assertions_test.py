"""What coil's objects hold differs between builds with and without assertions, so a program of both kinds must not link (F-72)."""

import itertools
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = {"with": "-DNDEBUG", "without": "-UNDEBUG"}
PROGRAM = "#include <coil/runtime/task.hpp>\nint main() {}\n"


class ProgramsOfBothKindsDoNotLink(unittest.TestCase):
    """One program and the library's part that tells the kinds apart, compiled both ways."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        with open(os.path.join(ROOT, "compile_flags.txt"), encoding="utf-8") as file:
            flags = file.read().split()
        source = os.path.join(cls.folder.name, "program.cpp")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        for kind, flag in KINDS.items():
            for name, path in (("program", source), ("library", "runtime/internal/misuse.cpp")):
                subprocess.run(["g++", *flags, flag, "-O1", "-c", path, "-o", cls.object(name, kind)], cwd=ROOT, check=True)

    @classmethod
    def object(cls, name, kind):
        return os.path.join(cls.folder.name, f"{name}_{kind}.o")

    def undefined(self, program, library):
        """What the linker says about NDEBUG; the rest of the library is missing in any case."""
        linked = subprocess.run(["g++", self.object("program", program), self.object("library", library),
                                 "-o", os.path.join(self.folder.name, "program")],
                                stderr=subprocess.PIPE, text=True, check=False)
        return [line for line in linked.stderr.splitlines() if "undefined" in line and "NDEBUG" in line]

    def test_a_program_links_with_its_own_kind_only(self):
        for program, library in itertools.product(KINDS, KINDS):
            with self.subTest(program=program, library=library):
                found = self.undefined(program, library)
                if program == library:
                    self.assertEqual([], found)
                else:
                    self.assertTrue(found)
                    self.assertIn(f"every_object_has_to_be_compiled_{program}_NDEBUG", found[0])


if __name__ == "__main__":
    unittest.main()
