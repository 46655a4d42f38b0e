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

/* The handles for the child, without the same one twice, which CreateProcess
 * refuses.
 */
struct handle_list {
   HANDLE handles[MAX_HANDLES];
   unsigned count;
};

static void
list_add(struct handle_list *list, HANDLE handle)
{
   if (!handle || handle == INVALID_HANDLE_VALUE)
      return;
   for (unsigned i = 0; i < list->count; i++) {
      if (list->handles[i] == handle)
         return;
   }
   REQUIRE(list->count < MAX_HANDLES);
   REQUIRE(SetHandleInformation(handle, HANDLE_FLAG_INHERIT,
                                HANDLE_FLAG_INHERIT));
   list->handles[list->count++] = handle;
}

static void
create_process(struct child *child, char *command, HANDLE output,
               struct handle_list *list)
{
   STARTUPINFOEXA startup = {.StartupInfo.cb = sizeof(startup)};
   PROCESS_INFORMATION info;
   SIZE_T size = 0;
   BOOL created = FALSE;

   startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
   startup.StartupInfo.hStdOutput = output;
   startup.StartupInfo.hStdError = GetStdHandle(STD_ERROR_HANDLE);

   InitializeProcThreadAttributeList(NULL, 1, 0, &size);
   startup.lpAttributeList = malloc(size);
   REQUIRE(startup.lpAttributeList != NULL);
   REQUIRE(InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0,
                                             &size));
   list_add(list, output);
   list_add(list, startup.StartupInfo.hStdError);
   REQUIRE(UpdateProcThreadAttribute(
      startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
      list->handles, list->count * sizeof(list->handles[0]), NULL, NULL));

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
   struct handle_list list = {.count = 0};
   char command[2 * MAX_PATH];
   HANDLE output;

   REQUIRE(CreatePipe(&child->output, &output, NULL, 0));
   snprintf(command, sizeof(command), "\"%s\" %s", path, arguments);
   create_process(child, command, output, &list);
   CloseHandle(output);
   return child;
}

struct child *
child_start(const char *role, const HANDLE *handles, unsigned handle_count)
{
   struct child *child = child_new();
   struct handle_list list = {.count = 0};
   char self[MAX_PATH], command[2 * MAX_PATH];
   HANDLE in, out;

   REQUIRE(GetModuleFileNameA(NULL, self, sizeof(self)) < sizeof(self));
   REQUIRE(CreatePipe(&in, &child->to_child, NULL, 0));
   REQUIRE(CreatePipe(&child->from_child, &out, NULL, 0));
   for (unsigned i = 0; i < handle_count; i++)
      list_add(&list, handles[i]);
   list_add(&list, in);
   list_add(&list, out);
   snprintf(command, sizeof(command), "\"%s\" --child %s %llu %llu", self,
            role, (unsigned long long)(uintptr_t)in,
            (unsigned long long)(uintptr_t)out);
   fflush(stdout);
   create_process(child, command, GetStdHandle(STD_OUTPUT_HANDLE), &list);
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
   if (WaitForSingleObject(child->process, timeout_ms) != WAIT_OBJECT_0)
      test_fail(true, __FILE__, __LINE__, "the child did not end");
   REQUIRE(GetExitCodeProcess(child->process, &status));
   return status;
}

void
child_kill(struct child *child)
{
   REQUIRE(TerminateProcess(child->process, 9));
   REQUIRE(WaitForSingleObject(child->process, 10000) == WAIT_OBJECT_0);
}

static bool
write_all(HANDLE pipe, const void *data, DWORD size)
{
   DWORD written;

   return WriteFile(pipe, data, size, &written, NULL) && written == size;
}

static bool
read_all(HANDLE pipe, void *data, DWORD size)
{
   char *at = data;
   DWORD got;

   for (; size; size -= got, at += got) {
      if (!ReadFile(pipe, at, size, &got, NULL) || !got)
         return false;
   }
   return true;
}

bool
child_send(struct child *child, const void *message, DWORD size)
{
   return write_all(child->to_child, message, size);
}

bool
child_receive(struct child *child, void *message, DWORD size)
{
   return read_all(child->from_child, message, size);
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
   return write_all(link->out, message, size);
}

bool
child_link_receive(struct child_link *link, void *message, DWORD size)
{
   return read_all(link->in, message, size);
}
