# SPDX-License-Identifier: GPL-2.0
"""Shared parts of the tests of trbdctl: a good document, its state, and a stand-in for LIO.

Importing this starts the test again as targetcli_case.py does.
"""

from targetcli_case import SOURCE, WithFolder, main  # noqa: F401
from trbdctl import document, source, state

IQN = 'iqn.2026-11.com.example:disk1'
HOST = 'iqn.1998-01.com.vmware:esx1'
GOOD = '''version: 1
ceph: {id: gw}
gateways:
  gw1: {portals: [192.0.2.11]}
  gw2: {portals: [192.0.2.12]}
disks:
  disk1: {image: rbd/disk1}
targets:
  iqn.2026-11.com.example:disk1:
    luns: {1: disk1}
    hosts:
      iqn.1998-01.com.vmware:esx1:
        chap: {user: esx1, secret: esx1, mutual: {user: disk1, secret: disk1}}
        luns: [1]
'''
SECRETS = {'esx1': 'secret-of-esx1', 'disk1': 'secret-of-disk1'}


def load(text, name='trbd.yaml'):
    return document.load(source.parse(text.encode(), name))


def state_of(text, me='gw1'):
    return state.wanted(load(text), me, SECRETS)


class Lio(dict):
    """A state that steps change; the step at fail_at fails."""

    def __init__(self, *args, fail_at=None, fail_undo=None):
        super().__init__(*args)
        self.fail_at, self.fail_undo = fail_at, fail_undo
        self.done = []

    def do(self, step):
        if len(self.done) == self.fail_at or step.path == self.fail_undo and self.fail_at is None:
            self.fail_at = None
            raise RuntimeError('no such image')
        self.done.append(step)
        if step.new is None:
            self.pop(step.path, None)
        else:
            self[step.path] = step.new
