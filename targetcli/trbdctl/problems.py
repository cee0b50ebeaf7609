# SPDX-License-Identifier: GPL-2.0
"""What is refused, as an operator reads it: the place, what is wrong, and the cure."""

from collections import namedtuple


class Problem(namedtuple('Problem', 'place message cure')):
    __slots__ = ()

    def __new__(cls, place, message, cure=''):
        return super().__new__(cls, place, message, cure)

    def __str__(self):
        text = '%s: %s' % (self.place, self.message) if self.place else self.message
        return '%s; %s' % (text, self.cure) if self.cure else text


class Refused(Exception):
    """Nothing was changed, for these reasons."""

    def __init__(self, *problems):
        super().__init__('\n'.join(str(problem) for problem in problems))
        self.problems = problems


def refuse(place, message, cure=''):
    raise Refused(Problem(place, message, cure))
