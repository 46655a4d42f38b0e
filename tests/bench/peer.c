/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bench_event_set(HANDLE event)
{
   BENCH_REQUIRE(SetEvent(event));
}

void
bench_event_wait(HANDLE event)
{
   BENCH_REQUIRE(WaitForSingleObject(event, 60000) == WAIT_OBJECT_0);
}

static SECURITY_ATTRIBUTES inherited = {
   .nLength = sizeof(inherited),
   .bInheritHandle = TRUE,
};

HANDLE
bench_event_create(void)
{
   HANDLE event = CreateEventW(&inherited, FALSE, FALSE, NULL);

   BENCH_REQUIRE(event != NULL);
   return event;
}

HANDLE
bench_page_create(void)
{
   HANDLE page = CreateFileMappingW(INVALID_HANDLE_VALUE, &inherited,
                                    PAGE_READWRITE, 0, 4096, NULL);

   BENCH_REQUIRE(page != NULL);
   return page;
}

void *
bench_page_map(HANDLE page)
{
   void *view = MapViewOfFile(page, FILE_MAP_WRITE, 0, 0, 4096);

   BENCH_REQUIRE(view != NULL);
   return view;
}

/* Peers would wait for ever for a parent that is gone. */
static void
tie_to_us(HANDLE process)
{
   static HANDLE job;
   JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {
      .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
   };

   if (job == NULL) {
      job = CreateJobObjectW(NULL, NULL);
      BENCH_REQUIRE(SetInformationJobObject(
         job, JobObjectExtendedLimitInformation, &limits, sizeof(limits)));
   }
   BENCH_REQUIRE(AssignProcessToJobObject(job, process));
}

static DWORD WINAPI
watch_peer(void *data)
{
   DWORD code = 1;

   WaitForSingleObject(data, INFINITE);
   GetExitCodeProcess(data, &code);
   if (code != 0)
      bench_abandon("a peer ended with 0x%08lx", code);
   CloseHandle(data);
   return 0;
}

static HANDLE
duplicate(HANDLE handle)
{
   HANDLE copy;

   BENCH_REQUIRE(DuplicateHandle(GetCurrentProcess(), handle,
                                 GetCurrentProcess(), &copy, 0, FALSE,
                                 DUPLICATE_SAME_ACCESS));
   return copy;
}

struct bench_peer
bench_peer_start(const char *role, uint32_t number, const HANDLE *handles,
                 uint32_t count)
{
   struct bench_peer peer = {
      .go = bench_event_create(),
      .done = bench_event_create(),
   };
   char program[MAX_PATH], command[MAX_PATH + 2048];
   STARTUPINFOA startup = {.cb = sizeof(startup)};
   PROCESS_INFORMATION process;

   BENCH_REQUIRE(count <= BENCH_PEER_HANDLES);
   BENCH_REQUIRE(GetModuleFileNameA(NULL, program, sizeof(program)) != 0);
   int length = snprintf(command, sizeof(command),
                         "\"%s\" --peer %s %u %llx %llx", program, role,
                         number, (unsigned long long)(uintptr_t)peer.go,
                         (unsigned long long)(uintptr_t)peer.done);
   for (uint32_t i = 0; i < count; i++)
      length += snprintf(command + length, sizeof(command) - length, " %llx",
                         (unsigned long long)(uintptr_t)handles[i]);

   BENCH_REQUIRE(CreateProcessA(program, command, NULL, NULL, TRUE, 0, NULL,
                                NULL, &startup, &process));
   CloseHandle(process.hThread);
   tie_to_us(process.hProcess);
   CloseHandle(bench_thread_start(watch_peer, duplicate(process.hProcess)));
   peer.process = process.hProcess;
   return peer;
}

void
bench_peer_join(struct bench_peer *peer)
{
   DWORD code = 1;

   bench_event_wait(peer->process);
   BENCH_REQUIRE(GetExitCodeProcess(peer->process, &code) && code == 0);
   CloseHandle(peer->process);
   CloseHandle(peer->go);
   CloseHandle(peer->done);
}

static HANDLE
parse_handle(const char *text)
{
   return (HANDLE)(uintptr_t)strtoull(text, NULL, 16);
}

static const struct bench_peer_role *
find_role(const char *name)
{
   for (unsigned i = 0; bench_suites[i] != NULL; i++) {
      for (const struct bench_peer_role *role = bench_suites[i]->roles;
           role != NULL && role->name != NULL; role++) {
         if (strcmp(role->name, name) == 0)
            return role;
      }
   }
   return NULL;
}

/* Longer than a case may take, whose reasons are the better ones */
#define PEER_SECONDS 220

int
bench_peer_main(int argc, char **argv)
{
   HANDLE handles[BENCH_PEER_HANDLES] = {0};

   BENCH_REQUIRE(argc >= 6 && argc <= 6 + BENCH_PEER_HANDLES);

   struct bench_peer self = {
      .go = parse_handle(argv[4]),
      .done = parse_handle(argv[5]),
   };
   for (int i = 6; i < argc; i++)
      handles[i - 6] = parse_handle(argv[i]);

   const struct bench_peer_role *role = find_role(argv[2]);
   BENCH_REQUIRE(role != NULL);

   bench_guard(PEER_SECONDS);
   bench_stage(role->name);
   role->run(&self, handles, (uint32_t)strtoul(argv[3], NULL, 10));
   bench_stage(NULL);
   return 0;
}
