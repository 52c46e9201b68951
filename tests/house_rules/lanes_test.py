"""What tools/test runs, without running it."""

import importlib.util
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_lanes():
    where = importlib.util.spec_from_file_location("test_lanes", os.path.join(ROOT, "tools", "test_lanes.py"))
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module


class LanesTest(unittest.TestCase):
    def setUp(self):
        self.lanes = load_lanes()
        self.options = {key: options for key, _, options in self.lanes.BAZEL_LANES}

    def test_every_lane_is_named_where_contributors_read_of_them(self):
        with open(os.path.join(ROOT, "CONTRIBUTING.md"), encoding="utf-8") as file:
            told = re.search(r"^Lanes of `tools/test`:.*?\n\n", file.read(), re.MULTILINE | re.DOTALL).group()
        self.assertEqual([key for key in self.options if f"`{key}`" not in told], [])

    def test_what_runs_a_part_of_the_suite_is_a_lane_and_the_part_is_there(self):
        for key, targets in self.lanes.PARTS.items():
            self.assertIn(key, self.options)
            for target in targets:
                folder = os.path.join(ROOT, target.removeprefix("//").removesuffix("/..."))
                self.assertTrue(os.path.exists(os.path.join(folder, "BUILD.bazel")), target)

    def test_lanes_on_other_rings_run_the_programs_of_the_lane_before_them(self):
        keys = list(self.options)
        for key, variable in (("fallback", "COIL_RING_WITHOUT"), ("epoll", "COIL_BACKEND")):
            chosen = [option for option in self.options[key] if option.startswith("--test_env=")]
            self.assertEqual([option.split("=")[1] for option in chosen], [variable])
            self.assertEqual([option for option in self.options[key] if option not in chosen], self.options["clang"])
            self.assertLess(keys.index("clang"), keys.index(key))
        self.assertIn("--test_env=COIL_BACKEND=epoll", self.options["epoll"])


if __name__ == "__main__":
    unittest.main()
