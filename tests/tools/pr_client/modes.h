/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_MODES_H
#define TEST_MODES_H

/* each takes the rest of the command line after its name and returns the program's status */
int mode_model(int argc, char **argv);
int mode_register(int argc, char **argv);
int mode_full(int argc, char **argv);
int mode_script(int argc, char **argv);
int mode_preempt(int argc, char **argv);
int mode_duel(int argc, char **argv);

#endif /* TEST_MODES_H */
