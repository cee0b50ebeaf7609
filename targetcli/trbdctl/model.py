# SPDX-License-Identifier: GPL-2.0
"""A validated document as dataclasses. See trbd.yaml(5) for their meaning."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Optional

ISCSI_PORT = 3260
# as LIO has them
EVERYWHERE = ('0.0.0.0', '[::]', '[::0]')


@dataclass(frozen=True)
class Portal:
    """address is as configfs has it: IPv6 in brackets."""
    address: str
    port: int = ISCSI_PORT

    def __str__(self):
        return '%s:%d' % (self.address, self.port)

    @classmethod
    def parse(cls, text):
        """Parse ADDRESS or ADDRESS:PORT, with an IPv6 address in brackets where a port follows."""
        match = re.fullmatch(r'\[(?P<six>[^]]+)\](?::(?P<six_port>\d{1,5}))?|(?P<four>[\d.]+)(?::(?P<port>\d{1,5}))?'
                             r'|(?P<bare>[0-9A-Fa-f:.]+)', text)
        if not match:
            raise ValueError('not an address')
        address = ipaddress.ip_address(match['six'] or match['four'] or match['bare'])
        port = int(match['six_port'] or match['port'] or ISCSI_PORT)
        if not 0 < port < 65536:
            raise ValueError('port %d is out of range' % port)
        if address.is_unspecified:
            raise ValueError('it stands for all addresses, and no second group could listen there')
        if address.is_multicast:
            raise ValueError('it is a multicast address')
        return cls('[%s]' % address if address.version == 6 else str(address), port)


@dataclass(frozen=True)
class Chap:
    """Users, and the names of their secrets: not the secrets."""
    user: str
    secret: str
    mutual_user: Optional[str] = None
    mutual_secret: Optional[str] = None


@dataclass(frozen=True)
class Host:
    """luns leads from the number that the host sees to the target's."""
    luns: dict
    chap: Optional[Chap] = None
    read_only: bool = False


@dataclass(frozen=True)
class Disk:
    image: str
    wwn: Optional[str] = None
    block_size: Optional[int] = None


@dataclass(frozen=True)
class Gateway:
    group: int
    portals: tuple


@dataclass(frozen=True)
class Target:
    """gateways leads from their names to portals; open is None, 'read-write' or 'read-only'."""
    gateways: dict
    luns: dict
    hosts: dict
    open: Optional[str] = None
    chap: Optional[Chap] = None


@dataclass(frozen=True)
class Group:
    gateways: dict
    disks: dict
    targets: dict
    id: str = 'admin'
    conf: str = '/etc/ceph/ceph.conf'
    options: str = ''
    names_discovery: bool = False
    discovery: Optional[Chap] = None
    warnings: list = field(default_factory=list, compare=False)
