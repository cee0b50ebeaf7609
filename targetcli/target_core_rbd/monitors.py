# SPDX-License-Identifier: GPL-2.0
"""Turn mon_host, a text with a cluster's monitors, into the address list of the kernel module.

mon_host is a list with commas, semicolons or blanks between its entries. An entry is an address
vector in brackets, [v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0], or one address: a name, an IPv4
address, or an IPv6 address, in brackets if a port follows. An address may start with v1:, v2: or
any:, and may end with a port and a nonce.

The kernel speaks either msgr2 or msgr1 to all monitors. For an address without a protocol we follow
Ceph's own rule: port 3300 is msgr2, port 6789 is msgr1, no port means either protocol with its own
port, any other port means either. If a cluster has nothing but msgr1 addresses, the client speaks
msgr1 unless the operator chose otherwise.
"""

import re
import socket

V1, V2 = 'v1', 'v2'
DEFAULT_PORT = {V1: 6789, V2: 3300}

# The protocol that it starts with tells a vector in brackets from an IPv6 address in brackets.
ENTRY = re.compile(r'\[(?P<vector>(?:v1|v2|any):.*?(?:/\d+)?)\](?=[,;\s]|$)|(?P<single>[^,;\s]+)')
ADDRESS = re.compile(r'(?:(?P<protocol>v1|v2|any):)?'
                     r'(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<bare>[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)'
                     r'|(?P<host>[^][:/,;\s]+))'
                     r'(?::(?P<port>\d+))?(?:/(?P<nonce>\d+))?')


def parse_address(text):
    """Parse one address into (protocol or None, host, port or None)."""
    match = ADDRESS.fullmatch(text)
    if not match:
        raise ValueError("monitor address '%s' cannot be understood" % text)
    protocol = match['protocol'] if match['protocol'] != 'any' else None
    host = match['bracketed'] or match['bare'] or match['host']
    port = int(match['port'] or 0)
    if port > 65535:
        raise ValueError("monitor address '%s': port out of range" % text)
    return protocol, host, port or None


def parse_mon_host(text):
    addresses = []
    position = 0
    while position < len(text):
        if text[position] in ',; \t\r\n':
            position += 1
            continue
        match = ENTRY.match(text, position)
        position = match.end()
        entries = match['vector'].split(',') if match['vector'] else [match['single']]
        addresses += [parse_address(entry) for entry in entries if entry]
    return addresses


def serving(addresses, protocol):
    """Return host and port of those addresses where a monitor may listen with this protocol."""
    found = []
    for declared, host, port in addresses:
        if declared is None and port in DEFAULT_PORT.values():
            declared = V1 if port == DEFAULT_PORT[V1] else V2
        if declared in (None, protocol):
            found.append((host, port or DEFAULT_PORT[protocol]))
    return found


def resolve(host, port):
    """Return numeric addresses, in the kernel's notation."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ValueError("monitor '%s' cannot be resolved: %s" % (host, error.strerror))
    return ['[%s]:%d' % answer[4][:2] if answer[0] == socket.AF_INET6 else '%s:%d' % answer[4][:2]
            for answer in answers if answer[0] in (socket.AF_INET, socket.AF_INET6)]


def mon_addr(addresses, ms_mode=None):
    """Return the value of the control key mon_addr, and the ms_mode that goes with it. None leaves
    that to the module.
    """
    found = serving(addresses, V1 if ms_mode == 'legacy' else V2)
    if not found and ms_mode is None:
        ms_mode = 'legacy'
        found = serving(addresses, V1)
    if not found:
        raise ValueError('no monitor has an address for ms_mode=%s' % ms_mode)
    numeric, errors = [], []
    for host, port in found:
        try:
            numeric += [address for address in resolve(host, port) if address not in numeric]
        except ValueError as error:
            errors.append(str(error))
    if not numeric:
        raise ValueError('; '.join(errors))
    return '/'.join(numeric), ms_mode
