/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernels does not differ here: see scsi/scsi_proto.h beside this. */
