/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include "util/macros.h"

#include "vk_sync_win32_owner.h"

/* The bystanders ----------------------------------------------------------- */

/* The first ones are private, then comes a shared one of each kind. */
enum { SHARED = 2, BYSTANDERS = SHARED + FUZZ_KINDS };

struct bystander {
   enum vk_sync_win32_kind kind;
   /* Two holders of the payload */
   struct vk_sync *views[2];
   /* The value, or whether signalled */
   uint64_t value;
};

static struct bystander all[HOSTILE_USERS][BYSTANDERS];

static bool
is_timeline(enum vk_sync_win32_kind kind)
{
   return kind == VK_SYNC_WIN32_KIND_TIMELINE;
}

static void
create_private(struct bystander *bystander, enum vk_sync_win32_kind kind)
{
   struct vk_sync *sync = fuzz_sync(kind, 0);

   *bystander = (struct bystander) { .kind = kind, .views = { sync, sync } };
}

static void
create_shared(struct bystander *bystander, enum vk_sync_win32_kind kind)
{
   struct vk_sync *sync =
      fuzz_shared_sync(kind, NULL, kind == VK_SYNC_WIN32_KIND_FENCE);

   *bystander = (struct bystander) {
      .kind = kind, .views = { sync, fuzz_view(sync) },
   };

   /* Who waits in vain leaves his bell behind. */
   EXPECT_RESULT(fuzz_wait(sync, is_timeline(kind), MS), VK_TIMEOUT);
   fuzz_learn_bells(unit_layout(sync));
}

static void
create_bystanders(struct bystander *bystanders)
{
   create_private(&bystanders[0], VK_SYNC_WIN32_KIND_TIMELINE);
   create_private(&bystanders[1], VK_SYNC_WIN32_KIND_BINARY);
   for (unsigned i = 0; i < FUZZ_KINDS; i++)
      create_shared(&bystanders[SHARED + i], VK_SYNC_WIN32_KIND_FENCE + i);
}

const struct vk_sync_win32_layout *
bystander_layout(enum vk_sync_win32_kind kind)
{
   return unit_layout(
      all[0][SHARED + kind - VK_SYNC_WIN32_KIND_FENCE].views[0]);
}

static struct vk_sync *
any_holder(const struct bystander *bystander)
{
   return bystander->views[fuzz_below(2)];
}

static void
check_state(const struct bystander *bystander)
{
   struct vk_sync *view = any_holder(bystander);
   uint64_t value = 0;

   if (is_timeline(bystander->kind)) {
      FUZZ_CHECK(vk_sync_get_value(fuzz_device, view, &value) == VK_SUCCESS);
      FUZZ_CHECK(value == bystander->value);
      FUZZ_CHECK(fuzz_wait(view, value, 0) == VK_SUCCESS);
      FUZZ_CHECK(fuzz_wait(view, value + 1, 0) == VK_TIMEOUT);
   } else {
      FUZZ_CHECK(fuzz_wait(view, 0, 0) ==
                 (bystander->value ? VK_SUCCESS : VK_TIMEOUT));
   }
}

static void
signal_it(struct bystander *bystander)
{
   uint64_t value = 0;

   if (is_timeline(bystander->kind))
      value = bystander->value += 1 + fuzz_below(3);
   else
      bystander->value = 1;
   FUZZ_CHECK(vk_sync_signal(fuzz_device, any_holder(bystander), value) ==
              VK_SUCCESS);
}

static void
reset_it(struct bystander *bystander)
{
   bystander->value = 0;
   FUZZ_CHECK(vk_sync_reset(fuzz_device, any_holder(bystander)) == VK_SUCCESS);
}

void
bystanders_use(unsigned user)
{
   const uint32_t which = fuzz_below(BYSTANDERS);
   struct bystander *bystander = &all[user][which];
   const uint32_t dice = fuzz_below(3);

   fuzz_enter("a bystander", which);
   if (dice == 0)
      signal_it(bystander);
   else if (dice == 1 && !is_timeline(bystander->kind))
      reset_it(bystander);
   check_state(bystander);
   fuzz_leave(0);
}

