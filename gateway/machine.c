// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a machine, the same in each of its lives.
 *
 * Nothing else in a kernel is the same in each life of a machine and different on each machine:
 * host names are given twice, and so are the firmware's data about a machine, and addresses behind
 * a router. So the name is a hash of all of them together.
 */
#include <linux/dmi.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "gateway/machine.h"
#include "protocol.h"

/* Hash a text and its end by FNV-1a. */
static u64 machine_hash(u64 hash, const char *text)
{
	do {
		hash = (hash ^ (u8)*text) * 0x100000001b3ULL;
	} while (*text++);
	return hash;
}

/**
 * trbd_machine_host() - tell the host name as a word of the record
 * @buf: receives the name; blanks and control characters become "_"
 * @size: room in @buf
 *
 * Context: process.
 */
void trbd_machine_host(char *buf, size_t size)
{
	strscpy(buf, init_utsname()->nodename, size);
	for (; *buf; buf++) {
		if ((u8)*buf <= ' ' || *buf == 0x7f)
			*buf = '_';
	}
}

/**
 * trbd_machine_name() - name this machine
 * @address: ADDRESS:PORT/NONCE of one of its clients
 * @buf: receives the name
 * @size: room in @buf
 *
 * Context: process.
 */
void trbd_machine_name(const char *address, char *buf, size_t size)
{
	const char *uuid = dmi_get_system_info(DMI_PRODUCT_UUID);
	char host[TRBD_ADDRESS_MAX];
	u64 hash = 0xcbf29ce484222325ULL;
	char *port;

	strscpy(host, address, sizeof(host));
	port = strrchr(host, ':');
	if (port)
		*port = 0;
	hash = machine_hash(hash, init_utsname()->nodename);
	hash = machine_hash(hash, uuid ? uuid : "");
	hash = machine_hash(hash, host);
	snprintf(buf, size, "%016llx", hash);
}
