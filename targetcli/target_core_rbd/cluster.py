# SPDX-License-Identifier: GPL-2.0
"""Read from ceph.conf and the keyring how to reach a cluster, as one of its clients.

`rbd map` takes monitors and key from these files, and so do we: an operator has one place to look
after. Ceph's own tools read the files: ceph-conf for the configuration, with its sections,
spellings, metavariables and defaults; ceph-authtool for the keyring. Both come with ceph-common,
and need no connection. We ask them through pipes, so that no secret is on a command line or in a
file.

A saved configuration is restored at boot, where nobody's environment is set. So the environment has
no say, with one exception: at the time of create CEPH_CONF names the file. That name is then saved
like one that the operator gave.
"""

import base64
import binascii
import os
import re
import subprocess
from contextlib import contextmanager

from . import monitors

DEFAULT_CONF = '/etc/ceph/ceph.conf'
DEFAULT_ID = 'admin'
ENVIRONMENT = ('CEPH_ARGS', 'CEPH_CONF', 'CEPH_KEYRING')

_answers = None


@contextmanager
def asked_once():
    """Ask Ceph's tools each question once within this: all units of a configuration have the same
    ones.
    """
    global _answers
    outer = _answers
    if outer is None:
        _answers = {}
    try:
        yield
    finally:
        _answers = outer


class Cluster:
    def __init__(self, conf=None, id=None):
        self.conf = os.path.abspath(os.path.expanduser(conf or os.environ.get('CEPH_CONF') or DEFAULT_CONF))
        self.id = id or DEFAULT_ID
        if self.id.startswith('client.'):
            self.id = self.id[len('client.'):]
        if not re.fullmatch(r'[^\s,/=]+', self.id):
            raise ValueError("id '%s' is not the name of a Ceph client" % id)
        if not os.path.isfile(self.conf):
            raise ValueError('there is no Ceph configuration file %s' % self.conf)
        self.settings = self._settings()

    @property
    def name(self):
        return 'client.' + self.id

    @property
    def default_pool(self):
        return self.settings.get('rbd_default_pool') or 'rbd'

    def mon_addr(self, ms_mode=None):
        addresses = monitors.parse_mon_host(self.settings.get('mon_host', ''))
        if not addresses:
            # Before mon_host there was a section for each monitor.
            for section in self._lookup('--list-sections', 'mon.').split():
                addresses += monitors.parse_mon_host(self._lookup('-s', section, '--lookup', 'mon_addr'))
        if not addresses:
            raise ValueError('%s names no monitors: set mon_host there' % self.conf)
        return monitors.mon_addr(addresses, ms_mode)

    def secret(self):
        """Return the client's key as the kernel takes it, or None if there is none."""
        if not self.uses_cephx:
            return None
        text = self.settings.get('key') or self._keyfile() or self._from_keyrings()
        if not text:
            return None
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError('the key of %s is not base64' % self.name) from None

    @property
    def uses_cephx(self):
        methods = self.settings.get('auth_supported') or self.settings.get('auth_client_required') or 'cephx'
        return 'cephx' in re.split(r'[,;\s]+', methods)

    @property
    def keyrings(self):
        return [path for path in re.split(r'[,;\s]+', self.settings.get('keyring', '')) if path]

    def _keyfile(self):
        path = self.settings.get('keyfile')
        if not path:
            return None
        try:
            with open(path, encoding='ascii') as file:
                return file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError('keyfile %s cannot be read: %s' % (path, error)) from None

    def _from_keyrings(self):
        for path in self.keyrings:
            path = os.path.expanduser(path)
            if os.access(path, os.R_OK):
                status, key, _ = self._run('ceph-authtool', path, '--name', self.name, '--print-key')
                if status == 0 and key.strip():
                    return key.strip()
        return None

    def _settings(self):
        status, output, message = self._run('ceph-conf', '-c', self.conf, '--name', self.name, '--show-config')
        if status != 0:
            lines = message.strip().splitlines() or ['ceph-conf ended with status %d' % status]
            raise ValueError('%s cannot be read: %s' % (self.conf, lines[-1]))
        return dict(line.split(' = ', 1) for line in output.splitlines() if ' = ' in line)

    def _lookup(self, *arguments):
        status, output, _ = self._run('ceph-conf', '-c', self.conf, *arguments)
        return output if status == 0 else ''

    @staticmethod
    def _run(*command):
        if _answers is None:
            return Cluster._ask(command)
        if command not in _answers:
            _answers[command] = Cluster._ask(command)
        return _answers[command]

    @staticmethod
    def _ask(command):
        environment = {key: value for key, value in os.environ.items() if key not in ENVIRONMENT}
        try:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=60, check=False)
        except FileNotFoundError:
            raise ValueError('%s is missing: install ceph-common' % command[0]) from None
        except subprocess.TimeoutExpired:
            raise ValueError('%s did not end' % command[0]) from None
        return done.returncode, done.stdout.decode(errors='replace'), done.stderr.decode(errors='replace')