/* Something to wait for, made such that it is there, or is not */
static struct vk_sync_wait
bystander_wait(struct bystander *bystander, bool reached)
{
   struct vk_sync_wait wait = { .sync = any_holder(bystander) };

   if (is_timeline(bystander->kind))
      wait.wait_value = bystander->value + (reached ? 0 : 1 + fuzz_below(2));
   else if (reached)
      signal_it(bystander);
   else
      reset_it(bystander);
   return wait;
}

static void
destroy_bystander(struct bystander *bystander)
{
   struct vk_sync *view = bystander->views[0];

   check_state(bystander);
   if (bystander->views[1] != view) {
      /* Nobody waits for it any more. */
      EXPECT_U64(unit_armed(view), 0);
      EXPECT_U64(unit_owned(view), 0);
      fuzz_destroy(bystander->views[1]);
   }
   fuzz_destroy(view);
}

void
hostile_run(uint32_t episodes, void (*episode)(void))
{
   fuzz_learn_decoys();
   fuzz_open_device();
   for (unsigned i = 0; i < HOSTILE_USERS; i++)
      create_bystanders(all[i]);
   fuzz_run(episodes, episode);
   for (unsigned i = 0; i < HOSTILE_USERS * BYSTANDERS; i++)
      destroy_bystander(&all[i / BYSTANDERS][i % BYSTANDERS]);
   fuzz_check_nothing_left(true);
}

/* A hostile one ------------------------------------------------------------ */

static uint64_t
get_word(const struct hostile *hostile)
{
   return vk_sync_win32_load64(&hostile->page.layout->word);
}

static bool
is_signalled(uint64_t word)
{
   return (int32_t)((uint32_t)word - (uint32_t)(word >> 32)) > 0;
}

static struct vk_sync *
any_view(const struct hostile *hostile)
{
   return hostile->peer != NULL && fuzz_chance(50) ?
          hostile->peer : hostile->sync;
}

void
hostile_create(struct hostile *hostile)
{
   const enum vk_sync_win32_kind kind = fuzz_any_kind();
   const bool numbered = fuzz_chance(40);
   struct vk_sync *sync = fuzz_shared_sync(kind, NULL, numbered);

   *hostile = (struct hostile) {
      .kind = kind,
      .sync = sync,
      .peer = fuzz_view(sync),
      .number = numbered ? fuzz_export(sync, FUZZ_NUMBER) : NULL,
   };
   fuzz_page_open(&hostile->page, fuzz_export(sync, FUZZ_NT_HANDLE));
}

void
hostile_destroy(struct hostile *hostile)
{
   fuzz_enter("destroying", 0);
   fuzz_destroy(hostile->sync);
   if (hostile->peer != NULL)
      fuzz_destroy(hostile->peer);
   fuzz_leave(0);
}

/* The uses ----------------------------------------------------------------- */

static void
use_value(struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   uint64_t value = 0;

   if (!is_timeline(hostile->kind))
      return;
   FUZZ_CHECK(vk_sync_get_value(fuzz_device, any_view(hostile), &value) ==
              VK_SUCCESS);
   FUZZ_CHECK(hostile->racing || value == before);
}

static void
use_signal(struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   uint64_t value = 0, after = before;

   if (is_timeline(hostile->kind)) {
      /* A value that it has passed is reported, and is no error. */
      value = MAX2(fuzz_value64(before), 1);
      after = MAX2(value, before);
   } else if (!is_signalled(before)) {
      after = vk_sync_win32_pair(vk_sync_win32_signals(before) + 1,
                                 vk_sync_win32_consumed(before));
   }

   FUZZ_CHECK(vk_sync_signal(fuzz_device, any_view(hostile), value) ==
              VK_SUCCESS);
   FUZZ_CHECK(hostile->racing || get_word(hostile) == after);
}

static void
use_reset(struct hostile *hostile)
{
   const uint64_t before = get_word(hostile);
   const uint32_t signals = vk_sync_win32_signals(before);
   const uint64_t after = is_signalled(before) ?
                          vk_sync_win32_pair(signals, signals) : before;

   if (is_timeline(hostile->kind))
      return;
   FUZZ_CHECK(vk_sync_reset(fuzz_device, any_view(hostile)) == VK_SUCCESS);
   FUZZ_CHECK(hostile->racing || get_word(hostile) == after);
}

