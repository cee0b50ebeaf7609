/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bin2hex() moved from linux/kernel.h into a header of its own, which old kernels do not have, and
 * which new ones do not include from there any more.
 */
#ifndef TRBD_COMPAT_HEX_H
#define TRBD_COMPAT_HEX_H

#include <linux/kernel.h>
#ifdef TRBD_HAVE_HEX_H
#include <linux/hex.h>
#endif

#endif /* TRBD_COMPAT_HEX_H */
