/* SPDX-License-Identifier: MIT */
#include "cases.h"

int
main(int argc, char **argv)
{
   return test_main(argc, argv, UNIT_CASES, NULL);
}