/* What vkQueueSubmit() does with a binary semaphore to wait for.  Which ticket
 * it gets is up to whoever has forged others.
 */
static void
use_ticket(struct hostile *hostile)
{
   const uint64_t timeout_ns = fuzz_chance(10) ? fuzz_below(500 * 1000) : 0;
   const uint64_t before = get_word(hostile);

   if (is_timeline(hostile->kind))
      return;

   struct vk_sync *wait = fuzz_sync(hostile->kind, 0);
   FUZZ_CHECK(vk_sync_move(fuzz_device, wait, any_view(hostile)) ==
              VK_SUCCESS);

   const struct vk_sync_win32 *taken = (const struct vk_sync_win32 *)wait;
   const uint32_t ticket = taken->ticket;
   const bool reached =
      (int32_t)(vk_sync_win32_signals(get_word(hostile)) - ticket) >= 0;
   const VkResult result = fuzz_wait(wait, 0, timeout_ns);

   FUZZ_CHECK(result == VK_SUCCESS || result == VK_TIMEOUT);
   FUZZ_CHECK(hostile->racing || (result == VK_SUCCESS) == reached);

   /* The slot may be another process's by now, which lives. */
   const uint64_t other = vk_sync_win32_owner_self() & ~(uint64_t)UINT32_MAX;
   uint64_t *owner = taken->slot == VK_SYNC_WIN32_NO_SLOT ? NULL :
                     &hostile->page.layout->slots[taken->slot].owner;

   if (owner != NULL && fuzz_chance(20))
      *owner = other;
   else
      owner = NULL;
   fuzz_destroy(wait);
   FUZZ_CHECK(hostile->racing || owner == NULL || *owner == other);
   FUZZ_CHECK(hostile->racing || vk_sync_win32_signals(get_word(hostile)) ==
                                 vk_sync_win32_signals(before));
}

/* Returns what has been imported, or NULL. */
static struct vk_sync *
import(struct hostile *hostile)
{
   const bool good = fuzz_is_payload(hostile->page.layout, hostile->kind);
   struct vk_sync *sync = fuzz_sync(hostile->kind, 0);
   const struct vk_sync_win32_payload *own = unit_payload(sync);
   const VkResult result =
      fuzz_import(sync, FUZZ_NT_HANDLE, hostile->page.handle, NULL);

   FUZZ_CHECK(result == VK_SUCCESS || result == REFUSED);
   FUZZ_CHECK(hostile->racing || (result == VK_SUCCESS) == good);
   if (result == VK_SUCCESS)
      return sync;

   FUZZ_CHECK(unit_payload(sync) == own);
   fuzz_destroy(sync);
   return NULL;
}

static void
use_import(struct hostile *hostile)
{
   struct vk_sync *sync = import(hostile);

   if (sync != NULL) {
      FUZZ_CHECK(fuzz_wait(sync, 0, 0) <= VK_TIMEOUT);
      fuzz_destroy(sync);
   }
}

/* A process that goes, and another one that comes */
static void
use_new_peer(struct hostile *hostile)
{
   if (hostile->peer != NULL)
      fuzz_destroy(hostile->peer);
   hostile->peer = import(hostile);
}

/* Either type of handle, whatever the section says */
static void
use_export(struct hostile *hostile)
{
   const bool number = fuzz_chance(40);
   struct vk_sync *sync = any_view(hostile);
   HANDLE handle = NULL;
   const VkResult result = vk_sync_export_win32_handle(
      fuzz_device, sync, number ? FUZZ_NUMBER : FUZZ_NT_HANDLE, &handle);

   if (!number) {
      FUZZ_CHECK(result == VK_SUCCESS && handle != NULL);
      CloseHandle(handle);
   } else if (result == VK_SUCCESS) {
      FUZZ_CHECK(handle != NULL && handle == hostile->number);
   } else {
      FUZZ_CHECK(result == VK_ERROR_UNKNOWN);
      FUZZ_CHECK(hostile->racing || hostile->number == NULL ||
                 sync != hostile->sync);
   }
}

