/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_STRING_H
#define UNIT_LINUX_STRING_H

#include <string.h>
#include <sys/types.h>

/* The kernel's: always ends with NUL; returns the length, or a negative number when it was cut. */
static inline ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	if (!size)
		return -1;
	if (len == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = 0;
		return -1;
	}
	memcpy(to, from, len + 1);
	return (ssize_t)len;
}

#endif /* UNIT_LINUX_STRING_H */
