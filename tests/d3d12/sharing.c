/* SPDX-License-Identifier: MIT */

/* Fences that go from Vulkan to D3D12 and back, by handle and by name; what is
 * refused, and that nothing happens then.
 */
#include "share.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

static void
exported(intptr_t kind)
{
   const uint64_t initial =
      kind == VKT_TIMELINE ? UINT64_C(0x123456789abcdef0) : 0;
   struct vkt_object *object = share_create(share_open(), (enum vkt_kind)kind,
                                            initial);
   HANDLE first = share_export(object), second = share_export(object);

   EXPECT(first != second);
   test_close(first);
   ID3D12Fence *fence = runtime_open(runtime_warp(), second);
   test_close(second);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), initial);
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(object), initial);
   share_expect_linked(object, fence);

   /* The fence outlives the semaphore. */
   share_queue_signal(object, initial + 10);
   runtime_expect_value(fence, initial + 10);
   vkt_wait_idle(object->device);
   vkt_destroy(object);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), initial + 10);
}

/* The handle stays the application's, and is needed no longer. */
static void
imported(intptr_t kind)
{
   struct share_pair pair = share_pair((enum vkt_kind)kind, 5);

   test_close(pair.handle);
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(pair.semaphore), 5);
   share_expect_linked(pair.semaphore, pair.fence);

   struct vkt_object *again = share_import(vkt_open(), (enum vkt_kind)kind,
                                           share_export(pair.semaphore));
   share_expect_linked(again, pair.fence);
   share_expect_linked(pair.semaphore, pair.fence);
}

static void
names(intptr_t kind)
{
   struct vkt_device *device = share_open();
   struct vkt_object *other = NULL;
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *object = vkt_create_win32(device, (enum vkt_kind)kind,
                                                SHARE_D3D12, NULL, name);
   /* Exporting again is no second use of the name. */
   HANDLE handle = share_export(object);
   ID3D12Fence *fence = runtime_open(runtime_warp(), handle);
   test_close(handle);

   vkt_clear_messages(device);
   EXPECT_RESULT(vkt_try_create_win32(device, VKT_BINARY, SHARE_D3D12,
                                      NULL, name, &other),
                 VK_ERROR_OUT_OF_DEVICE_MEMORY);
   vkt_expect_message(device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                      "Direct3D 12 cannot create a shared fence of this name "
                      "or with these attributes: 0x%08lx");
   share_expect_linked(object, fence);
   vkt_destroy(object);

   /* The name goes with the semaphore. */
   object = vkt_create_win32(device, (enum vkt_kind)kind, SHARE_D3D12, NULL,
                             name);
   EXPECT_RESULT(share_try_import(object, NULL, vkt_make_name(L"unknown-")),
                 REFUSED);
   share_expect_linked(object, share_fence(object));
}

static void
inheritance(intptr_t arg)
{
   struct vkt_device *device = share_open();

   for (int inherit = FALSE; inherit <= TRUE; inherit++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = inherit,
      };
      DWORD flags = 0;

      struct vkt_object *object =
         vkt_create_win32(device, VKT_TIMELINE, SHARE_D3D12, &attributes, NULL);

      EXPECT(GetHandleInformation(share_export(object), &flags));
      EXPECT(!!(flags & HANDLE_FLAG_INHERIT) == inherit);
   }
}

/* It is for those who come by the name, and not for who has made the fence. */
static void
security_descriptor(intptr_t arg)
{
   static const struct {
      const wchar_t *sddl;
      bool grants;
   } descriptors[] = {
      {L"D:(A;;GA;;;WD)", true}, {L"D:", false}, {L"D:(A;;GR;;;WD)", false},
   };
   struct vkt_device *device = share_open();

   for (unsigned i = 0; i < TEST_COUNT(descriptors); i++) {
      const SECURITY_ATTRIBUTES attributes =
         vkt_attributes(descriptors[i].sddl);
      const wchar_t *name = vkt_make_name(L"");
      struct vkt_object *object =
         vkt_create_win32(device, VKT_TIMELINE, SHARE_D3D12, &attributes, name);
      HANDLE handle = NULL;

      test_diag("%ls", descriptors[i].sddl);
      EXPECT(SUCCEEDED(ID3D12Device_OpenSharedHandleByName(
                runtime_warp(), name, GENERIC_ALL, &handle)) ==
             descriptors[i].grants);
      if (handle != NULL)
         CloseHandle(handle);
      share_expect_linked(object, share_fence(object));
   }
}

