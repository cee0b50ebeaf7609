/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_TIMEKEEPING_H
#define UNIT_LINUX_TIMEKEEPING_H

#include <linux/types.h>

/* the test's, in milliseconds */
typedef s64 ktime_t;
ktime_t ktime_get_raw(void);

#define ktime_to_ms(time)	(time)

#endif /* UNIT_LINUX_TIMEKEEPING_H */
