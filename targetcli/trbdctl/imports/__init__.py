# SPDX-License-Identifier: GPL-2.0
"""Other tools' configurations, turned into a document.

    lrbd.py         SUSE's lrbd: its JSON, with # comments
    ceph_iscsi.py   ceph-iscsi and gwcli: the object gateway.conf
    saveconfig.py   targetcli's saveconfig.json of one gateway

Each has convert(root, ...), a pure function from values to Imported. The passwords of the source
become secrets, for files of their own. A serial number of the source becomes `wwn`, so hosts keep
their disks. What a document cannot say is told in notes. The document is then checked like one that
an operator has written, so a bad name in the source comes no further.
"""
