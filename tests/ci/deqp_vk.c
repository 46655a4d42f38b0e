/* SPDX-License-Identifier: MIT */
/* Not the CTS: a program that is called as deqp-vk.exe is, for the test of
 * ci/run-deqp. It does with each case what the last word of the case's name
 * asks for, and appends what it was called with to called.txt.
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

/* A binary file: deqp-runner looks for lines that end as on its own system. */
static FILE *
open_file(const char *name, const char *mode)
{
   FILE *file = fopen(name, mode);
   if (!file) {
      printf("ERROR: cannot open %s\n", name);
      exit(4);
   }
   return file;
}

static void
write_call(int argc, char **argv)
{
   /* The CTS reads its data from the working directory, too. */
   FILE *data = fopen("vulkan/data.txt", "r");
   FILE *called = open_file("called.txt", "ab");
   for (int i = 1; i < argc; i++)
      fprintf(called, "argument %s\n", argv[i]);
   const char *variables[] = {"MESA_VK_IGNORE_CONFORMANCE_WARNING",
                              "MESA_VK_WIN32_PARKER"};
   for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
      const char *value = getenv(variables[i]);
      fprintf(called, "environment %s=%s\n", variables[i],
              value ? value : "");
   }
   fprintf(called, "data %s\n", data ? "found" : "missing");
   fclose(called);
   if (data)
      fclose(data);
}

static void
log_case(FILE *log, const char *name, const char *text)
{
   fprintf(log,
           "\n#beginTestCaseResult %s\n"
           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<TestCaseResult Version=\"0.3.4\" CasePath=\"%s\">\n"
           "<Text>%s</Text>\n</TestCaseResult>\n\n#endTestCaseResult\n",
           name, name, text);
   fflush(log);
}

static void
print_list(const char *name)
{
   FILE *list = open_file(name, "w");
   fprintf(list, "GROUP: dEQP-VK\nGROUP: dEQP-VK.api\n");
   fprintf(list, "TEST: dEQP-VK.api.external.memory.opaque_win32.printed\n");
   fclose(list);
}

/* Fails the first time, and never again. */
static const char *
flake(void)
{
   FILE *file = fopen("flake.run", "r");
   if (file) {
      fclose(file);
      return "Pass";
   }
   fclose(open_file("flake.run", "w"));
   return "Fail";
}

static const char *
run_case(const char *word)
{
   if (!strncmp(word, "crash", 5))
      *(volatile int *)NULL = 0;
   if (!strncmp(word, "hang", 4))
      Sleep(INFINITE);
   if (!strncmp(word, "noise", 5))
      printf("warning: (not a result)\nFail\n  Info (neither)\n");
   if (!strncmp(word, "flake", 5))
      return flake();
   if (!strncmp(word, "fail", 4))
      return "Fail";
   if (!strncmp(word, "warn", 4))
      return "QualityWarning";
   if (!strncmp(word, "none", 4))
      return "NotSupported";
   return "Pass";
}

static void
run_list(const char *name, FILE *log)
{
   FILE *list = open_file(name, "r");
   char line[1024];
   while (fgets(line, sizeof(line), list)) {
      line[strcspn(line, "\r\n")] = '\0';
      printf("Test case '%s'..\n", line);
      fflush(stdout);
      const char *status = run_case(strrchr(line, '.') + 1);
      log_case(log, line, status);
      printf("  %s (asked for)\n\n", status);
      fflush(stdout);
   }
   fclose(list);
}

int
main(int argc, char **argv)
{
   const char *mode = option(argc, argv, "--deqp-runmode");
   const char *exported = option(argc, argv, "--deqp-caselist-export-file");
   const char *one = option(argc, argv, "--deqp-case");
   const char *cases = option(argc, argv, "--deqp-caselist-file");
   const char *name = option(argc, argv, "--deqp-log-filename");

   /* The CTS does so, and under Wine the first window starts the desktop. */
   HWND window = CreateWindowA("STATIC", "", WS_POPUP, 0, 0, 1, 1, NULL, NULL,
                               NULL, NULL);
   if (window)
      DestroyWindow(window);

   write_call(argc, argv);
   if (mode && !strcmp(mode, "txt-caselist") && exported) {
      print_list(exported);
      return 0;
   }
   if (!name || (!one && !cases)) {
      printf("ERROR: no case, or no log\n");
      return 4;
   }

   printf("dEQP Core stand-in (0x00000000) starting..\n");
   FILE *log = open_file(name, "wb");
   fprintf(log, "#sessionInfo releaseName stand-in\n\n#beginSession\n");
   if (one) {
      char text[256];
      const char *device = getenv("TEST_DEQP_DEVICE");
      snprintf(text, sizeof(text), "deviceName: %s",
               device ? device : "llvmpipe (a stand-in)");
      log_case(log, one, text);
   } else {
      run_list(cases, log);
   }
   fprintf(log, "\n#endSession\n");
   fclose(log);
   return 0;
}
