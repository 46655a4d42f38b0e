/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include "util/os_time.h"

#include "tickets.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

static uint64_t
get_word(const struct hostile *hostile)
{
   return vk_sync_win32_load64(&hostile->page.layout->word);
}

static bool
is_timeline(const struct hostile *hostile)
{
   return hostile->kind == VK_SYNC_WIN32_KIND_TIMELINE;
}

/* Whether the section can tell the result of an operation.  Where others write
 * to it as well, one of several is right.
 */
static bool
is_known(const struct hostile *hostile)
{
   return !hostile->racing;
}

static struct vk_sync *
any_view(struct fuzz_thread *self, const struct hostile *hostile)
{
   return hostile->peer != NULL && fuzz_chance(&self->rng, 50) ?
          hostile->peer : hostile->sync;
}

static VkResult
import(const struct hostile *hostile, struct vk_sync *sync)
{
   const struct fuzz_import_info info =
      fuzz_import_info(hostile->page.handle);

   return fuzz_import(hostile->device, sync, &info);
}

/* What an import must give, as far as the section decides */
static VkResult
import_result(const struct hostile *hostile)
{
   const struct vk_sync_win32_layout *layout = hostile->page.layout;

   return layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
          layout->kind == (uint32_t)hostile->kind ? VK_SUCCESS : REFUSED;
}

static void
open_peer(struct fuzz_thread *self, struct hostile *hostile)
{
   struct vk_sync *peer = fuzz_sync(hostile->device, hostile->kind, 0);
   const VkResult expected = import_result(hostile);
   const VkResult result = import(hostile, peer);

   FUZZ_CHECK(self, result == VK_SUCCESS || result == REFUSED);
   if (is_known(hostile))
      FUZZ_CHECK(self, result == expected);

   hostile->peer = peer;
   if (result != VK_SUCCESS) {
      vk_sync_destroy(hostile->device, peer);
      hostile->peer = NULL;
   }
}

void
hostile_create(struct hostile *hostile, struct vk_device *device,
               struct fuzz_rng *rng)
{
   const enum vk_sync_win32_kind kind = fuzz_any_kind(rng);
   const bool numbered = fuzz_chance(rng, 40);

   *hostile = (struct hostile) {
      .device = device,
      .kind = kind,
      .sync = fuzz_shared_sync(device, kind, NULL, numbered),
      .peer = fuzz_sync(device, kind, 0),
   };
   if (numbered)
      hostile->number = fuzz_export_number(device, hostile->sync);
   fuzz_page_open(&hostile->page, fuzz_export(device, hostile->sync));
   REQUIRE(import(hostile, hostile->peer) == VK_SUCCESS);
}

bool
hostile_open(struct hostile *hostile, struct vk_device *device,
             enum vk_sync_win32_kind kind, HANDLE handle)
{
   *hostile = (struct hostile) {
      .device = device,
      .kind = kind,
      .sync = fuzz_sync(device, kind, 0),
      .peer = fuzz_sync(device, kind, 0),
      .racing = true,
   };
   fuzz_page_open(&hostile->page, handle);

   const bool opened =
      import(hostile, hostile->sync) == VK_SUCCESS &&
      import(hostile, hostile->peer) == VK_SUCCESS;
   if (!opened) {
      vk_sync_destroy(device, hostile->sync);
      vk_sync_destroy(device, hostile->peer);
      fuzz_page_close(&hostile->page);
   }
   return opened;
}

void
hostile_destroy(struct fuzz_thread *self, struct hostile *hostile)
{
   fuzz_enter(self, "destroying", 0);
   vk_sync_destroy(hostile->device, hostile->sync);
   if (hostile->peer != NULL)
      vk_sync_destroy(hostile->device, hostile->peer);
   fuzz_leave(self, 0);
   fuzz_page_close(&hostile->page);
}

/* The uses ----------------------------------------------------------------- */

static void
use_value(struct fuzz_thread *self, struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   uint64_t value = 0;

   if (!is_timeline(hostile))
      return;
   FUZZ_CHECK(self, vk_sync_get_value(hostile->device,
                                      any_view(self, hostile), &value) ==
                    VK_SUCCESS);
   if (is_known(hostile))
      FUZZ_CHECK(self, value == before);
}

static void
signal_timeline(struct fuzz_thread *self, struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   const uint64_t chosen = fuzz_value64(&self->rng, before);
   const uint64_t value = MAX2(chosen, 1);
   const VkResult result = vk_sync_signal(
      hostile->device, any_view(self, hostile), value);

   /* A value that it has passed is reported, and is no error. */
   FUZZ_CHECK(self, result == VK_SUCCESS);
   if (is_known(hostile))
      FUZZ_CHECK(self, get_word(hostile) == MAX2(value, before));
}

static void
use_signal(struct fuzz_thread *self, struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   const uint32_t signals = (uint32_t)before;
   const uint32_t consumed = (uint32_t)(before >> 32);

   if (is_timeline(hostile)) {
      signal_timeline(self, hostile);
      return;
   }

   FUZZ_CHECK(self, vk_sync_signal(hostile->device, any_view(self, hostile),
                                   0) == VK_SUCCESS);
   if (is_known(hostile)) {
      const bool was_signalled = (int32_t)(signals - consumed) > 0;
      FUZZ_CHECK(self, get_word(hostile) ==
                       ((uint64_t)consumed << 32 |
                        (uint32_t)(signals + !was_signalled)));
   }
}

