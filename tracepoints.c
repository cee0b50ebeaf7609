// SPDX-License-Identifier: GPL-2.0
/*
 * The code behind the tracepoints of tracepoints.h, which the kernel's macros make in one file.
 *
 * A tracepoint that is off costs one instruction that does nothing.
 */
#define CREATE_TRACE_POINTS
#include "tracepoints.h"