/* Refusals ----------------------------------------------------------------- */

static void
expect_refused(struct vkt_object *target, VkFlags type, bool temporary,
               HANDLE handle, const char *text)
{
   vkt_clear_messages(target->device);
   EXPECT_RESULT(vkt_try_import(target, type, temporary, handle, NULL),
                 REFUSED);
   vkt_expect_message(target->device, REFUSED, text);
}

static void
foreign_handles(intptr_t kind)
{
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);
   struct vkt_object *opaque = vkt_create(pair.device, (enum vkt_kind)kind);
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                       PAGE_READWRITE, 0, 65536, NULL);
   HANDLE closed = runtime_event();
   const HANDLE handles[] = {
      NULL, INVALID_HANDLE_VALUE, GetCurrentThread(), runtime_event(),
      test_own_handle(section),
      vkt_export(vkt_create_exportable(pair.device, VKT_TIMELINE)),
      vkt_export(vkt_create_exportable(pair.device, VKT_FENCE)), closed,
   };

   test_close(closed);
   for (unsigned i = 0; i < TEST_COUNT(handles); i++) {
      const char *text = handles[i] ? "This is not a fence that Direct3D 12 "
                                      "can open: 0x%x" : "";

      test_diag("handle %u", i);
      expect_refused(pair.semaphore, SHARE_D3D12, false, handles[i], text);
      expect_refused(opaque, SHARE_D3D12, false, handles[i], text);
      if (kind == VKT_BINARY)
         expect_refused(opaque, SHARE_D3D12, true, handles[i], text);
   }
   share_expect_linked(pair.semaphore, pair.fence);
   vkt_expect_works(opaque);
}

