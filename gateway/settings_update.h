/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_SETTINGS_UPDATE_H
#define TRBD_GATEWAY_SETTINGS_UPDATE_H

#include "gateway/settings.h"

struct trbd_lu;

int trbd_settings_update(struct trbd_lu *lu, const struct trbd_settings *settings);

#endif /* TRBD_GATEWAY_SETTINGS_UPDATE_H */
