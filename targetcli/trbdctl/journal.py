# SPDX-License-Identifier: GPL-2.0
"""Run steps, and undo them in reverse when one fails.

A step that fails may have been half done, but rtslib undoes its own halves. So only the steps
before it are undone. A step that cannot be undone is told, and the others are undone all the same.
An interrupt counts as a failure; the caller sees to it that no second one comes.
"""

from .plan import describe, inverse, is_shown


class Failed(Exception):
    """A step failed. left are the steps that could not be undone, each with the reason."""

    def __init__(self, step, reason, undone, left):
        self.step, self.reason, self.undone, self.left = step, reason, undone, left
        lines = ['%s: %s' % (describe(step), reason)]
        lines.append('undone: the %d steps before it' % undone if not left else 'undone: %d steps before it' % undone)
        lines += ['not undone: %s: %s' % (describe(undoing), why) for undoing, why in left]
        if left:
            lines.append('see with "trbdctl plan" what is there now')
        else:
            lines.append('the gateway is as it was')
        super().__init__('\n'.join(lines))


def _reason(error):
    return str(error) or type(error).__name__


def _undo(done, do):
    left = []
    for step in reversed(done):
        try:
            do(inverse(step))
        except Exception as error:
            left.append((inverse(step), _reason(error)))
    return left


def run(steps, do, say=lambda number, count, text: None):
    """Call do() for each step."""
    count = sum(is_shown(step) for step in steps)
    done, number = [], 0
    for step in steps:
        if is_shown(step):
            number += 1
            say(number, count, describe(step))
        try:
            do(step)
        except (Exception, KeyboardInterrupt) as error:
            reason = 'interrupted' if isinstance(error, KeyboardInterrupt) else _reason(error)
            left = _undo(done, do)
            raise Failed(step, reason, len(done) - len(left), left) from None
        done.append(step)