static void
other_types(intptr_t kind)
{
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);
   struct vkt_object *d3d12 = share_create(pair.device, (enum vkt_kind)kind, 0);
   struct vkt_object *opaque =
      vkt_create_exportable(pair.device, (enum vkt_kind)kind);
   struct vkt_object *both = NULL;
   HANDLE handle = NULL;

   /* A fence of D3D12 is no section, whatever it consists of. */
   expect_refused(opaque, VKT_OPAQUE_WIN32, false, pair.handle, "");
   expect_refused(opaque, VKT_OPAQUE_WIN32_KMT, false, pair.handle, "");

   vkt_clear_messages(pair.device);
   EXPECT_RESULT(vkt_try_export(d3d12, VKT_OPAQUE_WIN32, &handle),
                 VK_ERROR_UNKNOWN);
   vkt_expect_message(pair.device, VK_ERROR_UNKNOWN,
                      "The payload was not created for export to this type of "
                      "handle");
   EXPECT_RESULT(vkt_try_export(d3d12, VKT_OPAQUE_WIN32_KMT, &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT_RESULT(vkt_try_export(opaque, SHARE_D3D12, &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT(handle == NULL);

   vkt_clear_messages(pair.device);
   EXPECT_RESULT(vkt_try_create_win32(pair.device, (enum vkt_kind)kind,
                                      SHARE_D3D12 | VKT_OPAQUE_WIN32, NULL,
                                      NULL, &both),
                 VK_ERROR_UNKNOWN);
   vkt_expect_message(pair.device, VK_ERROR_UNKNOWN,
                      "A Direct3D 12 fence has no other handle types");

   share_expect_linked(d3d12, share_fence(d3d12));
   vkt_expect_works(opaque);
}

/* Whatever Direct3D refuses, that entry point has a code for it. */
static void
steps_that_fail(intptr_t kind)
{
   static const struct {
      const char *step;
      VkResult create, import, by_name;
   } steps[] = {
      {"fence", VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_SUCCESS, VK_SUCCESS},
      {"share", VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_SUCCESS, VK_SUCCESS},
      {"open", VK_SUCCESS, REFUSED, REFUSED},
      {"name", VK_SUCCESS, VK_SUCCESS, REFUSED},
   };
   struct vkt_device *device = share_open();
   const wchar_t *name = vkt_make_name(L"");
   HANDLE handle = share_export(vkt_create_win32(device, VKT_TIMELINE,
                                                 SHARE_D3D12, NULL, name));
   for (unsigned i = 0; i < TEST_COUNT(steps); i++) {
      struct vkt_object *target = vkt_create(device, (enum vkt_kind)kind);
      struct vkt_object *object;

      test_diag("%s", steps[i].step);
      runtime_set_variable(DOUBLE_FAIL_VARIABLE, steps[i].step);
      EXPECT_RESULT(vkt_try_create_win32(device, (enum vkt_kind)kind,
                                         SHARE_D3D12, NULL, NULL, &object),
                    steps[i].create);
      EXPECT_RESULT(share_try_import(target, handle, NULL), steps[i].import);
      EXPECT_RESULT(share_try_import(target, NULL, name), steps[i].by_name);
   }
}

/* A signal that Direct3D does not carry out: the host is told, and a queue goes
 * on, since the device is not lost.
 */
static void
signals_that_fail(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 1);

   runtime_set_variable(DOUBLE_FAIL_VARIABLE, "signal");
   vkt_clear_messages(pair.device);
   EXPECT_RESULT(share_try_signal(pair.semaphore, 2),
                 VK_ERROR_OUT_OF_DEVICE_MEMORY);
   vkt_expect_message(pair.device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                      "Direct3D 12 cannot signal the fence");
   share_queue_signal(pair.semaphore, 2);
   vkt_wait_idle(pair.device);
   vkt_expect_message(pair.device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                      "Direct3D 12 cannot signal the fence");
   EXPECT_U64(vkt_value(pair.semaphore), 1);

   runtime_set_variable(DOUBLE_FAIL_VARIABLE, "");
   vkt_host_signal(pair.semaphore, 2);
   share_expect_linked(pair.semaphore, pair.fence);
}

/* Replaces a payload that is waited for, and one of another type. */
static void
import_over(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   struct vkt_object *opaque =
      vkt_create_exportable(pair.device, VKT_TIMELINE);
   struct vkt_object *done = share_queue_wait(opaque, 1);
   struct vkt_object *alias =
      vkt_alias(vkt_open(), VKT_TIMELINE, vkt_export(opaque));

   vkt_expect_pending(done);
   vkt_host_signal(alias, 1);
   vkt_expect_done(done);
   REQUIRE_OK(share_try_import(opaque, pair.handle, NULL));
   share_expect_linked(opaque, pair.fence);
   vkt_import(opaque, vkt_export(alias));
   vkt_expect_linked(opaque, alias);
}

static void
cycle(struct share_pair *pair, unsigned i)
{
   const enum vkt_kind kind = i % 2 ? VKT_BINARY : VKT_TIMELINE;
   struct vkt_object *made = share_create(pair->device, kind, 0);
   HANDLE handle = NULL;

   REQUIRE_OK(vkt_try_export(made, SHARE_D3D12, &handle));
   REQUIRE_OK(share_try_import(pair->semaphore, handle, NULL));
   if (i % 4 == 0)
      EXPECT_RESULT(vkt_wait(made, 1, 1), VK_TIMEOUT);
   CloseHandle(handle);
   EXPECT_RESULT(share_try_import(pair->semaphore, GetCurrentProcess(), NULL),
                 REFUSED);
   vkt_destroy(made);
}

static void
no_leaks(intptr_t arg)
{
   const struct runtime *runtime = runtime_load();
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   const unsigned rounds = 500 * test_scale();

   for (unsigned i = 0; i < 20; i++)
      cycle(&pair, i);

   const LONG objects = runtime->d3d12_objects();
   const unsigned handles = test_count_handles();

   for (unsigned i = 0; i < rounds; i++)
      cycle(&pair, i);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), (uint64_t)objects);
   EXPECT_U64(test_count_handles(), handles);
}

const struct test_case test_cases[] = {
   SHARE_CASES(exported),
   SHARE_CASES(imported),
   SHARE_CASES(names),
   {"inheritance", inheritance, 0, 0},
   {"security_descriptor", security_descriptor, 0, 0},
   SHARE_CASES(foreign_handles),
   SHARE_CASES(other_types),
   SHARE_CASES(steps_that_fail),
   {"signals_that_fail", signals_that_fail, 0, 0},
   {"import_over", import_over, 0, 0},
   {"no_leaks", no_leaks, 0, 0},
   {0},
};
