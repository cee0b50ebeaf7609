// SPDX-License-Identifier: GPL-2.0
/*
 * Send random commands of several nexuses to the same few blocks, and record them for the checker.
 *
 *	load --record FILE --seconds N [OPTIONS] URL...
 *
 *	--seed S         makes the same choices again (a random one); when commands end is not a
 *	                 choice
 *	--nexuses K      nexus i goes to URL i modulo their number (two for each URL)
 *	--blocks B       how many blocks (32)
 *	--lba L          the first of them (0)
 *	--locks N        so many of the blocks, the first ones, are lock words (an eighth of them)
 *	--depth D        commands that a nexus has in flight (4)
 *	--patience T     seconds without an answer after which a session is given up (30)
 *	--reservations   some nexuses fight for a reservation meanwhile
 *	--name NAME      of the initiators, which get a number each (history)
 *
 * First all blocks are written, so that nothing older is left. Then each nexus has D commands in
 * flight, which overlap as they like. With reservations up to four nexuses register, reserve,
 * release, clear, and preempt each other. In the end all blocks are read through each path.
 *
 * Values return, since a late COMPARE AND WRITE does no harm where they do not. A lock word has
 * zeros while it is free. A COMPARE AND WRITE from zeros to a value of its own takes it, and one
 * back to zeros frees it. Elsewhere some writes put back an earlier value of the block. Half of the
 * changes that got no answer because their session broke are sent again on another path with the
 * same data, as multipath does.
 *
 * A nexus whose session breaks tries to log in for as long as it takes; the others go on. README.md
 * has the format of the records. The status is 0 when there is something to check, 1 when the run
 * could not begin or not come to its end (no path for LIMIT seconds), 2 for a wrong call. At
 * SIGTERM or SIGINT the time is up. At the second one the run ends at once, and records the
 * commands in flight as lost.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define PATHS_MAX	16
#define FIGHTERS_MAX	4
#define LIMIT		(180 * SECOND)

struct load load = { .blocks = 32, .depth = 4 };
static uint64_t patience = 30 * SECOND;
static volatile sig_atomic_t interrupted;

static void serve(void)
{
	static uint64_t flushed;

	nexus_serve(load.nexuses, load.count, patience, 10);
	if (now_ns() > flushed + SECOND) {
		flushed = now_ns();
		fflush(load.record);
	}
}

static bool in_flight(void)
{
	unsigned int i;

	for (i = 0; i < load.count; i++) {
		if (load.nexuses[i].in_flight)
			return true;
	}
	return false;
}

/* Return: some nexus that can send something, or NULL. */
static struct nexus *any_up(void)
{
	unsigned int i, start = below(load.count);

	for (i = 0; i < load.count; i++) {
		struct nexus *nexus = &load.nexuses[(start + i) % load.count];

		if (nexus->state == NEXUS_UP && !nexus->broken)
			return nexus;
	}
	return NULL;
}

/* Send one command, alone, on any path until one says GOOD. */
static void until_good(enum kind kind, unsigned int a, unsigned int b)
{
	uint64_t end = now_ns() + LIMIT, pause = 0;
	struct nexus *nexus;

	figures.last_good = false;
	while (interrupted < 2) {
		nexus = any_up();
		if (nexus && now_ns() >= pause) {
			pause = now_ns() + HOLD;
			load_send(nexus, kind, a, b);
		}
		do {
			serve();
		} while (in_flight() && interrupted < 2);
		if (figures.last_good)
			return;
		if (now_ns() > end)
			die("load: nothing is GOOD");
	}
}

/* A reservation goes with a CLEAR, which only a registered nexus may send. */
static void clear_reservations(void)
{
	uint64_t end = now_ns() + LIMIT;
	struct nexus *nexus;

	while (interrupted < 2) {
		nexus = any_up();
		if (nexus) {
			load.actors[nexus->number].registered = false;
			load_send(nexus, REGISTER, 0, 0);
			while (in_flight() && interrupted < 2)
				serve();
			if (load.actors[nexus->number].registered && nexus->state == NEXUS_UP && !nexus->broken) {
				load_send(nexus, CLEAR, 0, 0);
				while (in_flight() && interrupted < 2)
					serve();
				if (figures.last_good)
					return;
			}
		}
		serve();
		if (now_ns() > end)
			die("load: the reservations cannot be cleared");
	}
}

static void write_all(void)
{
	uint64_t end = now_ns() + LIMIT;
	unsigned int i, length;

	/* use all of them, so that each path has been seen to work */
	for (i = 0; i < load.count && interrupted < 2; i++) {
		while (load.nexuses[i].state != NEXUS_UP && interrupted < 2) {
			serve();
			if (now_ns() > end)
				die("load: cannot log in");
		}
	}
	for (i = 0; i < load.blocks; i += length) {
		length = load.blocks - i < LENGTH_MAX ? load.blocks - i : LENGTH_MAX;
		until_good(WRITE, load.first_lba + i, length);
	}
}

/* Read through each path that is there, and one at least. */
static void read_all(unsigned int paths)
{
	bool seen[PATHS_MAX] = { false };
	unsigned int i, j, length;

	for (i = 0; i < load.blocks; i += length) {
		length = load.blocks - i < LENGTH_MAX ? load.blocks - i : LENGTH_MAX;
		until_good(READ, load.first_lba + i, length);
	}
	for (i = 0; i < load.count; i++) {
		struct nexus *nexus = &load.nexuses[i];

		if (nexus->state != NEXUS_UP || nexus->broken || seen[nexus->path] || nexus->path >= paths)
			continue;
		seen[nexus->path] = true;
		for (j = 0; j < load.blocks && !nexus->broken; j += length) {
			length = load.blocks - j < LENGTH_MAX ? load.blocks - j : LENGTH_MAX;
			load_send(nexus, READ, load.first_lba + j, length);
		}
	}
	while (in_flight() && interrupted < 2)
		serve();
}

