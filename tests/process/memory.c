/* SPDX-License-Identifier: MIT */

/* Memory that one process writes and another reads, ordered by an external
 * semaphore.
 */
#include "agent.h"
#include "share.h"

#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* The agent has the memory in its slot 0, the semaphore in the other one. */
struct link {
   struct agent agent;
   struct share *share;
   struct vkt_object *semaphore;
   uint64_t value;
};

static void
open_in_agent(struct agent *agent, enum agent_op op, uint32_t share,
              VkFlags types, HANDLE handle, const wchar_t *name)
{
   struct agent_request request = {
      .op = op,
      .flag = share,
      .types = types,
      .value = (uintptr_t)handle,
   };

   if (name)
      wcscpy(request.name, name);
   REQUIRE_OK(agent_call(agent, &request).result);
}

static HANDLE
take_memory(struct agent *agent, VkFlags types)
{
   struct agent_reply reply = agent_call(agent, &(struct agent_request){
                                                   .op = AGENT_SHARE_EXPORT,
                                                   .types = types,
                                                });
   HANDLE handle = (HANDLE)(uintptr_t)reply.value, copy = NULL;

   REQUIRE_OK(reply.result);
   if (types == VKT_OPAQUE_WIN32_KMT)
      return handle;
   REQUIRE(DuplicateHandle(agent->child->process, handle, GetCurrentProcess(),
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

static void
link_semaphore(struct link *link, struct vkt_device *device,
               enum vkt_kind order)
{
   link->semaphore = vkt_create_exportable(device, order);
   REQUIRE_OK(agent_import(&link->agent, 0, order,
                           agent_give(&link->agent,
                                      vkt_export(link->semaphore))));
}

static struct link
open_link(uint32_t share, enum vkt_kind order)
{
   struct vkt_device *device = vkt_open();
   struct link link = {
      .agent = agent_start(NULL, 0),
      .share = share_create(device, (enum share_kind)(share & 0xff),
                            share >> 8,
                            &(struct memory_info){
                               .export_types = VKT_OPAQUE_WIN32,
                            }),
   };

   open_in_agent(&link.agent, AGENT_SHARE_IMPORT, share, VKT_OPAQUE_WIN32,
                 agent_give(&link.agent,
                            memory_export(share_memory(link.share))),
                 NULL);
   link_semaphore(&link, device, order);
   return link;
}

static uint32_t
write_here(struct link *link, enum share_method write, enum share_method read,
           uint32_t tag, uint64_t value)
{
   const struct vkt_point signal = {link->semaphore, value};
   const struct agent_request request = {
      .op = AGENT_SHARE_READ,
      .flag = read,
      .tag = tag,
      .value = value,
   };
   struct agent_reply reply;

   /* The wait for a timeline may be submitted before the signal. */
   if (value)
      agent_post(&link->agent, &request);
   share_write(link->share, write, tag, NULL, &signal);
   if (!value)
      agent_post(&link->agent, &request);
   reply = agent_collect(&link->agent);
   REQUIRE_OK(reply.result);
   return (uint32_t)reply.value;
}

static uint32_t
write_there(struct link *link, enum share_method write,
            enum share_method read, uint32_t tag, uint64_t value)
{
   const struct vkt_point wait = {link->semaphore, value};
   const struct agent_request request = {
      .op = AGENT_SHARE_WRITE,
      .flag = write,
      .tag = tag,
      .value = value,
   };

   if (value)
      share_begin_read(link->share, read, &wait, NULL);
   REQUIRE_OK(agent_call(&link->agent, &request).result);
   if (!value)
      share_begin_read(link->share, read, &wait, NULL);
   return share_end_read(link->share, tag);
}

static void
pass(struct link *link, bool here, enum share_method write,
     enum share_method read)
{
   const uint64_t value =
      link->semaphore->kind == VKT_TIMELINE ? ++link->value : 0;
   const uint32_t tag = (uint32_t)test_random();
   const uint32_t wrong = here ? write_here(link, write, read, tag, value)
                               : write_there(link, write, read, tag, value);

   if (wrong)
      test_fail(false, __FILE__, __LINE__,
                "%u words are wrong: written %s by %s, read by %s", wrong,
                here ? "here" : "there", share_method_name(write),
                share_method_name(read));
}

#define ARG(share, order) ((intptr_t)(share) | (intptr_t)(order) << 16)

static void
access(intptr_t arg)
{
   const enum share_kind kind = (enum share_kind)(arg & 0xff);
   struct link link = open_link(arg & 0xffff, (enum vkt_kind)(arg >> 16));

   for (int write = SHARE_BY_HOST; write <= SHARE_BY_FRAGMENT; write++) {
      for (int read = SHARE_BY_HOST; read <= SHARE_BY_FRAGMENT; read++) {
         if (kind == SHARE_IMAGE &&
             (write == SHARE_BY_HOST || read == SHARE_BY_HOST))
            continue;
         for (int here = 0; here < 2; here++)
            pass(&link, here, (enum share_method)write,
                 (enum share_method)read);
      }
   }
   agent_finish(&link.agent);
}

static void
expect_both_ways(struct link *link)
{
   pass(link, true, SHARE_BY_TRANSFER, SHARE_BY_COMPUTE);
   pass(link, false, SHARE_BY_FRAGMENT, SHARE_BY_TRANSFER);
   agent_finish(&link->agent);
}

static void
inherited_plainly(intptr_t arg)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };
   struct vkt_device *device = vkt_open();
   struct link link = {
      .share = share_create(device, SHARE_BUFFER, false,
                            &(struct memory_info){
                               .export_types = VKT_OPAQUE_WIN32,
                               .win32_info = true,
                               .attributes = &attributes,
                               .access = GENERIC_ALL,
                            }),
   };
   HANDLE handle = memory_export(share_memory(link.share));

   (void)arg;
   link.agent = agent_start_inheriting();
   open_in_agent(&link.agent, AGENT_SHARE_IMPORT, SHARE_BUFFER,
                 VKT_OPAQUE_WIN32, handle, NULL);
   link_semaphore(&link, device, VKT_TIMELINE);
   expect_both_ways(&link);
}

static void
expect_refused_there(struct agent *agent, VkFlags type, HANDLE handle,
                     VkDeviceSize size)
{
   EXPECT_RESULT(agent_call(agent, &(struct agent_request){
                                      .op = AGENT_MEMORY_IMPORT,
                                      .types = type,
                                      .value = (uintptr_t)handle,
                                      .size = size,
                                   }).result,
                 REFUSED);
}

static void
not_inherited(intptr_t arg)
{
   struct memory *a = memory_exportable(vkt_open(), 65536);
   HANDLE handle = memory_export(a);
   struct agent agent = agent_start_inheriting();

   (void)arg;
   expect_refused_there(&agent, VKT_OPAQUE_WIN32, handle, 65536);
   agent_finish(&agent);
}

static void
named_here(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[AGENT_NAME_SIZE];
   struct link link = {.agent = agent_start(NULL, 0)};

   (void)arg;
   agent_make_name(name);
   link.share = share_create(device, SHARE_IMAGE, true,
                             &(struct memory_info){
                                .export_types = VKT_OPAQUE_WIN32,
                                .win32_info = true,
                                .access = GENERIC_ALL,
                                .name = name,
                             });
   open_in_agent(&link.agent, AGENT_SHARE_IMPORT, AGENT_SHARE(SHARE_IMAGE, 1),
                 VKT_OPAQUE_WIN32, NULL, name);
   link_semaphore(&link, device, VKT_TIMELINE);
   expect_both_ways(&link);
}

static void
named_there(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[AGENT_NAME_SIZE];
   struct link link = {.agent = agent_start(NULL, 0)};

   (void)arg;
   agent_make_name(name);
   open_in_agent(&link.agent, AGENT_SHARE_CREATE, AGENT_SHARE(SHARE_IMAGE, 0),
                 VKT_OPAQUE_WIN32, NULL, name);
   link.share = share_create(device, SHARE_IMAGE, false,
                             &(struct memory_info){
                                .import_type = VKT_OPAQUE_WIN32,
                                .import_name = name,
                             });
   link_semaphore(&link, device, VKT_BINARY);
   expect_both_ways(&link);
}

static void
by_number(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct link link = {.agent = agent_start(NULL, 0)};

   open_in_agent(&link.agent, AGENT_SHARE_CREATE, AGENT_SHARE(kind, 1),
                 VKT_OPAQUE_WIN32_KMT, NULL, NULL);
   link.share = share_create(device, (enum share_kind)kind, true,
                             &(struct memory_info){
                                .import_type = VKT_OPAQUE_WIN32_KMT,
                                .handle = take_memory(&link.agent,
                                                      VKT_OPAQUE_WIN32_KMT),
                             });
   link_semaphore(&link, device, VKT_TIMELINE);
   expect_both_ways(&link);
}

static void
outlives_killed_exporter(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct link link = {.agent = agent_start(NULL, 0)};
   const struct vkt_point wait = {0};

   (void)arg;
   open_in_agent(&link.agent, AGENT_SHARE_CREATE, SHARE_BUFFER,
                 VKT_OPAQUE_WIN32, NULL, NULL);
   link.share = share_create(device, SHARE_BUFFER, false,
                             &(struct memory_info){
                                .import_type = VKT_OPAQUE_WIN32,
                                .handle = take_memory(&link.agent,
                                                      VKT_OPAQUE_WIN32),
                             });
   link_semaphore(&link, device, VKT_TIMELINE);
   pass(&link, false, SHARE_BY_COMPUTE, SHARE_BY_COMPUTE);
   REQUIRE_OK(agent_call(&link.agent, &(struct agent_request){
                                         .op = AGENT_SHARE_WRITE,
                                         .flag = SHARE_BY_HOST,
                                         .tag = 0x600d,
                                         .value = 2,
                                      }).result);
   child_kill(link.agent.child);
   share_begin_read(link.share, SHARE_BY_FRAGMENT, &wait, NULL);
   EXPECT_U64(share_end_read(link.share, 0x600d), 0);
   memory_expect_works(share_memory(link.share));
}

static void
refused_there(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, 65536);
   struct vkt_object *payload = vkt_create_exportable(device, VKT_TIMELINE);
   struct agent agent = agent_start(NULL, 0);
   HANDLE memory = agent_give(&agent, memory_export(a));
   HANDLE semaphore = agent_give(&agent, vkt_export(payload));

   (void)arg;
   expect_refused_there(&agent, VKT_OPAQUE_WIN32, semaphore, 65536);
   expect_refused_there(&agent, VKT_OPAQUE_WIN32, semaphore, 1);
   expect_refused_there(&agent, VKT_OPAQUE_WIN32, memory, 65537);
   expect_refused_there(&agent, VKT_OPAQUE_WIN32, memory, 1 << 20);
   expect_refused_there(&agent, VKT_OPAQUE_WIN32_KMT, memory, 65536);
   EXPECT_RESULT(agent_import(&agent, 0, VKT_TIMELINE, memory), REFUSED);
   EXPECT_OK(agent_call(&agent, &(struct agent_request){
                                   .op = AGENT_MEMORY_IMPORT,
                                   .value = (uintptr_t)memory,
                                   .size = 65536,
                                }).result);
   agent_finish(&agent);
   memory_expect_works(a);
   vkt_expect_works(payload);
}

