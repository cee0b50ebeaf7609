/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: __assign_str() took the text a second time until __string() kept it.
 */
#ifndef TRBD_COMPAT_TRACE_H
#define TRBD_COMPAT_TRACE_H

#ifdef TRBD_HAVE_ASSIGN_STR_SRC
#define trbd_compat_assign_str(dst, src)	__assign_str(dst, src)
#else
#define trbd_compat_assign_str(dst, src)	\
	do {					\
		(void)(src);			\
		__assign_str(dst);		\
	} while (0)
#endif

#endif /* TRBD_COMPAT_TRACE_H */
