/* SPDX-License-Identifier: MIT */

/* PROC_THREAD_ATTRIBUTE_HANDLE_LIST came with Windows Vista. */
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0602
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#include "child.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HANDLES 80

void
child_sibling_program(const char *name, char *path, size_t size)
{
   char self[MAX_PATH];
   char *slash;

   REQUIRE(GetModuleFileNameA(NULL, self, sizeof(self)) < sizeof(self));
   slash = strrchr(self, '\\');
   REQUIRE(slash != NULL);
   slash[1] = 0;
   snprintf(path, size, "%s%s", self, name);
}

static void
close_if_open(HANDLE *handle)
{
   if (*handle)
      CloseHandle(*handle);
   *handle = NULL;
}

static void
child_release(void *data)
{
   struct child *child = data;

   if (child->process) {
      TerminateProcess(child->process, 9);
      WaitForSingleObject(child->process, 5000);
   }
   close_if_open(&child->process);
   close_if_open(&child->to_child);
   close_if_open(&child->from_child);
   close_if_open(&child->output);
   free(child);
}

/* Lets the child inherit a handle. CreateProcess refuses to be told of one
 * twice.
 */
static void
add_handle(HANDLE *handles, unsigned *count, HANDLE handle)
{
   if (!handle || handle == INVALID_HANDLE_VALUE)
      return;
   for (unsigned i = 0; i < *count; i++) {
      if (handles[i] == handle)
         return;
   }
   REQUIRE(*count < MAX_HANDLES);
   REQUIRE(SetHandleInformation(handle, HANDLE_FLAG_INHERIT,
                                HANDLE_FLAG_INHERIT));
   handles[(*count)++] = handle;
}

/* The child gets the output, our standard error and what is listed. */
static void
create_process(struct child *child, char *command, HANDLE output,
               HANDLE *handles, unsigned count)
{
   STARTUPINFOEXA startup = {
      .StartupInfo = {
         .cb = sizeof(startup),
         .dwFlags = STARTF_USESTDHANDLES,
         .hStdOutput = output,
         .hStdError = GetStdHandle(STD_ERROR_HANDLE),
      },
   };
   PROCESS_INFORMATION info;
   SIZE_T size = 0;
   BOOL created = FALSE;

   InitializeProcThreadAttributeList(NULL, 1, 0, &size);
   startup.lpAttributeList = malloc(size);
   REQUIRE(startup.lpAttributeList != NULL);
   REQUIRE(InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0,
                                             &size));
   add_handle(handles, &count, output);
   add_handle(handles, &count, startup.StartupInfo.hStdError);
   REQUIRE(UpdateProcThreadAttribute(
      startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
      count * sizeof(handles[0]), NULL, NULL));

   /* Under Wine a process now and then dies before it reaches its program,
    * which is what ERROR_INTERNAL_ERROR says.
    */
   for (unsigned attempt = 0; attempt < 3 && !created; attempt++) {
      created = CreateProcessA(NULL, command, NULL, NULL, TRUE,
                               EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                               &startup.StartupInfo, &info);
      if (!created) {
         test_diag("CreateProcess \"%s\": error %lu", command,
                   (unsigned long)GetLastError());
         REQUIRE(GetLastError() == ERROR_INTERNAL_ERROR);
      }
   }
   REQUIRE(created);
   DeleteProcThreadAttributeList(startup.lpAttributeList);
   free(startup.lpAttributeList);
   CloseHandle(info.hThread);
   child->process = info.hProcess;
   child->id = info.dwProcessId;
}

static struct child *
child_new(void)
{
   struct child *child = calloc(1, sizeof(*child));

   REQUIRE(child != NULL);
   test_defer(child_release, child);
   return child;
}

struct child *
child_start_program(const char *path, const char *arguments)
{
   struct child *child = child_new();
   char command[2 * MAX_PATH];
   HANDLE output, list[MAX_HANDLES];

   REQUIRE(CreatePipe(&child->output, &output, NULL, 0));
   snprintf(command, sizeof(command), "\"%s\" %s", path, arguments);
   create_process(child, command, output, list, 0);
   CloseHandle(output);
   return child;
}

struct child *
child_start(const char *role, const HANDLE *handles, unsigned handle_count)
{
   struct child *child = child_new();
   char self[MAX_PATH], command[2 * MAX_PATH];
   HANDLE in, out, list[MAX_HANDLES];
   unsigned count = 0;

   REQUIRE(GetModuleFileNameA(NULL, self, sizeof(self)) < sizeof(self));
   REQUIRE(CreatePipe(&in, &child->to_child, NULL, 0));
   REQUIRE(CreatePipe(&child->from_child, &out, NULL, 0));
   for (unsigned i = 0; i < handle_count; i++)
      add_handle(list, &count, handles[i]);
   add_handle(list, &count, in);
   add_handle(list, &count, out);
   snprintf(command, sizeof(command), "\"%s\" --child %s %llu %llu", self,
            role, (unsigned long long)(uintptr_t)in,
            (unsigned long long)(uintptr_t)out);
   fflush(stdout);
   create_process(child, command, GetStdHandle(STD_OUTPUT_HANDLE), list,
                  count);
   /* With our copies closed, reading from a dead child fails at once. */
   CloseHandle(in);
   CloseHandle(out);
   return child;
}

void
child_read_output(struct child *child, char *text, size_t size)
{
   size_t length = 0;
   DWORD got;

   while (length < size - 1 &&
          ReadFile(child->output, text + length, (DWORD)(size - 1 - length),
                   &got, NULL) &&
          got)
      length += got;
   text[length] = 0;
}

DWORD
child_join(struct child *child, unsigned timeout_ms)
{
   DWORD status = 0xdead;

   close_if_open(&child->to_child);
   REQUIRE(WaitForSingleObject(child->process, timeout_ms) == WAIT_OBJECT_0);
   REQUIRE(GetExitCodeProcess(child->process, &status));
   return status;
}

void
child_kill(struct child *child)
{
   REQUIRE(TerminateProcess(child->process, 9));
   REQUIRE(WaitForSingleObject(child->process, 10000) == WAIT_OBJECT_0);
}

bool
child_send(struct child *child, const void *message, DWORD size)
{
   return child_link_send(&(struct child_link){.out = child->to_child},
                          message, size);
}

bool
child_receive(struct child *child, void *message, DWORD size)
{
   return child_link_receive(&(struct child_link){.in = child->from_child},
                             message, size);
}

struct child_link
child_link_open(int argc, char **argv)
{
   struct child_link link = {0};

   REQUIRE(argc >= 2);
   link.in = (HANDLE)(uintptr_t)strtoull(argv[0], NULL, 10);
   link.out = (HANDLE)(uintptr_t)strtoull(argv[1], NULL, 10);
   return link;
}

bool
child_link_send(struct child_link *link, const void *message, DWORD size)
{
   DWORD written;

   return WriteFile(link->out, message, size, &written, NULL) &&
          written == size;
}

bool
child_link_receive(struct child_link *link, void *message, DWORD size)
{
   char *at = message;
   DWORD got;

   for (; size; size -= got, at += got) {
      if (!ReadFile(link->in, at, size, &got, NULL) || !got)
         return false;
   }
   return true;
}
