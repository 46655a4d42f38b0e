/* SPDX-License-Identifier: MIT */

/* Memory that one process writes and another reads, ordered by an external
 * semaphore.
 */
#include "agent.h"
#include "share.h"

#include <wchar.h>

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT

/* The agent has the memory, and the semaphore in its slot 0. */
struct link {
   struct vkt_device *device;
   struct child *agent;
   struct share *share;
   struct vkt_object *semaphore;
   uint64_t value;
};

static struct link
open_link(void)
{
   return (struct link){.device = vkt_open(), .agent = agent_start(NULL)};
}

static void
open_there(struct link *link, enum agent_op op, uint32_t share, VkFlags types,
           HANDLE handle, const wchar_t *name)
{
   struct agent_request request = {
      .op = op,
      .flag = share,
      .types = types,
      .value = (uintptr_t)handle,
   };

   if (name)
      wcscpy(request.name, name);
   agent_call(link->agent, &request);
}

static void
open_here(struct link *link, uint32_t share, const struct memory_info *info)
{
   link->share = share_create(link->device, share & 0xff, share >> 8, info);
}

static void
link_semaphore(struct link *link, enum vkt_kind order)
{
   link->semaphore = vkt_create_exportable(link->device, order);
   agent_import(link->agent, 0, order, NT,
                agent_give(link->agent, vkt_export(link->semaphore)));
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
      agent_post(link->agent, &request);
   share_write(link->share, write, tag, &signal);
   if (!value)
      agent_post(link->agent, &request);
   reply = agent_collect(link->agent);
   REQUIRE_OK(reply.result);
   return (uint32_t)reply.value;
}

static void
write_there(struct link *link, enum share_method write, uint32_t tag,
            uint64_t value)
{
   agent_call(link->agent, &(struct agent_request){
                              .op = AGENT_SHARE_WRITE,
                              .flag = write,
                              .tag = tag,
                              .value = value,
                           });
}

static uint32_t
read_here(struct link *link, enum share_method write, enum share_method read,
          uint32_t tag, uint64_t value)
{
   const struct vkt_point wait = {link->semaphore, value};

   if (value)
      share_begin_read(link->share, read, &wait);
   write_there(link, write, tag, value);
   if (!value)
      share_begin_read(link->share, read, &wait);
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
                               : read_here(link, write, read, tag, value);

   if (wrong)
      test_fail(false, __FILE__, __LINE__,
                "%u words are wrong: written %s by %s, read by %s", wrong,
                here ? "here" : "there", share_method_name(write),
                share_method_name(read));
}

#define ARG(share, order) ((share) | (order) << 16)

static void
access(intptr_t arg)
{
   const uint32_t share = arg & 0xffff;
   const struct memory_info info = {.export_types = NT};
   struct link link = open_link();
   int first = SHARE_BY_HOST;

   open_here(&link, share, &info);
   open_there(&link, AGENT_SHARE_IMPORT, share, NT,
              agent_give(link.agent, memory_export(share_memory(link.share))),
              NULL);
   link_semaphore(&link, arg >> 16);
   if ((share & 0xff) == SHARE_IMAGE)
      first++;
   for (int write = first; write <= SHARE_BY_FRAGMENT; write++) {
      for (int read = first; read <= SHARE_BY_FRAGMENT; read++) {
         pass(&link, false, write, read);
         pass(&link, true, write, read);
      }
   }
   agent_finish(link.agent);
}

static void
expect_both_ways(struct link *link, enum vkt_kind order)
{
   link_semaphore(link, order);
   pass(link, true, SHARE_BY_TRANSFER, SHARE_BY_COMPUTE);
   pass(link, false, SHARE_BY_FRAGMENT, SHARE_BY_TRANSFER);
   agent_finish(link->agent);
}

/* What the agent has created, by a handle or a number */
static void
open_theirs(struct link *link, uint32_t share, VkFlags type)
{
   struct memory_info info = {.import_type = type};

   open_there(link, AGENT_SHARE_CREATE, share, type, NULL, NULL);
   info.handle = agent_export(link->agent, AGENT_SHARE_EXPORT, type);
   open_here(link, share, &info);
}

static void
by_number(UNUSED intptr_t arg)
{
   struct link link = open_link();

   open_theirs(&link, AGENT_SHARE(SHARE_BUFFER, 1), KMT);
   expect_both_ways(&link, VKT_TIMELINE);
}

static void
by_name(UNUSED intptr_t arg)
{
   const wchar_t *name = vkt_make_name(L"");
   const struct memory_info info = {.import_type = NT, .import_name = name};
   struct link link = open_link();

   open_there(&link, AGENT_SHARE_CREATE, SHARE_IMAGE, NT, NULL, name);
   open_here(&link, SHARE_IMAGE, &info);
   expect_both_ways(&link, VKT_BINARY);
}

static void
outlives_killed_exporter(UNUSED intptr_t arg)
{
   struct link link = open_link();

   open_theirs(&link, SHARE_BUFFER, NT);
   link_semaphore(&link, VKT_TIMELINE);
   pass(&link, false, SHARE_BY_COMPUTE, SHARE_BY_COMPUTE);
   write_there(&link, SHARE_BY_HOST, 0x600d, 2);
   child_kill(link.agent);
   share_begin_read(link.share, SHARE_BY_FRAGMENT, NULL);
   EXPECT_U64(share_end_read(link.share, 0x600d), 0);
   memory_expect_works(share_memory(link.share));
}

const struct test_case test_cases[] = {
   {"buffer_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_BUFFER, 1), VKT_TIMELINE)},
   {"buffer_by_binary", access,
    ARG(AGENT_SHARE(SHARE_BUFFER, 0), VKT_BINARY)},
   {"image_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_IMAGE, 0), VKT_TIMELINE)},
   {"image_by_binary", access, ARG(AGENT_SHARE(SHARE_IMAGE, 1), VKT_BINARY)},
   {"linear_image_by_timeline", access,
    ARG(AGENT_SHARE(SHARE_LINEAR_IMAGE, 1), VKT_TIMELINE)},
   {"linear_image_by_binary", access,
    ARG(AGENT_SHARE(SHARE_LINEAR_IMAGE, 0), VKT_BINARY)},
   {"buffer_by_number", by_number},
   {"image_by_name", by_name},
   {"memory_outlives_killed_exporter", outlives_killed_exporter},
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};