static const struct test_case cases[] = {
   {"buffer_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_BUFFER, 1), VKT_TIMELINE), 0},
   {"buffer_by_binary", access,
    ARG(AGENT_SHARE(SHARE_BUFFER, 0), VKT_BINARY), 0},
   {"image_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_IMAGE, 0), VKT_TIMELINE), 0},
   {"image_by_binary", access,
    ARG(AGENT_SHARE(SHARE_IMAGE, 1), VKT_BINARY), 0},
   {"linear_image_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_LINEAR_IMAGE, 1), VKT_TIMELINE), 0},
   {"linear_image_by_binary", access,
    ARG(AGENT_SHARE(SHARE_LINEAR_IMAGE, 0), VKT_BINARY), 0},
   {"memory_inherited_plainly", inherited_plainly, 0, 0},
   {"memory_not_inherited", not_inherited, 0, 0},
   {"memory_named_here", named_here, 0, 0},
   {"memory_named_there", named_there, 0, 0},
   {"buffer_by_number", by_number, SHARE_BUFFER, 0},
   {"image_by_number", by_number, SHARE_IMAGE, 0},
   {"memory_outlives_killed_exporter", outlives_killed_exporter, 0, 0},
   {"memory_refused_there", refused_there, 0, 0},
   {0},
};

static const struct test_role roles[] = {AGENT_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}
