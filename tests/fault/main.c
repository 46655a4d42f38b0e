/* SPDX-License-Identifier: MIT */
#include "fault.h"

#ifndef FAULT_CASES
#define FAULT_CASES fault_kill_cases
#endif

static const struct test_role roles[] = {
   { "victim", fault_victim_main },
   { "survivor", fault_survivor_main },
   { "probe", fault_probe_main },
   { "degraded", fault_degraded_main },
   { "holder", fault_holder_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, FAULT_CASES, roles);
}
