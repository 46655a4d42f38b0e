/* SPDX-License-Identifier: MIT */

/* The double's fences in one process */
#include "runtime.h"

static const UINT64 some_values[] = {
   0, 1, 0xffffffff, UINT64_C(0x100000000), UINT64_C(0x100000001),
   INT64_MAX, UINT64_C(0x8000000000000000), UINT64_MAX - 1,
};

static void
initial_values(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();

   for (unsigned i = 0; i < TEST_COUNT(some_values); i++) {
      ID3D12Fence *fence = runtime_fence(device, some_values[i],
                                         D3D12_FENCE_FLAG_NONE);

      EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), some_values[i]);
      runtime_release(fence);
   }
}

static void
signals_set_any_value(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);

   for (unsigned i = 0; i < TEST_COUNT(some_values); i++) {
      EXPECT_HR(ID3D12Fence_Signal(fence, some_values[i]), S_OK);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), some_values[i]);
   }
   for (unsigned i = TEST_COUNT(some_values); i-- > 0;) {
      EXPECT_HR(ID3D12Fence_Signal(fence, some_values[i]), S_OK);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), some_values[i]);
   }
}

static void
events_at_their_values(intptr_t arg)
{
   static const UINT64 values[] = {
      6, 5, 5, UINT64_C(0x100000005), UINT64_MAX - 1, 9,
   };
   static const UINT64 signals[] = {
      1, 4, 5, 8, 0x80000000, UINT64_C(0x100000004), UINT64_C(0x100000005),
      UINT64_MAX - 1,
   };
   HANDLE events[TEST_COUNT(values)];

   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);

   for (unsigned i = 0; i < TEST_COUNT(values); i++) {
      events[i] = runtime_event();
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, values[i], events[i]),
                S_OK);
      EXPECT(!runtime_is_set(events[i]));
   }
   for (unsigned s = 0; s < TEST_COUNT(signals); s++) {
      EXPECT_HR(ID3D12Fence_Signal(fence, signals[s]), S_OK);
      for (unsigned i = 0; i < TEST_COUNT(values); i++)
         EXPECT(runtime_is_set(events[i]) == (values[i] <= signals[s]));
   }
}

static void
events_at_once(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 7,
                                      D3D12_FENCE_FLAG_NONE);

   for (UINT64 value = 0; value <= 7; value++) {
      HANDLE event = runtime_event();

      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, value, event), S_OK);
      EXPECT(runtime_is_set(event));
   }
}

/* One event for two values is set twice. */
static void
auto_reset_event(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE event = test_own_handle(CreateEventW(NULL, FALSE, FALSE, NULL));

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 2, event), S_OK);
   EXPECT(!runtime_is_set(event));
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   EXPECT(runtime_is_set(event));
   EXPECT(!runtime_is_set(event));
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   EXPECT(!runtime_is_set(event));
   EXPECT_HR(ID3D12Fence_Signal(fence, 2), S_OK);
   EXPECT(runtime_is_set(event));
   EXPECT_HR(ID3D12Fence_Signal(fence, 3), S_OK);
   EXPECT(!runtime_is_set(event));
}

static void
event_closed_after_the_call(intptr_t arg)
{
   HANDLE mine, given;

   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);

   mine = runtime_event();
   REQUIRE(DuplicateHandle(GetCurrentProcess(), mine, GetCurrentProcess(),
                           &given, 0, FALSE, DUPLICATE_SAME_ACCESS));
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, given), S_OK);
   CloseHandle(given);
   EXPECT(!runtime_is_set(mine));
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   EXPECT(runtime_is_set(mine));
}

static void
no_event(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 5,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE closed = runtime_event();

   test_close(closed);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 5, closed), E_INVALIDARG);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 6, closed), E_INVALIDARG);
}

/* A rewind undoes no event that was set, and lets later ones wait again. */
static void
rewinds(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE first = runtime_event(), second = runtime_event();

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 5, first), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(fence, 5), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   EXPECT(runtime_is_set(first));
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 5, second), S_OK);
   EXPECT(!runtime_is_set(second));
   EXPECT_HR(ID3D12Fence_Signal(fence, 4), S_OK);
   EXPECT(!runtime_is_set(second));
   EXPECT_HR(ID3D12Fence_Signal(fence, 5), S_OK);
   EXPECT(runtime_is_set(second));
}

struct blocking {
   ID3D12Fence *fence;
   UINT64 value;
   HRESULT result;
   volatile LONG done;
};

static void
block(void *data)
{
   struct blocking *blocking = data;

   blocking->result = ID3D12Fence_SetEventOnCompletion(blocking->fence,
                                                       blocking->value, NULL);
   InterlockedExchange(&blocking->done, 1);
}

static void
null_event_blocks(intptr_t arg)
{
   struct blocking blocking = {.value = 3};

   runtime_expect_no_leaks();
   blocking.fence = runtime_fence(runtime_warp(), 0, D3D12_FENCE_FLAG_NONE);

   struct test_thread *thread = test_thread_start(block, &blocking);

   Sleep(20);
   EXPECT(!blocking.done);
   EXPECT_HR(ID3D12Fence_Signal(blocking.fence, 2), S_OK);
   Sleep(20);
   EXPECT(!blocking.done);
   EXPECT_HR(ID3D12Fence_Signal(blocking.fence, 3), S_OK);
   test_thread_join(thread);
   EXPECT_HR(blocking.result, S_OK);

   blocking.result = E_FAIL;
   block(&blocking);
   EXPECT_HR(blocking.result, S_OK);
}