/* The waits ---------------------------------------------------------------- */

enum { HOSTILE_WAITS = 3 };

struct wait_set {
   struct vk_sync_wait waits[HOSTILE_WAITS + BYSTANDERS];
   uint32_t count;
   bool any;
   /* Of the bystanders */
   uint32_t reached, unreached;
};

/* Anywhere */
static void
add(struct wait_set *set, struct vk_sync_wait wait)
{
   const uint32_t at = fuzz_below(set->count + 1);

   set->waits[set->count++] = set->waits[at];
   set->waits[at] = wait;
}

static void
add_hostile(struct wait_set *set, struct hostile *hostile)
{
   const uint64_t target =
      fuzz_chance(20) ? fuzz_random() : get_word(hostile) + fuzz_below(3);

   add(set, (struct vk_sync_wait) {
      .sync = any_view(hostile),
      .wait_value = is_timeline(hostile->kind) ? target : 0,
   });
}

static void
add_bystanders(struct wait_set *set, struct bystander *bystanders)
{
   for (unsigned i = 0; i < BYSTANDERS; i++) {
      if (!fuzz_chance(30))
         continue;
      const bool reached = fuzz_chance(set->any ? 15 : 70);

      add(set, bystander_wait(&bystanders[i], reached));
      set->reached += reached;
      set->unreached += !reached;
   }
}

static bool
is_reached(const struct hostile *hostile, uint64_t word, uint64_t target)
{
   if (is_timeline(hostile->kind))
      return word >= target;
   return (int32_t)((uint32_t)word - ((uint32_t)(word >> 32) + 1)) >= 0;
}

static void
check_wait(const struct hostile *hostile, const struct wait_set *set,
           uint64_t word, VkResult result)
{
   uint32_t reached = set->reached;

   FUZZ_CHECK(result == VK_SUCCESS || result == VK_TIMEOUT);

   if (set->any && set->reached > 0)
      FUZZ_CHECK(result == VK_SUCCESS);
   if (!set->any && set->unreached > 0)
      FUZZ_CHECK(result == VK_TIMEOUT);
   if (hostile->racing)
      return;

   for (uint32_t i = 0; i < set->count; i++) {
      const struct vk_sync_wait *wait = &set->waits[i];

      if (wait->sync == hostile->sync || wait->sync == hostile->peer)
         reached += is_reached(hostile, word, wait->wait_value);
   }
   FUZZ_CHECK((result == VK_SUCCESS) ==
              (set->any ? reached > 0 : reached == set->count));
}

static void
use_wait(struct hostile *hostile)
{
   struct wait_set set = { .any = fuzz_chance(50) };
   const uint32_t count = 1 + fuzz_below(HOSTILE_WAITS);
   /* Most do not block, since blocking takes so long. */
   const uint64_t timeout_ns =
      fuzz_chance(15) ? 1 + fuzz_below(300 * 1000) : 0;

   for (uint32_t i = 0; i < count; i++)
      add_hostile(&set, hostile);
   add_bystanders(&set, all[hostile->user]);

   const uint64_t word = get_word(hostile);
   const VkResult result = fuzz_wait_many(
      set.count, set.waits, set.any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
      timeout_ns);

   check_wait(hostile, &set, word, result);
}

void
hostile_use(struct hostile *hostile)
{
   static const struct {
      const char *name;
      unsigned weight;
      void (*use)(struct hostile *hostile);
   } uses[] = {
      { "getting the value", 10, use_value },
      { "signalling", 30, use_signal },
      { "resetting", 12, use_reset },
      { "taking a ticket", 12, use_ticket },
      { "importing again", 4, use_import },
      { "exporting", 3, use_export },
      { "opening another view", 1, use_new_peer },
      { "waiting", 28, use_wait },
   };
   uint32_t at = fuzz_below(100);
   unsigned i = 0;

   while (at >= uses[i].weight)
      at -= uses[i++].weight;

   fuzz_enter(uses[i].name, get_word(hostile));
   uses[i].use(hostile);
   fuzz_leave(0);
}
