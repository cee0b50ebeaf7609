# SPDX-License-Identifier: GPL-2.0
"""Read the kernel module's words about something that it refused.

configfs answers with a number. The module logs why, down to the command that helps (`rbd feature
disable ...`). An operator should see that in targetcli and in the output of the restore service,
and not have to search for it. We read the log from the moment on when the attempt began. If we
cannot read it, there is just less to say.
"""

import os
import re

DEVICE = '/dev/kmsg'
# The build may have put a folder before the module's name.
SPEAKER = re.compile(r'(?:\w+/)?target_core_rbd: (.*)')


class KernelLog:
    def __init__(self):
        try:
            self._file = os.open(DEVICE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError:
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def messages(self):
        """Return the module's lines since this object was made, each once."""
        found = []
        while self._file is not None:
            try:
                record = os.read(self._file, 8192)
            except BrokenPipeError:
                # Older records were overwritten; the next read goes on behind the gap.
                continue
            except OSError:
                break
            if not record:
                break
            text = record.decode(errors='replace').partition(';')[2].partition('\n')[0]
            match = SPEAKER.match(text)
            if match and match[1] not in found:
                found.append(match[1])
        return found