static void
use_reset(struct fuzz_thread *self, struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   const uint32_t signals = (uint32_t)before;
   const bool was_signalled = (int32_t)(signals - (uint32_t)(before >> 32)) > 0;

   if (is_timeline(hostile))
      return;
   FUZZ_CHECK(self, vk_sync_reset(hostile->device, any_view(self, hostile)) ==
                    VK_SUCCESS);
   if (is_known(hostile))
      FUZZ_CHECK(self, get_word(hostile) ==
                       (was_signalled ? (uint64_t)signals << 32 | signals :
                                        before));
}

/* What vkQueueSubmit() does with a binary semaphore to wait for */
static void
use_ticket(struct fuzz_thread *self, struct hostile *hostile)
{
   struct vk_sync *wait;
   struct tickets tickets;
   uint32_t ticket = 0, slot = VK_SYNC_WIN32_NO_SLOT;

   if (is_timeline(hostile))
      return;

   if (is_known(hostile)) {
      tickets_look(&tickets, hostile->page.layout);
      ticket = tickets_take(&tickets, &slot);
   }

   wait = fuzz_sync(hostile->device, hostile->kind, 0);
   FUZZ_CHECK(self, vk_sync_move(hostile->device, wait,
                                 any_view(self, hostile)) == VK_SUCCESS);

   const uint64_t timeout_ns =
      fuzz_chance(&self->rng, 10) ? fuzz_below(&self->rng, 500 * 1000) : 0;
   const uint64_t end_ns = timeout_ns ?
                           os_time_get_absolute_timeout(timeout_ns) : 0;
   const VkResult result = vk_sync_wait(hostile->device, wait, 0,
                                        VK_SYNC_WAIT_COMPLETE, end_ns);

   FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_TIMEOUT);
   if (is_known(hostile)) {
      if (tickets.is_exact)
         FUZZ_CHECK(self, (result == VK_SUCCESS) ==
                          ((int32_t)((uint32_t)tickets.word - ticket) >= 0));
      if (result == VK_SUCCESS)
         tickets_see(&tickets, slot);
      FUZZ_CHECK(self, tickets_match(&tickets, hostile->page.layout));
   }

   vk_sync_destroy(hostile->device, wait);
   if (is_known(hostile)) {
      if (result != VK_SUCCESS)
         tickets_abandon(&tickets, slot);
      FUZZ_CHECK(self, tickets_match(&tickets, hostile->page.layout));
   }
}

static void
use_import(struct fuzz_thread *self, struct hostile *hostile)
{
   const VkResult expected = import_result(hostile);
   struct vk_sync *sync = fuzz_sync(hostile->device, hostile->kind, 0);
   struct vk_sync_win32_payload *own = fuzz_payload(sync);
   const VkResult result = import(hostile, sync);

   FUZZ_CHECK(self, result == VK_SUCCESS || result == REFUSED);
   if (is_known(hostile))
      FUZZ_CHECK(self, result == expected);

   if (result != VK_SUCCESS)
      FUZZ_CHECK(self, fuzz_payload(sync) == own);

   if (result == VK_SUCCESS)
      FUZZ_CHECK(self, vk_sync_wait(hostile->device, sync, 0,
                                    VK_SYNC_WAIT_COMPLETE, 0) <= VK_TIMEOUT);
   vk_sync_destroy(hostile->device, sync);
}

/* Either type of handle, whatever the section says */
static void
use_export(struct fuzz_thread *self, struct hostile *hostile)
{
   const bool number = fuzz_chance(&self->rng, 40);
   struct vk_sync *sync = any_view(self, hostile);
   HANDLE handle = NULL;
   const VkResult result = vk_sync_export_win32_handle(
      hostile->device, sync, number ? FUZZ_NUMBER : FUZZ_NT_HANDLE, &handle);

   if (!number) {
      FUZZ_CHECK(self, result == VK_SUCCESS && handle != NULL);
      CloseHandle(handle);
   } else if (result == VK_SUCCESS) {
      FUZZ_CHECK(self, hostile->number != 0);
      FUZZ_CHECK(self, handle == (HANDLE)(uintptr_t)hostile->number);
   } else {
      FUZZ_CHECK(self, result == VK_ERROR_UNKNOWN);
      if (is_known(hostile))
         FUZZ_CHECK(self, hostile->number == 0 || sync != hostile->sync);
   }
}

/* A process that goes, and another one that comes */
static void
use_new_peer(struct fuzz_thread *self, struct hostile *hostile)
{
   if (hostile->peer != NULL)
      vk_sync_destroy(hostile->device, hostile->peer);
   open_peer(self, hostile);
}

/* The waits ---------------------------------------------------------------- */

enum { HOSTILE_WAITS = 3 };

