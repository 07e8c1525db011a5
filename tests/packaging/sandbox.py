"""Runs a command behind a unit's SystemCallFilter, as systemd would build it (systemd.exec(5)).

Usage: sandbox.py ERRNO FILTER... -- COMMAND...

A FILTER is the value of one SystemCallFilter= line. What the groups hold comes from
`systemd-analyze syscall-filter`, the filter itself is libseccomp's.
"""

import ctypes
import errno
import os
import subprocess
import sys

SCMP_ACT_ALLOW = 0x7FFF0000
SCMP_ACT_ERRNO = 0x00050000


def groups():
    """Names of groups and what is in them."""
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    ).stdout
    found, members = {}, []
    for line in listing.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members = found.setdefault(word, [])
        elif word and not word.startswith("#"):
            members.append(word)
    return found


def allowed(filters):
    known = groups()

    def expand(names):
        calls = set()
        for name in names:
            calls |= expand(known[name]) if name.startswith("@") else {name}
        return calls

    calls = {"execve"}  # systemd always lets itself start the program
    for one in filters:
        if one.startswith("~"):
            calls -= expand(one[1:].split())
        else:
            calls |= expand(one.split())
    return calls


def main():
    at = sys.argv.index("--")
    refusal, filters, command = sys.argv[1], sys.argv[2:at], sys.argv[at + 1 :]
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    rules = library.seccomp_init(SCMP_ACT_ERRNO | getattr(errno, refusal))
    for name in allowed(filters):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert library.seccomp_rule_add(rules, SCMP_ACT_ALLOW, number, 0) == 0, name
    assert library.seccomp_load(rules) == 0
    os.execvp(command[0], command)


main()
