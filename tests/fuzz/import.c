/* SPDX-License-Identifier: MIT */
#include "import.h"

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      { "wrong handles", import_handles, 0, 240 },
      { "kinds of sections", import_answers, 0, 240 },
      { "mutated sections", import_sections, 0, 240 },
      { "names", import_names, 0, 240 },
      { "names for export", export_names, 0, 240 },
      { "global share handles", import_numbers, 0, 240 },
      { 0 },
   };

   return test_main(argc, argv, cases, NULL);
}
