"""Holds docs/node_mapping.md to Node's names, to coil's headers and to the labels of the tests."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import node_names  # pylint: disable=wrong-import-position
import parity  # pylint: disable=wrong-import-position

MANUAL = """# TLS
## Concepts
* `in`: is none
* `tls.CLIENT_RENEG_LIMIT` {number} How often.
## Codes
## X509 certificate error codes
* `'CERT_HAS_EXPIRED'`: Late.
## Class: `tls.Server`
### Event: `'keylog'`
* `line` {Buffer}
### `server.addContext(hostname, context)`
* `hostname` {string}
## Class: `tls.TLSSocket`
### `new tls.TLSSocket(socket[, options])`
* `socket` {net.Socket}
* `options` {Object}
  * `isServer`: Which side.
  * ...: more
* Returns: {Object}
  * `name` {string}
### Event: `'keylog'`
### `tlsSocket.encrypted`
#### Certificate object
* `ca` {boolean}
## `tls.connect(options[, callback])`
* `options` {Object}
  * `checkServerIdentity(servername, cert)` {Function}
    * `deeper`
* `callback` {Function}
  * `err`
"""

NET_MANUAL = """# Net
### `new net.Socket([options])`
* `options` {Object}
  * `fd` {number}
    * `buffer` {Buffer}
#### `socket.connect(options[, connectListener])`
* `options` {Object}
* `connectListener` {Function}

For TCP:

* `hints` {number}
#### `socket.connect(path[, connectListener])`
* `path` {string}
### `blockList.check(address)`
* `address`
"""


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page, cls.cases, cls.problems = parity.check(ROOT)
        cls.node = node_names.find_node(ROOT)

    def node_20(self):
        self.assertIsNotNone(self.node, "there is no Node; tools/setup installs one")
        version = node_names.major_version(self.node)
        if version != node_names.REFERENCE:
            self.skipTest(f"the names are those of Node {node_names.REFERENCE}, and this is Node {version}")
        return self.node

    def not_listed(self, names):
        """Members of net.Socket may be listed as those of the TLS socket that inherits them."""
        listed = self.page.node_names
        return sorted(name for name in names
                      if name not in listed and name.replace("socket.", "tlsSocket.", 1) not in listed)

    def test_labels_rows_and_headers_fit_together(self):
        self.assertEqual(self.problems, [])

    def test_the_page_lists_all_names_that_node_has(self):
        self.assertEqual(self.not_listed(node_names.module_names(self.node_20())), [])

    def test_the_page_lists_all_names_that_the_manual_documents(self):
        self.node_20()
        tls, net = node_names.manual("tls"), node_names.manual("net")
        if tls is None or net is None:
            self.skipTest("the manual of Node is not installed (/usr/share/doc/nodejs/api/tls.md), which Node's own "
                          "Debian package brings and the npm package does not")
        self.assertEqual(self.not_listed(node_names.tls_manual_names(tls) | node_names.net_manual_names(net)), [])


class ManualTest(unittest.TestCase):
    def test_headings_events_options_fields_and_codes_of_the_manual_are_names(self):
        self.assertEqual(node_names.tls_manual_names(MANUAL), {
            "tls.CLIENT_RENEG_LIMIT", "CERT_HAS_EXPIRED", "tls.Server", "server.on('keylog')", "server.addContext",
            "tls.TLSSocket", "new tls.TLSSocket", "new tls.TLSSocket({ isServer })", "tlsSocket.on('keylog')",
            "tlsSocket.encrypted", "certificate.ca", "tls.connect", "tls.connect({ checkServerIdentity })"})

    def test_of_net_only_the_options_count_that_those_of_tls_include(self):
        self.assertEqual(node_names.net_manual_names(NET_MANUAL), {
            "net.Server", "net.Socket", "new net.Socket({ fd })", "socket.connect", "socket.connect({ hints })"})


if __name__ == "__main__":
    unittest.main()
