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

HANDLE
bench_event_create(void)
{
   SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };
   HANDLE event = CreateEventW(&attributes, FALSE, FALSE, NULL);

   BENCH_REQUIRE(event != NULL);
   return event;
}

struct bench_peer
bench_peer_start(const char *role, uint32_t number, const HANDLE *handles,
                 uint32_t count)
{
   struct bench_peer peer = {
      .go = bench_event_create(),
      .done = bench_event_create(),
   };
   char program[MAX_PATH], command[MAX_PATH + 256];
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

   for (const struct bench_peer_role *role = bench_peer_roles;
        role->name != NULL; role++) {
      if (strcmp(role->name, argv[2]) == 0) {
         role->run(&self, handles, (uint32_t)strtoul(argv[3], NULL, 10));
         return 0;
      }
   }
   return 2;
}
