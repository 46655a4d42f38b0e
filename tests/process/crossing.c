/* SPDX-License-Identifier: MIT */

/* The ways in which a payload gets into another process. */
#include "agent.h"

static struct vkt_object *
create_inheritable(struct vkt_device *device, enum vkt_kind kind)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };

   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = VKT_OPAQUE_WIN32,
                                     .win32_info = true,
                                     .attributes = &attributes,
                                     .access = GENERIC_ALL,
                                  });
}

static void
expect_crossed(struct agent *agent, struct vkt_object *object, HANDLE handle)
{
   REQUIRE_OK(agent_import(agent, 0, object->kind, handle));
   agent_expect_linked(agent, 0, object);
   agent_finish(agent);
   vkt_expect_works(object);
}

static void
inherited_by_list(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct agent agent = agent_start(&handle, 1);

   expect_crossed(&agent, a, handle);
}

/* As the driver made it inheritable, by pAttributes. */
static void
inherited_plainly(intptr_t kind)
{
   struct vkt_object *a = create_inheritable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct agent agent = agent_start_inheriting();

   expect_crossed(&agent, a, handle);
}

static void
not_inherited(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct agent agent = agent_start_inheriting();

   EXPECT_RESULT(agent_import(&agent, 0, (enum vkt_kind)kind, handle),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   agent_finish(&agent);
   vkt_expect_works(a);
}

static void
duplicated(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct agent agent = agent_start(NULL, 0);
   HANDLE given = agent_give(&agent, handle);

   test_close(handle);
   expect_crossed(&agent, a, given);
}

static void
by_name(intptr_t kind)
{
   wchar_t name[AGENT_NAME_SIZE];
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *a;

   agent_make_name(name);
   a = vkt_create_info(vkt_open(), &(struct vkt_object_info){
                                      .kind = (enum vkt_kind)kind,
                                      .export_types = VKT_OPAQUE_WIN32,
                                      .win32_info = true,
                                      .access = GENERIC_ALL,
                                      .name = name,
                                   });
   vkt_export(a);
   REQUIRE_OK(agent_import_name(&agent, 0, (enum vkt_kind)kind, name));
   agent_expect_linked(&agent, 0, a);
   agent_finish(&agent);
}

static void
exported_by_child(intptr_t kind)
{
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *a;

   REQUIRE_OK(agent_create(&agent, 0, (enum vkt_kind)kind, NULL));
   a = vkt_alias(vkt_open(), (enum vkt_kind)kind,
                 agent_take_export(&agent, 0));
   agent_expect_linked(&agent, 0, a);
   agent_finish(&agent);
   vkt_expect_works(a);
}

static void
named_by_child(intptr_t kind)
{
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *a = vkt_create(vkt_open(), (enum vkt_kind)kind);
   wchar_t name[AGENT_NAME_SIZE];

   agent_make_name(name);
   REQUIRE_OK(agent_create(&agent, 0, (enum vkt_kind)kind, name));
   test_close(agent_take_export(&agent, 0));
   REQUIRE_OK(vkt_try_import(a, VKT_OPAQUE_WIN32, false, NULL, name));
   agent_expect_linked(&agent, 0, a);
   agent_finish(&agent);
   vkt_expect_works(a);
}

/* The parent only passes the handle on. */
static void
child_to_child(intptr_t kind)
{
   struct agent first = agent_start(NULL, 0), second = agent_start(NULL, 0);
   struct vkt_object *a = vkt_create(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle;

   REQUIRE_OK(agent_create(&first, 0, (enum vkt_kind)kind, NULL));
   handle = agent_take_export(&first, 0);
   REQUIRE_OK(agent_import(&second, 0, (enum vkt_kind)kind,
                           agent_give(&second, handle)));
   vkt_import(a, handle);
   agent_expect_linked(&first, 0, a);
   agent_expect_linked(&second, 0, a);
   agent_finish(&first);
   agent_expect_linked(&second, 0, a);
   agent_finish(&second);
}

/* The exporting process is gone before anybody else has imported. */
static void
outlives_exporter(intptr_t kind)
{
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *a;
   HANDLE handle;

   REQUIRE_OK(agent_create(&agent, 0, (enum vkt_kind)kind, NULL));
   handle = agent_take_export(&agent, 0);
   agent_queue_signal(&agent, 0, 7);
   if (kind == VKT_BINARY) {
      /* So that the signal is there when the process ends. */
      REQUIRE_OK(agent_create(&agent, 1, VKT_FENCE, NULL));
      agent_queue_signal(&agent, 1, 0);
      EXPECT_OK(agent_wait(&agent, 1, 0, VKT_LONG_MS));
   } else {
      EXPECT_OK(agent_wait(&agent, 0, 7, VKT_LONG_MS));
   }
   agent_finish(&agent);

   a = vkt_alias(vkt_open(), (enum vkt_kind)kind, handle);
   vkt_expect_marked(a);
   vkt_expect_works(a);
}

static void
outlives_killed_exporter(intptr_t kind)
{
   struct agent agent = agent_start(NULL, 0), next;
   struct vkt_object *a;
   HANDLE handle;

   REQUIRE_OK(agent_create(&agent, 0, (enum vkt_kind)kind, NULL));
   handle = agent_take_export(&agent, 0);
   child_kill(agent.child);

   a = vkt_alias(vkt_open(), (enum vkt_kind)kind, handle);
   vkt_expect_works(a);
   next = agent_start(&handle, 1);
   REQUIRE_OK(agent_import(&next, 0, (enum vkt_kind)kind, handle));
   agent_expect_linked(&next, 0, a);
   agent_finish(&next);
}

static void
by_number(intptr_t kind)
{
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *a;
   HANDLE number = NULL;

   a = vkt_create_info(vkt_open(), &(struct vkt_object_info){
                                      .kind = (enum vkt_kind)kind,
                                      .export_types = VKT_OPAQUE_WIN32_KMT,
                                   });
   REQUIRE_OK(vkt_try_export(a, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE_OK(agent_import_kmt(&agent, 0, (enum vkt_kind)kind, number));
   agent_expect_linked(&agent, 0, a);
   EXPECT(agent_kmt(&agent, 0) == number);
   agent_finish(&agent);
   vkt_expect_works(a);
}

/* A number is good for as long as anybody holds the payload, and no longer:
 * whoever made it, and however the others have come by the payload.
 */
static void
number_dies_with_payload(intptr_t arg)
{
   const enum vkt_kind kind = (enum vkt_kind)arg;
   struct agent first = agent_start(NULL, 0), second = agent_start(NULL, 0);
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create(device, kind);
   struct vkt_object *b = vkt_create(device, kind);
   HANDLE handle, number;

   REQUIRE_OK(agent_create_kmt(&first, 0, kind));
   number = agent_kmt(&first, 0);
   handle = agent_take_export(&first, 0);
   vkt_import(a, handle);
   test_close(handle);
   child_kill(first.child);

   REQUIRE_OK(agent_import_kmt(&second, 0, kind, number));
   agent_expect_linked(&second, 0, a);
   child_kill(second.child);

   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false, number, NULL));
   vkt_expect_linked(a, b);
   vkt_wait_idle(device);
   vkt_destroy(a);
   vkt_destroy(b);
   EXPECT_RESULT(vkt_try_import(vkt_create(device, kind),
                                VKT_OPAQUE_WIN32_KMT, false, number, NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

static void
wrong_kind(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct agent agent = agent_start(&handle, 1);

   for (int other = VKT_FENCE; other <= VKT_TIMELINE; other++) {
      EXPECT_RESULT(agent_import(&agent, (uint32_t)other,
                                 (enum vkt_kind)other, handle),
                    other == kind ? VK_SUCCESS
                                  : VK_ERROR_INVALID_EXTERNAL_HANDLE);
   }
   agent_expect_linked(&agent, (uint32_t)kind, a);
   agent_finish(&agent);
}

static const struct test_case cases[] = {
   VKT_CASES("inherited_by_list", inherited_by_list),
   VKT_CASES("inherited_plainly", inherited_plainly),
   VKT_CASES("not_inherited", not_inherited),
   VKT_CASES("duplicated", duplicated),
   VKT_CASES("by_name", by_name),
   VKT_CASES("exported_by_child", exported_by_child),
   VKT_CASES("named_by_child", named_by_child),
   VKT_CASES("child_to_child", child_to_child),
   VKT_CASES("outlives_exporter", outlives_exporter),
   VKT_CASES("outlives_killed_exporter", outlives_killed_exporter),
   VKT_CASES("by_number", by_number),
   VKT_CASES("number_dies_with_payload", number_dies_with_payload),
   VKT_CASES("wrong_kind_across_processes", wrong_kind),
   {0},
};

static const struct test_role roles[] = {AGENT_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}
