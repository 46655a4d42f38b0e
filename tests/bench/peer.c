/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <string.h>

HANDLE
bench_event_create(void)
{
   HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);

   REQUIRE(event != NULL);
   return event;
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
      REQUIRE(SetInformationJobObject(
         job, JobObjectExtendedLimitInformation, &limits, sizeof(limits)));
   }
   REQUIRE(AssignProcessToJobObject(job, process));
}

static void
watch_peer(void *process)
{
   DWORD code = 1;

   WaitForSingleObject(process, INFINITE);
   GetExitCodeProcess(process, &code);
   if (code != 0)
      test_fail(true, __FILE__, __LINE__, "a peer ended with 0x%08lx",
                (unsigned long)code);
   CloseHandle(process);
}

static HANDLE
duplicate(HANDLE handle)
{
   HANDLE copy;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   return copy;
}

struct bench_peer
bench_peer_start(const char *role, uint32_t number, const HANDLE *handles,
                 uint32_t count)
{
   struct bench_peer peer = {.number = number};

   REQUIRE(count <= BENCH_PEER_HANDLES);
   memcpy(peer.handles, handles, count * sizeof(handles[0]));
   peer.child = child_start(role, handles, count);
   peer.link = (struct child_link) {
      .in = peer.child->from_child,
      .out = peer.child->to_child,
   };
   tie_to_us(peer.child->process);
   test_thread_start(watch_peer, duplicate(peer.child->process));
   /* With members that mean nothing there */
   REQUIRE(child_link_send(&peer.link, &peer, sizeof(peer)));
   return peer;
}

void
bench_peer_join(struct bench_peer *peer)
{
   REQUIRE_U64(child_join(peer->child, 60000), 0);
}

/* Longer than a case may take, whose reasons are the better ones */
#define PEER_SECONDS 220

struct bench_peer
bench_peer_open(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct bench_peer self;

   REQUIRE(child_link_receive(&link, &self, sizeof(self)));
   self.link = link;
   bench_guard(PEER_SECONDS);
   bench_stage("what the peer does");
   return self;
}

int
bench_peer_end(void)
{
   bench_stage(NULL);
   return 0;
}

void
bench_peer_tell(struct bench_peer *peer)
{
   REQUIRE(child_link_send(&peer->link, "", 1));
}

void
bench_peer_hear(struct bench_peer *peer)
{
   char byte;

   REQUIRE(child_link_receive(&peer->link, &byte, 1));
}