static void
too_many_events(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE event = runtime_event();

   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++)
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1 + i, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event),
             E_OUTOFMEMORY);
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event),
             E_OUTOFMEMORY);
}

static void
released_with_events_pending(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE event = runtime_event();

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, event), S_OK);
   runtime_release(fence);
   EXPECT(!runtime_is_set(event));
}

static void
references(intptr_t arg)
{
   static const IID *const interfaces[] = {
      &IID_IUnknown, &IID_ID3D12Object, &IID_ID3D12DeviceChild,
      &IID_ID3D12Pageable, &IID_ID3D12Fence,
   };

   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);

   EXPECT_U64(ID3D12Fence_AddRef(fence), 2);
   EXPECT_U64(ID3D12Fence_AddRef(fence), 3);
   EXPECT_U64(ID3D12Fence_Release(fence), 2);
   EXPECT_U64(ID3D12Fence_Release(fence), 1);
   for (unsigned i = 0; i < TEST_COUNT(interfaces); i++) {
      void *out = NULL;

      EXPECT_HR(ID3D12Fence_QueryInterface(fence, interfaces[i], &out), S_OK);
      EXPECT(out == fence);
      EXPECT_U64(ID3D12Fence_Release(fence), 1);
   }

   void *out = fence;
   EXPECT_HR(ID3D12Fence_QueryInterface(fence, &IID_ID3D12Device, &out),
             E_NOINTERFACE);
   EXPECT(out == NULL);
}

static void
creation_arguments(intptr_t arg)
{
   void *out = (void *)1;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();

   EXPECT_HR(ID3D12Device_CreateFence(device, 0, D3D12_FENCE_FLAG_NONE,
                                      &IID_ID3D12Resource, &out),
             E_NOINTERFACE);
   EXPECT(out == NULL);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0, (D3D12_FENCE_FLAGS)0x10,
                                      &IID_ID3D12Fence, &out),
             E_INVALIDARG);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0,
                                      D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER,
                                      &IID_ID3D12Fence, &out),
             E_INVALIDARG);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0, D3D12_FENCE_FLAG_NONE,
                                      &IID_ID3D12Fence, NULL),
             E_INVALIDARG);
}

#define CROWD_THREADS 4
#define CROWD_ROUNDS 60

struct crowd {
   ID3D12Fence *fence;
   /* One thread's waits */
   UINT64 first;
   UINT64 step;
};

static void
crowd_signal(void *data)
{
   struct crowd *crowd = data;

   for (unsigned i = 0; i < CROWD_ROUNDS; i++) {
      Sleep(i % 3);
      EXPECT_HR(ID3D12Fence_Signal(crowd->fence, i + 1), S_OK);
   }
}

static void
crowd_wait(void *data)
{
   struct crowd *crowd = data;
   HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);

   for (UINT64 value = crowd->first; value <= CROWD_ROUNDS;
        value += crowd->step) {
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(crowd->fence, value, event),
                S_OK);
      runtime_expect_set(event);
      EXPECT(ID3D12Fence_GetCompletedValue(crowd->fence) >= value);
   }
   CloseHandle(event);
}

/* Values rise here, so that whoever was woken finds his value reached. */
static void
crowd_on_one_fence(intptr_t arg)
{
   struct crowd crowds[CROWD_THREADS];
   struct test_thread *threads[CROWD_THREADS + 1];

   runtime_expect_no_leaks();
   ID3D12Fence *fence = runtime_fence(runtime_warp(), 0,
                                      D3D12_FENCE_FLAG_NONE);

   for (unsigned i = 0; i < CROWD_THREADS; i++) {
      crowds[i] = (struct crowd){
         .fence = fence,
         .first = 1 + test_random_below(3),
         .step = 1 + test_random_below(4),
      };
      threads[i] = test_thread_start(crowd_wait, &crowds[i]);
   }
   threads[CROWD_THREADS] = test_thread_start(crowd_signal, &crowds[0]);
   for (unsigned i = 0; i <= CROWD_THREADS; i++)
      test_thread_join(threads[i]);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), CROWD_ROUNDS);
}

static const struct test_case cases[] = {
   {"initial_values", initial_values, 0, 0},
   {"signals_set_any_value", signals_set_any_value, 0, 0},
   {"events_at_their_values", events_at_their_values, 0, 0},
   {"events_at_once", events_at_once, 0, 0},
   {"auto_reset_event", auto_reset_event, 0, 0},
   {"event_closed_after_the_call", event_closed_after_the_call, 0, 0},
   {"no_event", no_event, 0, 0},
   {"rewinds", rewinds, 0, 0},
   {"null_event_blocks", null_event_blocks, 0, 0},
   {"too_many_events", too_many_events, 0, 0},
   {"released_with_events_pending", released_with_events_pending, 0, 0},
   {"references", references, 0, 0},
   {"creation_arguments", creation_arguments, 0, 0},
   {"crowd_on_one_fence", crowd_on_one_fence, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}
