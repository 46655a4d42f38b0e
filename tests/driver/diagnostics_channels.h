/* SPDX-License-Identifier: MIT */
#ifndef LVP_DIAGNOSTICS_CHANNELS_H
#define LVP_DIAGNOSTICS_CHANNELS_H

#include "test.h"

/* Cases of the program diagnostics, and the role "log" that they need */
extern const struct test_case diagnostics_channels[];
int diagnostics_log_main(int argc, char **argv);

#endif
