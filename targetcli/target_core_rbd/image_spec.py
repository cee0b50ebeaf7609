# SPDX-License-Identifier: GPL-2.0
"""The name of an image as people write it: [pool/[namespace/]]image[@snap].

It is the syntax of the rbd tool. The kernel module takes the four parts as separate control keys,
in a line where commas separate the keys. So no part can have a comma, and this module refuses one
that has. saveconfig.json and the configfs attribute udev_path hold the text form, with its pool
always spelled out.
"""

import re
from collections import namedtuple

SPEC = re.compile(r'(?:(?P<pool>[^/@]+)/(?:(?P<namespace>[^/@]+)/)?)?(?P<image>[^/@]+)(?:@(?P<snap>[^/@]+))?')

# The configfs attribute that holds the text takes 511 bytes.
LONGEST = 511


class ImageSpec(namedtuple('ImageSpec', 'pool namespace image snap')):
    __slots__ = ()

    @classmethod
    def parse(cls, text, default_pool='rbd'):
        match = SPEC.fullmatch(text)
        if not match:
            raise ValueError("image '%s' is not of the form [pool/[namespace/]]image[@snap]" % text)
        if ',' in text:
            raise ValueError("image '%s': a comma cannot be passed to the kernel module" % text)
        if not text.isprintable() or text != text.strip():
            raise ValueError('image %r: control characters, and blanks at either end, are not allowed' % text)
        spec = cls(match['pool'] or default_pool, match['namespace'] or '', match['image'], match['snap'] or '')
        if len(str(spec).encode()) > LONGEST:
            raise ValueError("image '%s': longer than %d bytes" % (text, LONGEST))
        return spec

    def __str__(self):
        path = '/'.join(part for part in (self.pool, self.namespace, self.image) if part)
        return path + ('@' + self.snap if self.snap else '')

    @property
    def control(self):
        """Return the parts as control keys; a missing part has no key."""
        return ['%s=%s' % (key, value) for key, value in self._asdict().items() if value]
