/* SPDX-License-Identifier: MIT */

/* The ways in which a payload gets into another process. */
#include "agent.h"

static void
expect_crossed(struct child *agent, struct vkt_object *object, HANDLE handle)
{
   agent_import(agent, 0, object->kind, handle);
   agent_expect_linked(agent, object);
   agent_finish(agent);
   vkt_expect_works(object);
}

static void
inherited_by_list(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);

   agent_expect_linked(p.agent, p.object);
   agent_finish(p.agent);
   vkt_expect_works(p.object);
}

/* As the driver made it inheritable, by pAttributes. */
static void
inherited_plainly(intptr_t kind)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };
   struct vkt_object *a = vkt_create_win32(vkt_open(), kind, VKT_OPAQUE_WIN32,
                                           &attributes, NULL);
   HANDLE handle = vkt_export(a);

   expect_crossed(child_start_inheriting("agent"), a, handle);
}

static void
not_inherited(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(a);
   struct child *agent = child_start_inheriting("agent");

   EXPECT_RESULT(agent_try_import(agent, 0, kind, VKT_OPAQUE_WIN32, false,
                                  handle, NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   agent_finish(agent);
   vkt_expect_works(a);
}

static void
duplicated(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(a);
   struct child *agent = agent_start(NULL);
   HANDLE given = agent_give(agent, handle);

   test_close(handle);
   expect_crossed(agent, a, given);
}

static void
by_name(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct child *agent = agent_start(NULL);
   struct vkt_object *a =
      vkt_create_win32(vkt_open(), kind, VKT_OPAQUE_WIN32, NULL, name);

   vkt_export(a);
   REQUIRE_OK(agent_try_import(agent, 0, kind, VKT_OPAQUE_WIN32, false, NULL,
                               name));
   agent_expect_linked(agent, a);
   agent_finish(agent);
}

/* The parent only passes the handle on. */
static void
child_to_child(intptr_t kind)
{
   struct child *first = agent_start(NULL), *second = agent_start(NULL);
   struct vkt_object *a = vkt_create(vkt_open(), kind);
   HANDLE handle;

   agent_create(first, 0, kind, VKT_OPAQUE_WIN32, NULL);
   handle = agent_export(first, AGENT_EXPORT, VKT_OPAQUE_WIN32);
   agent_import(second, 0, kind, agent_give(second, handle));
   vkt_import(a, handle);
   agent_expect_linked(first, a);
   agent_expect_linked(second, a);
   agent_finish(first);
   agent_expect_linked(second, a);
   agent_finish(second);
}

/* The exporting process is gone before anybody else has imported. */
static void
outlives_exporter(intptr_t kind)
{
   struct child *agent = agent_start(NULL);
   struct vkt_object *a;
   HANDLE handle;

   agent_create(agent, 0, kind, VKT_OPAQUE_WIN32, NULL);
   handle = agent_export(agent, AGENT_EXPORT, VKT_OPAQUE_WIN32);
   agent_do(agent, AGENT_QUEUE_SIGNAL, 0, 7);
   if (kind == VKT_BINARY) {
      /* So that the signal is there when the process ends. */
      agent_create(agent, 1, VKT_FENCE, VKT_OPAQUE_WIN32, NULL);
      agent_do(agent, AGENT_QUEUE_SIGNAL, 1, 0);
      agent_expect_done(agent, 1, 0);
   } else {
      agent_expect_done(agent, 0, 7);
   }
   agent_finish(agent);

   a = vkt_alias(vkt_open(), kind, handle);
   vkt_expect_marked(a);
   vkt_expect_works(a);
}

static void
outlives_killed_exporter(intptr_t kind)
{
   struct child *agent = agent_start(NULL), *next;
   struct vkt_object *a;
   HANDLE handle;

   agent_create(agent, 0, kind, VKT_OPAQUE_WIN32, NULL);
   handle = agent_export(agent, AGENT_EXPORT, VKT_OPAQUE_WIN32);
   child_kill(agent);

   a = vkt_alias(vkt_open(), kind, handle);
   vkt_expect_works(a);
   next = agent_start_holder(kind, handle);
   agent_expect_linked(next, a);
   agent_finish(next);
}

static void
by_number(intptr_t kind)
{
   struct child *agent = agent_start(NULL);
   struct vkt_object *a =
      vkt_create_for(vkt_open(), kind, VKT_OPAQUE_WIN32_KMT);
   HANDLE number = vkt_number(a);

   REQUIRE_OK(agent_try_import(agent, 0, kind, VKT_OPAQUE_WIN32_KMT, false,
                               number, NULL));
   agent_expect_linked(agent, a);
   EXPECT(agent_export(agent, AGENT_EXPORT, VKT_OPAQUE_WIN32_KMT) == number);
   agent_finish(agent);
   vkt_expect_works(a);
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

   agent_create(first, 0, kind, VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT,
                NULL);
   number = agent_export(first, AGENT_EXPORT, VKT_OPAQUE_WIN32_KMT);
   handle = agent_export(first, AGENT_EXPORT, VKT_OPAQUE_WIN32);
   vkt_import(a, handle);
   test_close(handle);
   child_kill(first);

   REQUIRE_OK(agent_try_import(second, 0, kind, VKT_OPAQUE_WIN32_KMT, false,
                               number, NULL));
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

static void
wrong_kind(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);

   for (int other = VKT_FENCE; other <= VKT_TIMELINE; other++) {
      EXPECT_RESULT(agent_try_import(p.agent, 1 + other, other,
                                     VKT_OPAQUE_WIN32, false, p.handle, NULL),
                    other == kind ? VK_SUCCESS
                                  : VK_ERROR_INVALID_EXTERNAL_HANDLE);
   }
   agent_expect_linked(p.agent, p.object);
   agent_finish(p.agent);
}

const struct test_case test_cases[] = {
   VKT_CASES("inherited_by_list", inherited_by_list),
   VKT_CASES("inherited_plainly", inherited_plainly),
   VKT_CASES("not_inherited", not_inherited),
   VKT_CASES("duplicated", duplicated),
   VKT_CASES("by_name", by_name),
   VKT_CASES("child_to_child", child_to_child),
   VKT_CASES("outlives_exporter", outlives_exporter),
   VKT_CASES("outlives_killed_exporter", outlives_killed_exporter),
   VKT_CASES("by_number", by_number),
   VKT_CASES("number_dies_with_payload", number_dies_with_payload),
   VKT_CASES("wrong_kind_across_processes", wrong_kind),
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};
