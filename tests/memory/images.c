/* SPDX-License-Identifier: MIT */
#include "memory.h"

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {{0}};
   return test_main(argc, argv, cases, NULL);
}
