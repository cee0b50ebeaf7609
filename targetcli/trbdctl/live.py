# SPDX-License-Identifier: GPL-2.0
"""Do steps in LIO, through rtslib. Nothing else of this package changes it.

rtslib removes a thing with all that is in it. A plan names each part before, so what is left in it
then was put there meanwhile, and we refuse.
"""

import glob
import importlib
import os
import socket

from .problems import Problem, refuse

AUTH = (('userid', 'user'), ('password', 'secret'), ('mutual_userid', 'mutual_user'), ('mutual_password', 'mutual_secret'))


def import_rtslib():
    for name in ('rtslib_fb', 'rtslib'):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    refuse('', 'rtslib is missing', 'apt-get install python3-rtslib-fb')


def is_local(address):
    """Whether this machine can listen on an address."""
    family = socket.AF_INET6 if address.startswith('[') else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address.strip('[]'), 0))
        except OSError:
            return False
    return True


def foreign_addresses(group, me, place):
    """Yield a problem for each portal of ours that this machine does not have."""
    for portals in {target.gateways[me] for target in group.targets.values() if me in target.gateways}:
        for portal in portals:
            if not is_local(portal.address):
                yield Problem(place('gateways', me), "this machine has no address %s" % portal.address,
                              'give it the address first, or correct the portals of %s' % me)


class Live:
    def __init__(self):
        self.rtslib = import_rtslib()
        try:
            self.root = self.rtslib.RTSRoot()
            self.root.invalidate_caches()
            self.fabric = self.rtslib.FabricModule('iscsi')
        except Exception as error:
            refuse('', 'the kernel target cannot be reached: %s' % error, 'run trbdctl as root on a gateway')

    def dump(self):
        try:
            dump = self.root.dump()
        except Exception as error:
            refuse('', 'the present configuration cannot be read: %s' % error, '"trbdctl apply" removes LUNs that lead nowhere; for the rest see "targetcli ls"')
        return dump

    def remove_halves(self):
        """Remove LUNs without a disk, and LUNs of hosts that lead to none. Their maker was killed,
        and rtslib reads nothing while one is there. Return their places.
        """
        here = self.fabric.path
        halves = [path for pattern in ('acls/*/lun_*', 'lun/lun_*') for path in glob.glob('%s/*/tpgt_*/%s' % (here, pattern))
                  if not any(entry.is_symlink() for entry in os.scandir(path))]
        for path in halves:
            try:
                os.rmdir(path)
            except OSError as error:
                refuse('', '%s leads nowhere and cannot be removed: %s' % (path, error.strerror), 'see whether somebody is making it, and apply again')
        return [os.path.relpath(path, here) for path in halves]

    def do(self, step):
        getattr(self, '_' + step.path[0])(*step.path[1:], step.old, step.new)

    def _find_target(self, iqn):
        return self.rtslib.Target(self.fabric, iqn, mode='lookup')

    def _find_group(self, iqn, tag):
        return self.rtslib.TPG(self._find_target(iqn), tag, mode='lookup')

    def _find_host(self, iqn, tag, host):
        return self.rtslib.NodeACL(self._find_group(iqn, tag), host, mode='lookup')

    def find_disk(self, name):
        found = [so for so in self.root.storage_objects if so.name == name]
        if not found:
            raise self.rtslib.RTSLibError("there is no backstore '%s'" % name)
        return found[0]

    def _empty(self, what, parts):
        parts = list(parts)
        if parts:
            raise self.rtslib.RTSLibError('%s is in use: somebody else has changed it meanwhile' % what)

    def _disk(self, name, old, new):
        if new is None:
            disk = self.find_disk(name)
            self._empty('disk ' + name, disk.attached_luns)
            disk.delete()
        else:
            self.rtslib.RBDStorageObject(name, new.image, conf=new.conf, id=new.id, options=new.options or None, wwn=new.wwn)

    def _block_size(self, name, old, new):
        if new is not None:
            self.find_disk(name).set_attribute('block_size', new)

    def _target(self, iqn, old, new):
        if new:
            self.rtslib.Target(self.fabric, iqn, mode='create')
        else:
            target = self._find_target(iqn)
            self._empty('target ' + iqn, target.tpgs)
            target.delete()

    def _group(self, iqn, tag, old, new):
        if new:
            self.rtslib.TPG(self._find_target(iqn), tag, mode='create')
        else:
            group = self._find_group(iqn, tag)
            for parts in (group.luns, group.node_acls, group.network_portals):
                self._empty('target %s group %d' % (iqn, tag), parts)
            group.delete()

    def _attribute(self, iqn, tag, key, old, new):
        if new is not None:
            self._find_group(iqn, tag).set_attribute(key, new)

    @staticmethod
    def _set_auth(node, prefix, new):
        for key, part in AUTH:
            setattr(node, prefix + key, getattr(new, part) if new is not None else '')

    def _chap(self, iqn, tag, old, new):
        self._set_auth(self._find_group(iqn, tag), 'chap_', new)

    def _host(self, iqn, tag, host, old, new):
        if new:
            self.rtslib.NodeACL(self._find_group(iqn, tag), host, mode='create')
        else:
            found = self._find_host(iqn, tag, host)
            self._empty('host ' + host, found.mapped_luns)
            found.delete()

    def _host_chap(self, iqn, tag, host, old, new):
        self._set_auth(self._find_host(iqn, tag, host), 'chap_', new)

    def _host_attribute(self, iqn, tag, host, key, old, new):
        if new is not None:
            self._find_host(iqn, tag, host).set_attribute(key, new)

    def _lun(self, iqn, tag, number, old, new):
        group = self._find_group(iqn, tag)
        if new is not None:
            self.rtslib.LUN(group, number, storage_object=self.find_disk(new))
        else:
            lun = self.rtslib.LUN(group, number)
            self._empty('target %s LUN %d' % (iqn, number), lun.mapped_luns)
            lun.delete()

    def _map(self, iqn, tag, host, number, old, new):
        found = self._find_host(iqn, tag, host)
        if new is not None:
            self.rtslib.MappedLUN(found, number, new[0], new[1])
        else:
            self.rtslib.MappedLUN(found, number).delete()

    def _portal(self, iqn, tag, address, port, old, new):
        group = self._find_group(iqn, tag)
        portal = self.rtslib.NetworkPortal(group, address, port, mode='create' if new else 'lookup')
        if not new:
            portal.delete()

    def _enabled(self, iqn, tag, old, new):
        self._find_group(iqn, tag).enable = bool(new)

    def _discovery(self, old, new):
        if new is None:
            self.fabric.clear_discovery_auth_settings()
        else:
            self._set_auth(self.fabric, 'discovery_', new)
            self.fabric.discovery_enable_auth = True

    def sessions(self):
        """Yield target, group and host of each session."""
        for session in self.root.sessions:
            acl = session['parent_nodeacl']
            yield acl.parent_tpg.parent_target.wwn, acl.parent_tpg.tag, acl.node_wwn
