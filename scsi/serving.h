/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_SERVING_H
#define TRBD_SCSI_SERVING_H

#include "scsi/readiness.h"

struct trbd_unit;

enum trbd_readiness trbd_serving_look(struct trbd_unit *unit);
void trbd_serving_sample(struct trbd_unit *unit);

#endif /* TRBD_SCSI_SERVING_H */
