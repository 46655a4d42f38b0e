/* SPDX-License-Identifier: MIT */

/* The ways in which a payload gets into another process. By inheritance is how
 * waits.c and death.c have theirs.
 */
#include "agent.h"

#include <wchar.h>

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT

static void
by_name(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct child *agent = agent_start(NULL);
   struct vkt_object *a = vkt_create_win32(vkt_open(), kind, NT, NULL, name);
   struct agent_request import = {
      .op = AGENT_IMPORT,
      .kind = kind,
      .types = NT,
   };

   wcscpy(import.name, name);
   agent_call(agent, &import);
   agent_expect_linked(agent, a);
   agent_finish(agent);
   vkt_expect_works(a);
}

/* The parent only passes the handle on. */
static void
child_to_child(intptr_t kind)
{
   struct child *first = agent_start(NULL), *second = agent_start(NULL);
   struct vkt_object *a = vkt_create(vkt_open(), kind);
   HANDLE handle;

   agent_create(first, 0, kind, NT);
   handle = agent_export(first, AGENT_EXPORT, NT);
   agent_import(second, 0, kind, NT, agent_give(second, handle));
   vkt_import(a, handle);
   agent_expect_linked(first, a);
   agent_expect_linked(second, a);
   agent_finish(first);
   agent_expect_linked(second, a);
   agent_finish(second);
}

/* The exporting process is gone before anybody else has imported. */
static void
outlives_exporter(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const bool killed = arg >> 8;
   struct child *agent = agent_start(NULL), *next;
   struct vkt_object *a;
   HANDLE handle;

   agent_create(agent, 0, kind, NT);
   handle = agent_export(agent, AGENT_EXPORT, NT);
   agent_do(agent, AGENT_QUEUE_SIGNAL, 0, 7);
   if (kind == VKT_BINARY) {
      /* So that the signal is there when the process ends. */
      agent_create(agent, 1, VKT_FENCE, NT);
      agent_do(agent, AGENT_QUEUE_SIGNAL, 1, 0);
      agent_expect_done(agent, 1, 0);
   } else {
      agent_expect_done(agent, 0, 7);
   }
   if (killed)
      child_kill(agent);
   else
      agent_finish(agent);

   a = vkt_alias(vkt_open(), kind, handle);
   vkt_expect_marked(a);
   vkt_expect_works(a);
   next = agent_start_holder(kind, handle);
   agent_expect_linked(next, a);
   agent_finish(next);
}

/* A number is good for as long as anybody holds the payload, and no longer:
 * whoever made it, and however the others have come by the payload.
 */
static void
number_dies_with_payload(intptr_t kind)
{
   struct child *first = agent_start(NULL), *second = agent_start(NULL);
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create(device, kind);
   struct vkt_object *b = vkt_create(device, kind);
   HANDLE handle, number;

   agent_create(first, 0, kind, NT | KMT);
   number = agent_export(first, AGENT_EXPORT, KMT);
   handle = agent_export(first, AGENT_EXPORT, NT);
   vkt_import(a, handle);
   test_close(handle);
   child_kill(first);

   agent_import(second, 0, kind, KMT, number);
   EXPECT(agent_export(second, AGENT_EXPORT, KMT) == number);
   agent_expect_linked(second, a);
   child_kill(second);

   REQUIRE_OK(vkt_import_number(b, number));
   vkt_expect_linked(a, b);
   vkt_wait_idle(device);
   vkt_destroy(a);
   vkt_destroy(b);
   EXPECT_RESULT(vkt_import_number(vkt_create(device, kind), number),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

const struct test_case test_cases[] = {
   VKT_CASES("by_name", by_name),
   VKT_CASES("child_to_child", child_to_child),
   VKT_CASES_WITH("outlives_exporter", outlives_exporter, false),
   VKT_CASES_WITH("outlives_killed_exporter", outlives_exporter, true),
   VKT_CASES("number_dies_with_payload", number_dies_with_payload),
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};
