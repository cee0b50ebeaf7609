# SPDX-License-Identifier: GPL-2.0
"""RBDStorageObject: rtslib's view of core/rbd_N/NAME.

    RBDStorageObject('disk1', image='rbd/disk1')                    create
    RBDStorageObject('disk1')                                       look up
    RBDStorageObject(**saved)                                       restore, from the result of
                                                                    dump()

rtslib restores an object by calling its class with the result of dump(), so the keys of dump() are
the arguments of the constructor. The secret is not among them: the constructor reads it from the
keyring each time.

State. The module does not tell everything: where ceph.conf is, which options were given. Any
program that looks the object up must find that again. configfs keeps two texts that the core only
stores: udev_path holds the image, alias holds the rest as a query string.

Identity. The module names the logical unit after the image, so that all gateways agree. A serial
number that rtslib makes up would break that. A serial that the operator chose wins and is saved as
such. A serial that came from the image is saved too, since tools look for `wwn`, but it is marked
with wwn_from = 'image' and not written back: if another image of the same name replaced the image,
the saved serial would be right on no other gateway.

Persistent reservations live in the cluster. LIO's local files about them are never replayed.

The methods are in a class without a base, because Debian ships rtslib under two names with classes
of their own: register() joins it to the StorageObject of either.
"""

import errno
import os
import re
import sys
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote, urlencode

from .cluster import Cluster
from .image_spec import ImageSpec
from .options import Options
from . import kernel_key, waiting
from .kernel_log import KernelLog

PLUGIN = 'rbd'
MODULE = 'target_core_rbd'
LONGEST_ALIAS = 511
# in place of the serial number, before it is known
OPENING = 'opening'

REASONS = {
    errno.ENOENT: 'there is no such pool, namespace, image or snapshot',
    errno.EACCES: 'the cluster refuses the client: check its key and caps',
    errno.EPERM: 'the client lacks caps for this image',
    errno.ETIMEDOUT: 'the cluster does not answer',
    errno.EOPNOTSUPP: 'the image uses a feature that is not supported',
    errno.EROFS: 'the image can only be read',
}


