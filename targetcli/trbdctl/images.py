# SPDX-License-Identifier: GPL-2.0
"""Ask the cluster, through librbd, whether images can be served, before anything is changed.

The module asks again when it opens an image, and has the last word (rbd/features.c). Here an
operator learns of all images at once, with the command that helps.
"""

from contextlib import contextmanager

from target_core_rbd.image_spec import ImageSpec

from .problems import Problem, refuse

TIMEOUT_S = 15
NAMES = ('layering', 'striping', 'exclusive-lock', 'object-map', 'fast-diff', 'deep-flatten', 'journaling', 'data-pool',
         'operations', 'migrating', 'non-primary', 'dirty-cache')
SINGLE_WRITER = {'exclusive-lock', 'object-map', 'fast-diff', 'journaling', 'dirty-cache'}
REMOVABLE = {'exclusive-lock', 'object-map', 'fast-diff', 'journaling'}


def feature_names(features):
    """Return names, highest bit first: `rbd feature disable` wants those first that need others."""
    return [NAMES[bit] if bit < len(NAMES) else 'bit %d' % bit for bit in reversed(range(64)) if features & (1 << bit)]


def refused_features(features, read_only):
    """Return the names of the features because of which an image is refused."""
    refused = {'migrating'} | (set() if read_only else SINGLE_WRITER | {'non-primary'})
    return [name for name in feature_names(features) if name in refused or name.startswith('bit ')]


def feature_problem(image, features, read_only, place):
    """Return the Problem with the features of an image, or None."""
    refused = refused_features(features, read_only)
    if not refused:
        return None
    removable = [name for name in refused if name in REMOVABLE]
    if removable == refused:
        cure = 'rbd feature disable %s %s' % (image, ' '.join(removable))
    elif 'non-primary' in refused:
        cure = 'promote it first: rbd mirror image promote %s' % image
    elif 'migrating' in refused:
        cure = 'finish its migration first: rbd migration commit %s' % image
    else:
        cure = 'this module does not know them: update it'
    return Problem(place, 'image %s has features that cannot be served: %s' % (image, ', '.join(refused)), cure)


@contextmanager
def connected(conf, id):
    """Yield a connection to the cluster, as a client of it."""
    try:
        import rados
    except ImportError:
        refuse('', 'python3-rados is missing', 'apt-get install python3-rados python3-rbd')
    timeouts = {'client_mount_timeout': str(TIMEOUT_S), 'rados_mon_op_timeout': str(TIMEOUT_S), 'rados_osd_op_timeout': str(TIMEOUT_S)}
    try:
        cluster = rados.Rados(conffile=conf, rados_id=id, conf=timeouts)
        cluster.connect()
    except Exception as error:
        refuse(conf, 'the cluster cannot be reached as client.%s: %s' % (id, error),
               'see "ceph --id %s status", or leave the cluster out with --offline' % id)
    try:
        yield cluster
    finally:
        cluster.shutdown()


def _look(cluster, image, place):
    import rbd
    spec = ImageSpec.parse(image)
    try:
        with cluster.open_ioctx(spec.pool) as pool:
            pool.set_namespace(spec.namespace)
            with rbd.Image(pool, spec.image, snapshot=spec.snap or None, read_only=True) as opened:
                if opened.old_format():
                    return Problem(place, 'image %s is of format 1' % image, 'copy it: rbd migration, or rbd export and rbd import')
                return feature_problem(image, opened.features(), bool(spec.snap), place)
    except Exception as error:
        if type(error).__name__ in ('ObjectNotFound', 'ImageNotFound'):
            return Problem(place, 'there is no image %s' % image, 'correct its name, or make it: rbd create --size ... --image-feature layering %s' % image)
        return Problem(place, 'image %s cannot be looked at: %s' % (image, error), 'see "rbd info %s"' % image)


def check(group, names, place):
    """Return the problems with the images of these disks."""
    if not names:
        return []
    with connected(group.conf, group.id) as cluster:
        found = [_look(cluster, group.disks[name].image, place('disks', name, 'image')) for name in names]
    return [problem for problem in found if problem]
