# SPDX-License-Identifier: GPL-2.0
"""Check the libceph options that an operator adds: `ms_mode=secure,mount_timeout=30,nocrc`.

The kernel module gets them as they are, since it knows best what they mean. We refuse the keys that
this package fills in itself, because the module refuses a key that comes twice and would only say
EINVAL. Above all we refuse `secret`, which would end up in saveconfig.json.
"""

OURS = {
    'pool': 'image=', 'namespace': 'image=', 'image': 'image=', 'snap': 'image=',
    'id': 'id=', 'name': 'id=',
    'mon_addr': 'conf=', 'key': 'conf=', 'secret': 'conf=',
}


class Options:
    def __init__(self, text=None):
        self.items = []
        seen = set()
        for item in (text or '').split(','):
            if not item:
                if text:
                    raise ValueError("options '%s': empty option" % text)
                continue
            key, equals, value = item.partition('=')
            if key in OURS:
                # The item itself may hold a secret, so it must not reach a log.
                raise ValueError("option '%s' is not given here but by %s" % (key, OURS[key]))
            if not key or (equals and not value) or not item.isprintable() or ' ' in item:
                raise ValueError("option '%s' is not of the form key=value or key" % item)
            if key in seen:
                raise ValueError("option '%s' is given twice" % key)
            seen.add(key)
            self.items.append((key, value))

    def __str__(self):
        return ','.join(self.control)

    @property
    def control(self):
        return [key + '=' + value if value else key for key, value in self.items]

    @property
    def ms_mode(self):
        return dict(self.items).get('ms_mode')