class RBDImage:
    def __init__(self, name, image=None, conf=None, id=None, options=None, wwn=None, wwn_from=None, index=None):
        """With an image, create and enable the object; without, bind to one that exists.

        image       [pool/[namespace/]]image[@snap]; a snapshot is read-only conf        Ceph
        configuration file, by default /etc/ceph/ceph.conf id          Ceph client without
        `client.`, by default admin options     libceph options for the module, with commas between
        them wwn         unit serial number, by default made by the module from the image wwn_from
        'image' if the module made wwn: it is then made again, and not set
        """
        if image is None:
            super().__init__(name, 'lookup', index)
            return

        # Anything that can fail without the kernel fails before anything is made.
        try:
            options = Options(options)
            cluster = Cluster(conf, id)
            spec = ImageSpec.parse(image, cluster.default_pool)
            secret = cluster.secret()
            mon_addr, ms_mode = cluster.mon_addr(options.ms_mode)
        except ValueError as error:
            raise self._error(str(error)) from None
        control = ['mon_addr=' + mon_addr, 'id=' + cluster.id] + spec.control + options.control
        if ms_mode and not options.ms_mode:
            control.append('ms_mode=' + ms_mode)

        if waiting.was_in_vain(control[0], spec.pool):
            raise self._error('image %s was not tried: %s (ETIMEDOUT), as a unit before it has found'
                              % (spec, REASONS[errno.ETIMEDOUT]))

        self._load_module()
        super().__init__(name, 'create', index)
        try:
            self._set_udev_path(str(spec))
            self._remember(id=cluster.id, conf=cluster.conf, options=str(options), serial=OPENING)
            self._open(spec, cluster, secret, control)
            self._remember(id=cluster.id, conf=cluster.conf, options=str(options), serial=self.wwn)
            if wwn and wwn_from != 'image':
                self.wwn = wwn
        except BaseException:
            try:
                self.delete()
            except Exception:
                # Report the first failure.
                pass
            raise

    def _load_module(self):
        if os.path.isdir('/sys/module/' + MODULE):
            return
        try:
            self._modprobe(MODULE)
        except self._error as error:
            detail = error.args[0] if error.args else ''
            if isinstance(detail, bytes):
                detail = detail.decode(errors='replace')
            raise self._error('kernel module %s cannot be loaded: %s' % (MODULE, detail.strip())) from None

    def _open(self, spec, cluster, secret, control):
        with KernelLog() as log:
            try:
                with self._key(cluster, secret) as key:
                    self._control(','.join(control + key))
                    self._enable()
            except ValueError as error:
                raise self._error(str(error)) from None
            except OSError as error:
                said = log.messages()
                if error.errno == errno.ETIMEDOUT:
                    waiting.note(control[0], spec.pool, said)
                raise self._error(self._explain(error, spec, cluster, secret, said)) from None

    @staticmethod
    @contextmanager
    def _key(cluster, secret):
        # The module looks the key up when control names it and when the device uses it, so the key
        # has to stay until both are done.
        if secret:
            with kernel_key.lent(cluster.name, secret) as name:
                yield ['key=' + name]
        elif cluster.uses_cephx and kernel_key.present(cluster.name):
            yield ['key=' + cluster.name]
        else:
            yield []

    @staticmethod
    def _explain(error, spec, cluster, secret, said):
        parts = ['image %s cannot be opened as %s' % (spec, cluster.name)]
        parts.append('%s (%s)' % (REASONS.get(error.errno, error.strerror), errno.errorcode.get(error.errno, '?')))
        if not secret and cluster.uses_cephx:
            parts.append('no key of %s in %s' % (cluster.name, ', '.join(cluster.keyrings) or 'any keyring'))
        return ': '.join(parts) + ''.join('\n  kernel: ' + line for line in said)

    def _write(self, name, text):
        # Do not use rtslib's: its buffered file writes refused text again on close, so each failure
        # would come twice.
        with open(self.path + '/' + name, 'wb', buffering=0) as file:
            file.write(text.encode())

    def _control(self, command):
        self._write('control', command)

    def _enable(self):
        self._write('enable', '1')

    def _configure(self, wwn=None):
        raise NotImplementedError('an rbd storage object is configured by its constructor')

    def _config_pr_aptpl(self):
        pass

    def _remember(self, **settings):
        text = urlencode({key: value for key, value in settings.items() if value}, safe='/')
        if len(text) > LONGEST_ALIAS:
            raise self._error('conf and options are too long together: %d bytes of %d' % (len(text), LONGEST_ALIAS))
        self._write('alias', text)

    def _recall(self, key):
        self._check_self()
        try:
            with open(self.path + '/alias') as file:
                return dict(parse_qsl(file.read().strip())).get(key)
        except OSError:
            return None

    def _parse_info(self, key):
        # Do not use rtslib's: there `Id` finds ImageId, and `Size` finds ObjectSize.
        self._check_self()
        with open(self.path + '/info') as file:
            match = re.search(r'(?:^|\s)%s: (\S+)' % re.escape(key), file.read())
        return unquote(match[1]) if match else None

    def _optional(self, key):
        value = self._parse_info(key)
        return value if value != '-' else None

    def _get_spec(self):
        names = [self._optional(key) for key in ('Pool', 'Namespace', 'Image', 'Snap')]
        if names[0] and names[2]:
            return str(ImageSpec(*(name or '' for name in names)))
        return self.udev_path or None

    def _get_size(self):
        return int(self._parse_info('Size') or 0)

    def _count(self, key):
        value = self._optional(key)
        return int(value) if value is not None else None

    def _get_wwn_from(self):
        if not self.is_configured():
            return None
        # a program that was killed while it opened the image has not set another one yet
        return 'image' if self._recall('serial') in (self.wwn, OPENING) else 'operator'

    image = property(_get_spec, doc='Get the image as pool[/namespace]/image[@snap].')
    conf = property(lambda self: self._recall('conf'), doc='Get the path of the Ceph configuration file.')
    id = property(lambda self: self._optional('Id') or self._recall('id'), doc='Get the Ceph client.')
    options = property(lambda self: self._recall('options'), doc='Get the libceph options that were given.')
    size = property(_get_size, doc='Get the size of the image in bytes, as the module sees it now.')
    readonly = property(lambda self: self._optional('Snap') is not None, doc='Whether this is a snapshot.')
    fsid = property(lambda self: self._optional('Fsid'), doc='Get the fsid of the cluster.')
    image_id = property(lambda self: self._optional('ImageId'), doc='Get the internal id of the image.')
    state = property(lambda self: self._optional('State'), doc="Get 'opening', 'open', 'deleted' or 'failed'.")
    fallbacks = property(lambda self: self._count('Fallbacks'), doc='Get how many writes were sent again.')
    stale = property(lambda self: self._count('Stale'), doc='Get how many writes the OSDs refused as too old.')
    late = property(lambda self: self._count('Late'), doc='Get how many writes were too old to be sent.')
    shared = property(lambda self: self._count('Shared'), doc='Get how many writes went along with another.')
    wwn_from = property(_get_wwn_from, doc="Get who chose the serial number: 'image' or 'operator'.")

    def dump(self):
        saved = super().dump()
        saved['image'] = self.image
        saved['conf'] = self.conf
        saved['id'] = self.id
        saved['options'] = self.options
        saved['wwn'] = self.wwn if self.is_configured() else None
        saved['wwn_from'] = self.wwn_from
        return saved


def is_ours(tcm):
    """Tell whether `rbd` in this copy of rtslib's tcm module is this backstore."""
    # Compare names, since reloading this module makes another class.
    return any(cls.__module__ == __name__ and cls.__name__ == 'RBDImage'
               for cls in getattr(tcm.so_mapping.get(PLUGIN), '__mro__', ()))


def register(tcm):
    """Make the class for this copy of rtslib's tcm module and enter it there.

    Some distributions (SUSE) have an `rbd` of their own in rtslib, for a kernel module of their own
    that is called target_core_rbd as well. Its objects have other arguments and live in the same
    configfs folders. So one machine cannot use both, and nobody may restore a saved configuration
    with the wrong one.
    """
    if is_ours(tcm):
        return
    if PLUGIN in tcm.so_mapping:
        raise RuntimeError("this rtslib has a backstore '%s' of its own, made for its distribution's kernel module %s; "
                           "'%s' in targetcli is that one. Both cannot be used on one machine: use an rtslib without it, or "
                           "configure this one through configfs" % (PLUGIN, MODULE, PLUGIN))
    package = tcm.__name__.rpartition('.')[0]
    utils = __import__(package + '.utils', fromlist=['modprobe'])
    storage_object = type('RBDStorageObject', (RBDImage, tcm.StorageObject), {
        '__module__': tcm.__name__,
        '__doc__': 'An interface to configFS storage objects for the rbd backstore.',
        '_error': utils.RTSLibError,
        '_modprobe': staticmethod(utils.modprobe),
    })
    for module in (tcm, sys.modules.get(package)):
        if module is not None:
            module.RBDStorageObject = storage_object
    tcm.bs_params[storage_object] = {'name': PLUGIN}
    tcm.so_mapping[PLUGIN] = storage_object
