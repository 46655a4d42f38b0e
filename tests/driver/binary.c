/* SPDX-License-Identifier: MIT */

/* Binary semaphores: every wait takes exactly one signal, whoever holds the
 * payload, and in the order of submission.
 */
#include "work.h"

static struct vkt_object *
shared_binary(struct vkt_device *device, HANDLE *handle)
{
   struct vkt_object *a = vkt_create_exportable(device, VKT_BINARY);

   *handle = vkt_export(a);
   return a;
}

static void
expect_pairs(struct vkt_object *a, struct vkt_object *b)
{
   for (unsigned i = 0; i < 300 && !test_failed(); i++) {
      vkt_expect_linked(a, b);
      vkt_expect_linked(b, a);
   }
}

static void
pairs_one_queue(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);

   (void)arg;
   expect_pairs(a, vkt_alias(device, VKT_BINARY, handle));
}

static void
pairs_two_devices(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);

   (void)arg;
   expect_pairs(a, vkt_alias(vkt_open_sibling(device), VKT_BINARY, handle));
}

static void
pairs_two_instances(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);

   (void)arg;
   expect_pairs(a, vkt_alias(vkt_open(), VKT_BINARY, handle));
}

/* (trap 6) A wait does not detach the payload from the semaphore, and takes
 * the signal from all holders.
 */
static void
wait_consumes_for_all(intptr_t arg)
{
   HANDLE handle;
   struct vkt_object *a = shared_binary(vkt_open(), &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);
   struct vkt_object *c = vkt_alias(vkt_open(), VKT_BINARY, handle);

   (void)arg;
   vkt_mark(a);
   vkt_expect_marked(b);
   vkt_expect_unsignalled(c, a);
   vkt_expect_unsignalled(b, c);
   vkt_expect_unsignalled(a, b);
}

static void
many_waits_stay_attached(intptr_t arg)
{
   HANDLE handle;
   struct vkt_object *a = shared_binary(vkt_open(), &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);

   (void)arg;
   for (unsigned i = 0; i < 8; i++)
      vkt_expect_unsignalled(i % 2 ? a : b, i % 2 ? b : a);
}

/* Two signals that are held back one by one, and a wait for each. */
static void
waits_pair_in_order(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);
   struct vkt_object *c = vkt_alias(vkt_open(), VKT_BINARY, handle);
   struct vkt_object *gate = vkt_create(device, VKT_TIMELINE);
   struct vkt_object *first, *second;

   (void)arg;
   for (uint64_t i = 0; i < 10; i += 2) {
      vkt_submit(device, &(struct vkt_batch){.waits = {{gate, i + 1}},
                                             .signals = {{a, 0}}}, NULL);
      first = vkt_queue_wait(b, 0);
      vkt_submit(device, &(struct vkt_batch){.waits = {{gate, i + 2}},
                                             .signals = {{a, 0}}}, NULL);
      second = vkt_queue_wait(c, 0);

      vkt_expect_pending(first);
      vkt_host_signal(gate, i + 1);
      vkt_expect_done(first);
      vkt_expect_pending(second);
      vkt_host_signal(gate, i + 2);
      vkt_expect_done(second);
      vkt_destroy(first);
      vkt_destroy(second);
   }
}

/* The API forbids it, but processes that agree by other means do it, and a
 * wait that ended early or never would be hard to find.
 */
static void
wait_submitted_before_signal(intptr_t arg)
{
   HANDLE handle;
   struct vkt_object *a = shared_binary(vkt_open(), &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);
   struct vkt_object *done = vkt_queue_wait(b, 0);

   (void)arg;
   vkt_expect_pending(done);
   vkt_queue_signal(a, 0);
   vkt_expect_done(done);
   vkt_expect_unsignalled(b, a);
}

static void
chain_over_devices(intptr_t arg)
{
   struct vkt_device *devices[4];
   struct vkt_object *signals[4], *waits[4];
   struct vkt_object *end = NULL;

   (void)arg;
   for (unsigned i = 0; i < 4; i++)
      devices[i] = vkt_open();
   for (unsigned i = 0; i < 4; i++) {
      HANDLE handle;

      signals[i] = shared_binary(devices[i], &handle);
      waits[i] = vkt_alias(devices[(i + 1) % 4], VKT_BINARY, handle);
   }

   for (unsigned round = 0; round < 100; round++) {
      vkt_queue_signal(signals[0], 0);
      for (unsigned i = 1; i < 4; i++)
         vkt_submit(devices[i],
                    &(struct vkt_batch){.waits = {{waits[i - 1], 0}},
                                        .signals = {{signals[i], 0}}}, NULL);
      end = vkt_queue_wait(waits[3], 0);
      vkt_expect_done(end);
   }
}

static void
several_in_one_batch(intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_batch signal = {0}, wait = {0};
   struct vkt_object *done = vkt_create(other, VKT_FENCE);

   (void)arg;
   for (unsigned i = 0; i < VKT_MAX_SEMAPHORES; i++) {
      HANDLE handle;

      signal.signals[i].semaphore = shared_binary(device, &handle);
      wait.waits[i].semaphore = vkt_alias(other, VKT_BINARY, handle);
   }
   for (unsigned round = 0; round < 50; round++) {
      vkt_submit(device, &signal, NULL);
      vkt_submit(other, &wait, done);
      vkt_expect_done(done);
      vkt_reset(done);
   }
   for (unsigned i = 0; i < VKT_MAX_SEMAPHORES; i += 3)
      vkt_expect_unsignalled(wait.waits[i].semaphore,
                             signal.signals[i].semaphore);
}