static void on_signal(int number)
{
	(void)number;
	interrupted++;
}

static void usage(void)
{
	fprintf(stderr, "usage: load --record FILE --seconds N [--seed S] [--nexuses K] [--blocks B] [--lba L]\n"
			"\t[--locks N] [--depth D] [--patience T] [--reservations] [--name NAME] URL...\n");
	exit(2);
}

static unsigned int number_of(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 0);

	if (*end || end == text || number < min || number > max) {
		fprintf(stderr, "load: %s: must be %lu to %lu\n", text, min, max);
		usage();
	}
	return (unsigned int)number;
}

/* -- settings */

/* all settings that are no matter of single commands */
static struct settings {
	const char *file;
	const char *name;
	char **urls;
	unsigned int paths;
	unsigned int seconds;
	unsigned int seed;
	bool reservations;
	bool locks_given;
} settings = { .name = "history" };

enum { RECORD, SECONDS, SEED, NEXUSES, BLOCKS, LBA, LOCKS, DEPTH, PATIENCE, RESERVATIONS, NAME };

static void take_option(int option)
{
	switch (option) {
	case RECORD:
		settings.file = optarg;
		break;
	case SECONDS:
		settings.seconds = number_of(optarg, 1, 1000000);
		break;
	case SEED:
		settings.seed = number_of(optarg, 0, UINT32_MAX);
		break;
	case NEXUSES:
		load.count = number_of(optarg, 1, NEXUSES_MAX);
		break;
	case BLOCKS:
		load.blocks = number_of(optarg, 1, BLOCKS_MAX);
		break;
	case LBA:
		load.first_lba = number_of(optarg, 0, INT32_MAX);
		break;
	case LOCKS:
		load.locks = number_of(optarg, 0, BLOCKS_MAX - 1);
		settings.locks_given = true;
		break;
	case DEPTH:
		load.depth = number_of(optarg, 1, 64);
		break;
	case PATIENCE:
		patience = number_of(optarg, 1, 3600) * SECOND;
		break;
	case RESERVATIONS:
		settings.reservations = true;
		break;
	case NAME:
		settings.name = optarg;
		break;
	default:
		usage();
	}
}

static void take_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "record", required_argument, NULL, RECORD },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "seed", required_argument, NULL, SEED },
		{ "nexuses", required_argument, NULL, NEXUSES },
		{ "blocks", required_argument, NULL, BLOCKS },
		{ "lba", required_argument, NULL, LBA },
		{ "locks", required_argument, NULL, LOCKS },
		{ "depth", required_argument, NULL, DEPTH },
		{ "patience", required_argument, NULL, PATIENCE },
		{ "reservations", no_argument, NULL, RESERVATIONS },
		{ "name", required_argument, NULL, NAME },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	settings.seed = (unsigned int)now_ns();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		take_option(option);
	settings.paths = (unsigned int)(argc - optind);
	settings.urls = argv + optind;
	if (!settings.file || !settings.seconds || argc == optind || settings.paths > PATHS_MAX)
		usage();
	if (!settings.locks_given)
		load.locks = load.blocks / 8;
	if (load.locks >= load.blocks)
		usage();
	if (!load.count)
		load.count = 2 * settings.paths;
}

/* -- the whole run */

static void begin(void)
{
	unsigned int i;

	srandom(settings.seed);
	load.number = (uint64_t)time(NULL) << 32 | (uint64_t)getpid() << 8 | 1;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);

	fprintf(load.record, "# seed %u\n", settings.seed);
	for (i = 0; i < load.count; i++) {
		struct nexus *nexus = &load.nexuses[i];

		nexus->number = i;
		nexus->path = i % settings.paths;
		nexus->url = settings.urls[nexus->path];
		nexus->logged_in = load_logged_in;
		snprintf(nexus->name, sizeof(nexus->name), "%s-%u", settings.name, i);
		fprintf(load.record, "nexus %u %u " INITIATOR_PREFIX "%s %s\n", i, nexus->path,
			nexus->name, nexus->url);
	}
}

static void run(void)
{
	uint64_t end;
	unsigned int i;

	if (settings.reservations)
		clear_reservations();
	write_all();
	if (settings.reservations)
		load.fighters = load.count < FIGHTERS_MAX ? load.count : FIGHTERS_MAX;
	end = now_ns() + settings.seconds * SECOND;
	while (now_ns() < end && !interrupted) {
		for (i = 0; i < load.count; i++)
			load_pump(&load.nexuses[i]);
		serve();
	}
	while (in_flight() && interrupted < 2)
		serve();
	if (settings.reservations)
		clear_reservations();
	read_all(settings.paths);
	for (i = 0; i < load.count; i++)
		nexus_drop(&load.nexuses[i]);
}

static void print_figures(void)
{
	unsigned long dropped = 0;
	unsigned int i;

	printf("seed %u:", settings.seed);
	for (i = 0; i < KINDS; i++) {
		if (figures.good[i] + figures.others[i])
			printf(" %s %lu good %lu not,", kinds[i], figures.good[i], figures.others[i]);
	}
	for (i = 0; i < load.count; i++)
		dropped += load.nexuses[i].lost;
	printf(" %lu lost in %lu sessions, %lu sent again\n", figures.lost, dropped, figures.resent);
}

int main(int argc, char **argv)
{
	take_options(argc, argv);
	load.record = fopen(settings.file, "w");
	if (!load.record) {
		perror(settings.file);
		return 2;
	}
	begin();
	run();
	print_figures();
	if (fclose(load.record)) {
		perror(settings.file);
		return 1;
	}
	return 0;
}
