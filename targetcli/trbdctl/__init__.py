# SPDX-License-Identifier: GPL-2.0
"""trbdctl: one file describes a group of gateways, and each gateway follows it.

    document text --source--> values and lines --document--> Group
    Group + own name + secrets --wanted--> state
    rtslib's dump --found--> state
    two states --plan--> steps, conflicts, extras
    steps --journal + live--> LIO, undone when one fails

A state is a flat dict: a path such as ('lun', iqn, group, number) leads to a value. So a plan is
the difference of two dicts, a step is a path with an old and a new value, and to undo a step is to
swap these. Everything left of `live` is pure, and has unit tests.

    problems.py    what is refused: place, message, cure
    documents.py   files and pools that have a document
    source.py      text to values; keeps line numbers, refuses bombs
    schema.json    the document's JSON Schema
    document.py    validated document to model.py's dataclasses
    model.py       Group and its parts; names of portals
    secrets.py     CHAP secrets, each a file that only its owner reads
    state.py       wanted() and found()
    plan.py        the difference, in an order that is safe at each step
    journal.py     run steps; undo them when one fails
    live.py        the only module that changes LIO
    saved.py       what the machine restores at boot
    images.py      ask the cluster whether images can be served
    pool.py        the document in a pool, with a generation
    drain.py       take this gateway out of service, and put it back
    status.py      what this gateway serves
    units.py       what the module tells about its units, from configfs and debugfs
    metrics.py     the same as metrics for Prometheus
    page.py        the same as a page for browsers
    export.py      the document as lines for targetcli
    imports/       other tools' configurations to a document
    cli.py         commands and their output
"""
