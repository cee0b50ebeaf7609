# SPDX-License-Identifier: GPL-2.0
import sys

try:
    from .cli import main
    sys.exit(main())
except ModuleNotFoundError as error:
    print('%s is missing: apt-get install python3-yaml python3-jsonschema python3-rados python3-rbd python3-rtslib-fb'
          % error.name, file=sys.stderr)
    sys.exit(1)
