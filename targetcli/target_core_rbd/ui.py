# SPDX-License-Identifier: GPL-2.0
"""Show /backstores/rbd in targetcli.

targetcli's list of backstores is a method with their classes written into it, so we wrap that
method in one that adds ours. We make the classes when targetcli's module has been loaded, from that
module's own bases.

Unlike the other backstores, ours does not name the SCSI model after the backstore. That preference
is on by default, and the name may differ between gateways of one image while the model must not. An
operator who wants it sets the attribute emulate_model_alias on every gateway.
"""

import stat
import sys

from .backstore import PLUGIN, is_ours


def make_storage_object(ui):
    class UIRBDStorageObject(ui.UIStorageObject):
        def summary(self):
            so = self.rtsnode
            try:
                if not so.is_configured():
                    state = 'is being opened' if so.state == 'opening' else 'not configured'
                    return ('%s %s' % (so.image or so.name, state), False)
                if so.state not in (None, 'open'):
                    # LIO's status still says "activated" when every command fails
                    return ('%s (%s) %s' % (so.image, ui.bytes_to_human(so.size), so.state), False)
                read_only = 'read-only ' if so.readonly else ''
                return ('%s (%s) %s%s' % (so.image, ui.bytes_to_human(so.size), read_only, so.status), True)
            except Exception as error:
                # One object that cannot be read must not hide all others.
                return ('unreadable: %s' % error, False)

        def ui_command_info(self):
            super().ui_command_info()
            for name in ('size', 'readonly', 'fsid', 'image_id', 'state', 'fallbacks', 'stale', 'late', 'shared'):
                self.shell.log.info('%s: %s' % (name, getattr(self.rtsnode, name)))

    return UIRBDStorageObject


def make_backstore(ui, so_class, ui_so_class):
    class UIRBDBackstore(ui.UIBackstore):
        """
        RBD backstore UI.
        """
        def __init__(self, parent):
            self.so_cls = ui_so_class
            ui.UIBackstore.__init__(self, PLUGIN, parent)

        def ui_command_create(self, name, image, conf=None, id=None, options=None, wwn=None):
            '''
            Creates a storage object from an image in a Ceph cluster.

            IMAGE SYNTAX
            ============
            [pool/[namespace/]]image[@snap], as the rbd tool has it. A snapshot
            can only be read.

            PARAMETERS
            ==========
            conf
            ----
            Ceph configuration file, which names the monitors and the keyring.
            By default /etc/ceph/ceph.conf.

            id
            --
            Ceph client, without `client.`. By default admin. The capabilities
            mon 'profile rbd', osd 'profile rbd pool=...' are enough.

            options
            -------
            libceph options for the kernel, with commas between them, as in
            ms_mode=secure,mount_timeout=30. The module refuses the few that
            would put data at risk, and the error then says which.

            wwn
            ---
            Unit serial number. By default it is made from the image, and equal
            on all gateways.
            '''
            self.assert_root()

            conf = self.ui_eval_param(conf, 'string', None)
            id = self.ui_eval_param(id, 'string', None)
            options = self.ui_eval_param(options, 'string', None)
            wwn = self.ui_eval_param(wwn, 'string', None)

            so = so_class(name, image, conf=conf, id=id, options=options, wwn=wwn)
            ui_so = ui_so_class(so, self)
            self.shell.log.info('Created rbd storage object %s using %s, size %s.'
                                % (name, so.image, ui.bytes_to_human(so.size)))
            return self.new_node(ui_so)

        def ui_complete_create(self, parameters, text, current_param):
            '''
            Auto-completes the path of the configuration file.
            '''
            if current_param != 'conf':
                return []
            completions = ui.complete_path(text, stat.S_ISREG)
            if len(completions) == 1 and not completions[0].endswith('/'):
                completions = [completions[0] + ' ']
            return completions

    return UIRBDBackstore


def register(ui):
    """Add the node to targetcli's module ui_backstore."""
    # targetcli 3 took rtslib under its new name; this is the copy that it knows
    tcm = sys.modules[ui.BlockStorageObject.__module__]
    if not is_ours(tcm):
        raise RuntimeError("'%s' in rtslib is another backstore" % PLUGIN)
    if hasattr(ui, 'UIRBDBackstore'):
        return
    ui_so_class = make_storage_object(ui)
    backstore = make_backstore(ui, tcm.so_mapping[PLUGIN], ui_so_class)
    ui.UIRBDStorageObject = ui_so_class
    ui.UIRBDBackstore = backstore

    others = ui.UIBackstores.refresh

    def refresh(self):
        others(self)
        backstore(self)

    ui.UIBackstores.refresh = refresh
