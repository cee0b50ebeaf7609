# SPDX-License-Identifier: GPL-2.0
"""The `rbd` backstore for rtslib and targetcli.

Neither rtslib nor targetcli has a way to plug a backstore in, so this package puts itself there:

    hook.py         notices the import of rtslib and targetcli; the only part that other programs
                    ever load
    backstore.py    RBDStorageObject, added to rtslib
    waiting.py      waiting for a cluster once, and not for each unit
    restore.py      what restoring a configuration says about units that are missing
    retry.py        the service that goes on restoring these
    saving.py       saving a configuration meanwhile
    ui.py           /backstores/rbd, added to targetcli
    image_spec.py   pool/namespace/image@snap
    options.py      libceph options given by the operator
    cluster.py      what ceph.conf and the keyring say about a cluster and a client
    monitors.py     mon_host to addresses
    kernel_key.py   a secret lent to the kernel's keyring
    kernel_log.py   what the module said while it refused something

This file stays empty of code: the hook's price is paid by every Python program on the machine.
"""
