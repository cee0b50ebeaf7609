# SPDX-License-Identifier: GPL-2.0
"""Find and make the files that a guest boots: a kernel of the machine and an initramfs for it.

The kernel is Debian's, from /boot, asked for as a series ("6.1") or by its full version, or one
that scripts/lab-kernel has built ("debug-6.12", "native-6.12", "native-debug-6.12"), which is not
installed and has its modules in a folder of its own. The initramfs holds busybox, the modules up to
the first 9p mount in the order in which they load, and guest/init. It is made anew for each lab:
that takes less than a second, and a stale one is a bug that nobody looks for.

Modules are stored unpacked, because busybox's insmod does not read .ko.xz. A native kernel has all
that it needs built in.
"""

import glob
import os
import re
import shutil
import subprocess

from .state import LabError
from .network import run

HERE = os.path.dirname(os.path.realpath(__file__))
GUEST = os.path.join(os.path.dirname(HERE), "guest")
BUSYBOX = "/bin/busybox"
APPLETS = "sh mount insmod cat ifconfig ip mkdir switch_root"
MODULES = "virtio_pci virtio_net 9p 9pnet_virtio overlay"
LAB_KERNEL = os.path.join(HERE, "../../../scripts/lab-kernel")
BUILT_BY = {"debug": "make check-debug", "native": "make native-kernel",
            "native-debug": "make check-debug"}


def version_key(version):
    return [int(part) for part in re.findall(r"\d+", version)]


def find_kernel(wanted):
    """Return the installed kernel version of a series, or the very version asked for."""
    if os.path.exists(f"/boot/vmlinuz-{wanted}") or own_folder(wanted):
        return wanted
    kind = wanted.rpartition("-")[0]
    if kind in BUILT_BY:
        version = lab_kernel("--which", wanted)
        if not version:
            raise LabError(f"no kernel {wanted}: {BUILT_BY[kind]} builds it")
        return version
    # Not the flavours: cloud has no 9p, rt is another kernel.
    versions = [version for path in glob.glob(f"/boot/vmlinuz-{wanted}.*-amd64")
                if "-cloud-" not in (version := path.partition("-")[2])
                and "-rt-" not in version and os.path.isdir(f"/lib/modules/{version}")]
    if not versions:
        raise LabError(f"no kernel {wanted} in /boot: apt install linux-image-amd64 "
                       "(6.1), linux-image-6.12-amd64 (6.12)")
    return max(versions, key=version_key)


def lab_kernel(*words):
    """Return the words that scripts/lab-kernel prints, or nothing."""
    return subprocess.run([LAB_KERNEL, *words], stdout=subprocess.PIPE, text=True,
                          check=False).stdout.strip()


def is_native(version):
    return "-native." in version or "-native-debug." in version


def own_folder(version):
    """Return the folder of a kernel that is not installed; empty for all others."""
    return lab_kernel("--dir", version) if "-debug." in version or is_native(version) else ""


def kernel_path(version):
    folder = own_folder(version)
    return f"{folder}/vmlinuz" if folder else f"/boot/vmlinuz-{version}"


def initramfs_path(version, folder):
    return os.path.join(folder, f"initramfs-{version}")


def module_files(version):
    """Return paths of the modules, each after those that it needs."""
    if is_native(version):
        return []
    shown = run("modprobe", "-d", own_folder(version) or "/", "-S", version, "--show-depends", "-a", *MODULES.split())
    paths = [line.split()[1] for line in shown.splitlines() if line.startswith("insmod ")]
    return list(dict.fromkeys(paths))


def build_initramfs(version, folder):
    """Write the initramfs for a kernel into FOLDER."""
    root = os.path.join(folder, "initramfs.d")
    for name in "bin modules proc sys dev lower upper new".split():
        os.makedirs(os.path.join(root, name))
    shutil.copy(BUSYBOX, os.path.join(root, "bin/busybox"))
    for applet in APPLETS.split():
        os.symlink("busybox", os.path.join(root, "bin", applet))
    shutil.copy(os.path.join(GUEST, "init"), os.path.join(root, "init"))

    order = []
    for path in module_files(version):
        name = os.path.basename(path)
        with open(path, "rb") as file:
            data = file.read()
        if name.endswith(".xz"):
            import lzma
            name, data = name[:-3], lzma.decompress(data)
        with open(os.path.join(root, "modules", name), "wb") as file:
            file.write(data)
        order.append(name + "\n")
    with open(os.path.join(root, "modules/order"), "w", encoding="utf-8") as file:
        file.writelines(order)

    image = initramfs_path(version, folder)
    names = [os.path.relpath(os.path.join(where, name), root)
             for where, folders, files in os.walk(root) for name in folders + files]
    with open(image, "wb") as file:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, stdout=file,
                       input="\n".join(names).encode(), check=True)
    shutil.rmtree(root)
