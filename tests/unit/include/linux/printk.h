/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_PRINTK_H
#define UNIT_LINUX_PRINTK_H

#include <stdio.h>

#define pr_warn(...)			((void)fprintf(stderr, __VA_ARGS__))
#define pr_warn_ratelimited(...)	pr_warn(__VA_ARGS__)

#endif /* UNIT_LINUX_PRINTK_H */
