// SPDX-License-Identifier: GPL-2.0
/*
 * Initiators that reserve a logical unit through several gateways.
 *
 *	pr_client model URL1 URL2 SEED COUNT	random commands against a model of what they do
 *	                                        (model.c)
 *	pr_client register URL... COUNT	COUNT nexuses register at the same moment (crowd.c)
 *	pr_client full URL1 URL2 COUNT	COUNT registrations by SPEC_I_PT, read back (crowd.c)
 *	pr_client script URL1 URL2 [SCRIPT]	commands from a file or stdin, and the answers they
 *	                                        must get (script.c)
 *	pr_client preempt URL1 URL2 ROUNDS	a victim that writes at full speed is preempted
 *	                                        (races.c)
 *	pr_client preempt URL1 URL2 ACTION	once, step by step as stdin says; ACTION: preempt
 *	                                        or abort
 *	pr_client duel URL1 URL2 SECONDS	two hosts preempt each other (races.c)
 *
 * The status is 0, or 1 with lines that say what went wrong.
 */
#include <stdio.h>
#include <string.h>

#include "modes.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	int least;
} modes[] = {
	{ "model", mode_model, 4 },
	{ "register", mode_register, 2 },
	{ "full", mode_full, 3 },
	{ "script", mode_script, 2 },
	{ "preempt", mode_preempt, 3 },
	{ "duel", mode_duel, 3 },
};

int main(int argc, char **argv)
{
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (!strcmp(argv[1], modes[i].name) && argc - 2 >= modes[i].least)
			return modes[i].run(argc - 2, argv + 2);
	}
	fprintf(stderr, "usage: pr_client model URL1 URL2 SEED COUNT | register URL... COUNT |\n"
			"\tfull URL1 URL2 COUNT | script URL1 URL2 [SCRIPT] |\n"
			"\tpreempt URL1 URL2 ROUNDS|preempt|abort | duel URL1 URL2 SECONDS\n");
	return 2;
}