enum merge {
   COMMANDS_THEN_WAIT,
   COMMANDS_THEN_WAIT_AND_COMMANDS,
   TWO_COMMANDS_THEN_WAIT,
   EMPTY_THEN_WAIT,
   COMMANDS_THEN_WAIT_2,
};

static void
submit_merge_1(struct vkt_object *semaphore, VkCommandBuffer commands,
               enum merge merge)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo work = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = merge == EMPTY_THEN_WAIT ? 0 : 1,
      .pCommandBuffers = &commands,
   };
   const VkSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &semaphore->semaphore,
      .pWaitDstStageMask = &stage,
      .commandBufferCount = merge == COMMANDS_THEN_WAIT_AND_COMMANDS ? 1 : 0,
      .pCommandBuffers = &commands,
   };
   VkSubmitInfo submits[3];
   uint32_t count = 0;

   submits[count++] = work;
   if (merge == TWO_COMMANDS_THEN_WAIT)
      submits[count++] = work;
   submits[count++] = wait;
   REQUIRE_OK(vkQueueSubmit(semaphore->device->queue, count, submits,
                            VK_NULL_HANDLE));
}

static void
submit_merge_2(struct vkt_object *semaphore, VkCommandBuffer commands)
{
   const VkCommandBufferSubmitInfo command_info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
      .commandBuffer = commands,
   };
   const VkSemaphoreSubmitInfo wait_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = semaphore->semaphore,
      .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
   };
   const VkSubmitInfo2 submits[] = {
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .commandBufferInfoCount = 1,
         .pCommandBufferInfos = &command_info,
      },
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .waitSemaphoreInfoCount = 1,
         .pWaitSemaphoreInfos = &wait_info,
      },
   };

   REQUIRE_OK(vkQueueSubmit2(semaphore->device->queue, TEST_COUNT(submits),
                             submits, VK_NULL_HANDLE));
}

/* The runtime merges batches without semaphores into the next one. The wait
 * of the merged batch has to take the signal all the same.
 */
static void
merged_wait_consumes(intptr_t merge)
{
   struct vkt_device *device = vkt_open();
   VkCommandBuffer commands = work_empty_commands(device);
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);

   for (unsigned i = 0; i < 2; i++) {
      vkt_mark(a);
      if (merge == COMMANDS_THEN_WAIT_2)
         submit_merge_2(a, commands);
      else
         submit_merge_1(a, commands, (enum merge)merge);
      vkt_wait_idle(device);
      vkt_expect_unsignalled(a, b);
      vkt_expect_unsignalled(b, a);
   }
}

/* The semaphore is private while the merged batch waits, and exported only
 * to look at it afterwards.
 */
static void
merged_wait_consumes_private(intptr_t merge)
{
   struct vkt_device *device = vkt_open();
   VkCommandBuffer commands = work_empty_commands(device);
   struct vkt_object *a = vkt_create_exportable(device, VKT_BINARY);

   for (unsigned i = 0; i < 3; i++) {
      vkt_mark(a);
      submit_merge_1(a, commands, (enum merge)merge);
   }
   vkt_wait_idle(device);
   vkt_expect_unsignalled(a, vkt_alias(vkt_open(), VKT_BINARY,
                                       vkt_export(a)));
}

static void
wait_and_signal_in_one_batch(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle;
   struct vkt_object *a = shared_binary(device, &handle);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, handle);

   (void)arg;
   vkt_mark(a);
   for (unsigned i = 0; i < 50; i++)
      vkt_submit(device, &(struct vkt_batch){.waits = {{a, 0}},
                                             .signals = {{a, 0}}}, NULL);
   vkt_expect_marked(b);
   vkt_expect_unsignalled(b, a);
}

static const struct test_case cases[] = {
   {"binary_pairs_one_queue", pairs_one_queue, 0, 0},
   {"binary_pairs_two_devices", pairs_two_devices, 0, 0},
   {"binary_pairs_two_instances", pairs_two_instances, 0, 0},
   {"binary_wait_consumes_for_all", wait_consumes_for_all, 0, 0},
   {"binary_many_waits_stay_attached", many_waits_stay_attached, 0, 0},
   {"binary_waits_pair_in_order", waits_pair_in_order, 0, 0},
   {"binary_wait_submitted_before_signal", wait_submitted_before_signal, 0,
    0},
   {"binary_chain_over_devices", chain_over_devices, 0, 0},
   {"binary_several_in_one_batch", several_in_one_batch, 0, 0},
   {"binary_wait_and_signal_in_one_batch", wait_and_signal_in_one_batch, 0,
    0},
   {"merged_commands_then_wait", merged_wait_consumes, COMMANDS_THEN_WAIT, 0},
   {"merged_commands_then_wait_and_commands", merged_wait_consumes,
    COMMANDS_THEN_WAIT_AND_COMMANDS, 0},
   {"merged_two_commands_then_wait", merged_wait_consumes,
    TWO_COMMANDS_THEN_WAIT, 0},
   {"merged_empty_then_wait", merged_wait_consumes, EMPTY_THEN_WAIT, 0},
   {"merged_commands_then_wait_submit2", merged_wait_consumes,
    COMMANDS_THEN_WAIT_2, 0},
   {"merged_commands_then_wait_private", merged_wait_consumes_private,
    COMMANDS_THEN_WAIT, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}
