/* SPDX-License-Identifier: MIT */

/* bench --list                                             names the cases
 * bench --case NAME [--ours DLL] [--upstream DLL]          runs one of them
 *
 * Rows go to the standard output, one JSON object a line.
 */
#include "bench.h"

#include <string.h>

const char *bench_driver_path[2];

/* No case takes half of that on a machine that has nothing else to do. */
#define CASE_SECONDS 200

static void
run_case(const struct bench_case *c)
{
   /* Before anything asks for the parker, of which a process has one for
    * good.
    */
   test_init();
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", c->parker);
   bench_guard(CASE_SECONDS);
   bench_stage(c->name);
   c->run(c);
   test_clean_up();
   bench_stage(NULL);
}

static int
run(const char *name)
{
   for (unsigned i = 0; bench_cases[i] != NULL; i++) {
      for (const struct bench_case *c = bench_cases[i]; c->name != NULL; c++) {
         if (name == NULL) {
            printf("%s\n", c->name);
         } else if (strcmp(name, c->name) == 0) {
            run_case(c);
            return 0;
         }
      }
   }

   if (name != NULL)
      fprintf(stderr, "there is no case \"%s\"\n", name);
   return name != NULL;
}

int
main(int argc, char **argv)
{
   const char *name = NULL;

   if (argc > 1 && strcmp(argv[1], "--child") == 0)
      return test_main(argc, argv, NULL, bench_roles);

   for (int i = 1; i < argc; i++) {
      const bool more = i + 1 < argc;

      if (strcmp(argv[i], "--list") == 0) {
         return run(NULL);
      } else if (strcmp(argv[i], "--case") == 0 && more) {
         name = argv[++i];
      } else if (strcmp(argv[i], "--ours") == 0 && more) {
         bench_driver_path[BENCH_OURS] = argv[++i];
      } else if (strcmp(argv[i], "--upstream") == 0 && more) {
         bench_driver_path[BENCH_COMPARATOR] = argv[++i];
      } else {
         name = NULL;
         break;
      }
   }

   if (name == NULL) {
      fprintf(stderr, "usage: bench --list | --case NAME "
                      "[--ours DLL] [--upstream DLL]\n");
      return 2;
   }
   return run(name);
}