struct wait_set {
   struct vk_sync_wait waits[HOSTILE_WAITS + FUZZ_BYSTANDERS];
   uint32_t count, hostile_count;
   bool any;
   uint64_t timeout_ns;
   /* Of the bystanders */
   uint32_t reached, unreached;
};

static void
add_hostile(struct fuzz_thread *self, struct hostile *hostile,
            struct wait_set *set)
{
   const uint64_t word = get_word(hostile);
   const uint64_t target =
      fuzz_chance(&self->rng, 20) ? fuzz_random(&self->rng) :
                                    word + fuzz_below(&self->rng, 3);

   set->waits[set->count++] = (struct vk_sync_wait) {
      .sync = any_view(self, hostile),
      .wait_value = is_timeline(hostile) ? target : 0,
   };
   set->hostile_count++;
}

static void
add_bystanders(struct fuzz_thread *self, struct fuzz_bystanders *bystanders,
               struct wait_set *set)
{
   for (unsigned i = 0; i < FUZZ_BYSTANDERS; i++) {
      if (!fuzz_chance(&self->rng, 30))
         continue;
      const bool reached = fuzz_chance(&self->rng, set->any ? 15 : 70);

      set->waits[set->count++] =
         fuzz_bystanders_wait(self, bystanders, i, reached);
      set->reached += reached;
      set->unreached += !reached;
   }
}

static void
shuffle(struct fuzz_thread *self, struct wait_set *set)
{
   for (uint32_t i = 0; i + 1 < set->count; i++) {
      const uint32_t other = i + fuzz_below(&self->rng, set->count - i);
      const struct vk_sync_wait wait = set->waits[i];

      set->waits[i] = set->waits[other];
      set->waits[other] = wait;
   }
}

static bool
is_reached(const struct hostile *hostile, uint64_t word, uint64_t target)
{
   if (is_timeline(hostile))
      return word >= target;
   return (int32_t)((uint32_t)word - ((uint32_t)(word >> 32) + 1)) >= 0;
}

static void
check_wait(struct fuzz_thread *self, const struct hostile *hostile,
           const struct wait_set *set, uint64_t word, VkResult result)
{
   uint32_t reached = set->reached;

   FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_TIMEOUT);

   if (set->any && set->reached > 0)
      FUZZ_CHECK(self, result == VK_SUCCESS);
   if (!set->any && set->unreached > 0)
      FUZZ_CHECK(self, result == VK_TIMEOUT);
   if (!is_known(hostile))
      return;

   for (uint32_t i = 0; i < set->count; i++) {
      const struct vk_sync_win32_payload *payload =
         fuzz_payload(set->waits[i].sync);

      if (payload == fuzz_payload(hostile->sync) ||
          (hostile->peer != NULL && payload == fuzz_payload(hostile->peer)))
         reached += is_reached(hostile, word, set->waits[i].wait_value);
   }
   FUZZ_CHECK(self, (result == VK_SUCCESS) ==
                    (set->any ? reached > 0 : reached == set->count));
}

static uint64_t
use_wait(struct fuzz_thread *self, struct hostile *hostile,
         struct fuzz_bystanders *bystanders)
{
   struct wait_set set = { .any = fuzz_chance(&self->rng, 50) };
   const uint32_t count = 1 + fuzz_below(&self->rng, HOSTILE_WAITS);

   /* Most do not block, since blocking takes so long. */
   if (fuzz_chance(&self->rng, 15))
      set.timeout_ns = 1 + fuzz_below(&self->rng, 300 * 1000);
   for (uint32_t i = 0; i < count; i++)
      add_hostile(self, hostile, &set);
   if (bystanders != NULL)
      add_bystanders(self, bystanders, &set);
   shuffle(self, &set);

   const uint64_t word = get_word(hostile);
   const VkResult result = vk_sync_wait_many(
      hostile->device, set.count, set.waits,
      set.any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
      set.timeout_ns ? os_time_get_absolute_timeout(set.timeout_ns) : 0);

   check_wait(self, hostile, &set, word, result);
   return set.timeout_ns;
}

void
hostile_use(struct fuzz_thread *self, struct hostile *hostile,
            struct fuzz_bystanders *bystanders)
{
   static const struct {
      const char *name;
      unsigned weight;
      void (*use)(struct fuzz_thread *self, struct hostile *hostile);
   } uses[] = {
      { "getting the value", 10, use_value },
      { "signalling", 30, use_signal },
      { "resetting", 12, use_reset },
      { "taking a ticket", 12, use_ticket },
      { "importing again", 4, use_import },
      { "exporting", 3, use_export },
      { "opening another view", 1, use_new_peer },
      { "waiting", 28, NULL },
   };
   uint32_t at = fuzz_below(&self->rng, 100);
   unsigned i = 0;
   uint64_t allowed_ns = 500 * 1000;

   while (at >= uses[i].weight)
      at -= uses[i++].weight;

   fuzz_enter(self, uses[i].name, get_word(hostile));
   if (uses[i].use != NULL)
      uses[i].use(self, hostile);
   else
      allowed_ns = use_wait(self, hostile, bystanders);
   fuzz_leave(self, allowed_ns);
   self->cases++;
}
