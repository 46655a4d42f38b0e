/* SPDX-License-Identifier: MIT */
#include "test.h"

/* Each program has one of each. */
extern const struct test_case fault_cases[];
extern const struct test_role fault_roles[];

int
main(int argc, char **argv)
{
   return test_main(argc, argv, fault_cases, fault_roles);
}
