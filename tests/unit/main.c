/* SPDX-License-Identifier: MIT */
#include "test.h"

/* One table for each program; UNIT_CASES names it. */
extern const struct test_case UNIT_CASES[];

int
main(int argc, char **argv)
{
   return test_main(argc, argv, UNIT_CASES, NULL);
}
