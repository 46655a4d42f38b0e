/* SPDX-License-Identifier: MIT */
/* Not the CTS: a program that is called as deqp-vk.exe is, for the test of
 * ci/run-deqp. It says of each case in its list what the case's name asks
 * for, and writes what it was called with into its log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char *
option(int argc, char **argv, const char *name)
{
   size_t length = strlen(name);
   for (int i = 1; i < argc; i++) {
      if (!strncmp(argv[i], name, length) && argv[i][length] == '=')
         return argv[i] + length + 1;
   }
   return NULL;
}

static void
write_log(const char *name, int argc, char **argv)
{
   FILE *log = fopen(name, "w");
   if (!log) {
      printf("ERROR: cannot write %s\n", name);
      exit(4);
   }
   for (int i = 1; i < argc; i++)
      fprintf(log, "argument %s\n", argv[i]);
   const char *variables[] = {"MESA_VK_IGNORE_CONFORMANCE_WARNING",
                              "MESA_VK_WIN32_PARKER"};
   for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
      const char *value = getenv(variables[i]);
      fprintf(log, "environment %s=%s\n", variables[i], value ? value : "");
   }
   /* The CTS reads its data from the working directory. */
   FILE *data = fopen("vulkan/data.txt", "r");
   fprintf(log, "data %s\n", data ? "found" : "missing");
   if (data)
      fclose(data);
   fclose(log);
}

int
main(int argc, char **argv)
{
   const char *cases = option(argc, argv, "--deqp-caselist-file");
   const char *log = option(argc, argv, "--deqp-log-filename");
   FILE *list = cases ? fopen(cases, "r") : NULL;
   if (!list || !log) {
      printf("ERROR: no list of cases, or no log: %s, %s\n",
             cases ? cases : "-", log ? log : "-");
      return 4;
   }
   write_log(log, argc, argv);

   char name[1024];
   while (fgets(name, sizeof(name), list)) {
      name[strcspn(name, "\r\n")] = '\0';
      printf("Test case '%s'..\n", name);
      fflush(stdout);
      if (strstr(name, "crash"))
         abort();
      if (strstr(name, "hang"))
         Sleep(INFINITE);
      if (strstr(name, "fail"))
         printf("  Fail (asked for)\n\n");
      else if (strstr(name, "none"))
         printf("  NotSupported (asked for)\n\n");
      else
         printf("  Pass (Pass)\n\n");
      fflush(stdout);
   }
   fclose(list);
   return 0;
}
