/* SPDX-License-Identifier: MIT */

/* Handles and names of the double's fences, in one process */
#include "runtime.h"

#include <aclapi.h>
#include <string.h>
#include <wchar.h>

#define SHARED D3D12_FENCE_FLAG_SHARED
#define CROSS_ADAPTER \
   (D3D12_FENCE_FLAGS)(SHARED | D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER)

/* Also from a fence that was opened itself */
static void
one_fence_many_handles(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 9, SHARED);
   ID3D12Fence *first = runtime_open(device, runtime_share(device, fence,
                                                           NULL));
   ID3D12Fence *second = runtime_open(device, runtime_share(device, fence,
                                                            NULL));
   ID3D12Fence *third = runtime_open(device, runtime_share(device, second,
                                                           NULL));

   EXPECT(fence != first && first != second && second != third);
   runtime_expect_linked(fence, first);
   runtime_expect_linked(second, first);
   runtime_expect_linked(first, third);
   runtime_expect_linked(third, fence);
}

static void
fences_are_apart(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *one = runtime_fence(device, 1, SHARED);
   ID3D12Fence *other = runtime_fence(device, 2, SHARED);
   ID3D12Fence *opened = runtime_open(device, runtime_share(device, one,
                                                            NULL));

   EXPECT_HR(ID3D12Fence_Signal(opened, 5), S_OK);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(one), 5);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(other), 2);
}

static void
handle_outlives_fence(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);
   HANDLE handle = runtime_share(device, fence, NULL);

   EXPECT_HR(ID3D12Fence_Signal(fence, UINT64_C(0x123456789a)), S_OK);
   runtime_release(fence);
   runtime_release(device);

   device = runtime_warp();
   for (unsigned i = 0; i < 3; i++) {
      fence = runtime_open(device, handle);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(fence),
                 UINT64_C(0x123456789a) + i);
      EXPECT_HR(ID3D12Fence_Signal(fence, UINT64_C(0x123456789b) + i), S_OK);
      runtime_release(fence);
   }
}

static void
fence_outlives_handle(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);
   HANDLE handle = runtime_share(device, fence, NULL);
   ID3D12Fence *opened = runtime_open(device, handle);

   test_close(handle);
   runtime_expect_linked(fence, opened);
   runtime_release(fence);

   /* What is left of it can still be shared. */
   ID3D12Fence *again = runtime_open(device, runtime_share(device, opened,
                                                           NULL));
   runtime_expect_linked(opened, again);
}

static void
duplicated_handle(intptr_t arg)
{
   HANDLE copy = NULL, weak = NULL;
   void *out = NULL;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 3, SHARED);
   HANDLE handle = runtime_share(device, fence, NULL);

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   test_own_handle(copy);
   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &weak, SYNCHRONIZE, FALSE, 0));
   test_own_handle(weak);
   test_close(handle);
   runtime_expect_linked(fence, runtime_open(device, copy));
   EXPECT_HR(ID3D12Device_OpenSharedHandle(device, weak, &IID_ID3D12Fence,
                                           &out),
             E_ACCESSDENIED);
   EXPECT(out == NULL);
}

static HRESULT
try_share(ID3D12Device *device, ID3D12Fence *fence, DWORD access,
          const WCHAR *name)
{
   HANDLE handle = (HANDLE)(intptr_t)-1;
   HRESULT result = ID3D12Device_CreateSharedHandle(
      device, (ID3D12DeviceChild *)fence, NULL, access, name, &handle);

   if (SUCCEEDED(result))
      test_own_handle(handle);
   return result;
}

static void
what_cannot_be_shared(intptr_t arg)
{
   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Device *gpu = runtime_device(DOUBLE_GPU_LUID);
   ID3D12Fence *private = runtime_fence(device, 0, D3D12_FENCE_FLAG_NONE);
   ID3D12Fence *shared = runtime_fence(device, 0, SHARED);
   ID3D12Fence *foreign = runtime_fence(gpu, 0, SHARED);

   EXPECT_HR(try_share(device, private, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, NULL, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, foreign, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, (ID3D12Fence *)device, GENERIC_ALL, NULL),
             E_INVALIDARG);
   EXPECT_HR(ID3D12Device_CreateSharedHandle(device,
                                             (ID3D12DeviceChild *)shared, NULL,
                                             GENERIC_ALL, NULL, NULL),
             DXGI_ERROR_INVALID_CALL);
   EXPECT_HR(try_share(device, shared, GENERIC_ALL, NULL), S_OK);
}

/* The access word that is documented is the only one. */
static void
access_words(intptr_t arg)
{
   static const DWORD words[] = {
      0, GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE,
      DXGI_SHARED_RESOURCE_READ | DXGI_SHARED_RESOURCE_WRITE,
      SECTION_ALL_ACCESS, GENERIC_ALL | GENERIC_READ,
   };
   WCHAR name[RUNTIME_NAME_SIZE];
   HANDLE handle = (HANDLE)(intptr_t)-1;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   runtime_make_name(name);
   runtime_share(device, fence, name);
   for (unsigned i = 0; i < TEST_COUNT(words); i++) {
      EXPECT_HR(try_share(device, fence, words[i], NULL),
                DXGI_ERROR_INVALID_CALL);
      EXPECT(FAILED(ID3D12Device_OpenSharedHandleByName(device, name, words[i],
                                                        &handle)));
      EXPECT(handle == NULL);
   }
}

static void
security_attributes(intptr_t arg)
{
   SECURITY_DESCRIPTOR descriptor;
   SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes)};
   DWORD flags = 0;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   for (unsigned i = 0; i < 4; i++) {
      HANDLE handle = NULL;
      ACL *list = NULL;
      void *found = NULL;

      REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                           SECURITY_DESCRIPTOR_REVISION));
      REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE));
      attributes.bInheritHandle = (i & 1) != 0;
      attributes.lpSecurityDescriptor = i & 2 ? &descriptor : NULL;
      REQUIRE_HR(ID3D12Device_CreateSharedHandle(
                    device, (ID3D12DeviceChild *)fence, &attributes,
                    GENERIC_ALL, NULL, &handle),
                 S_OK);
      test_own_handle(handle);
      REQUIRE(GetHandleInformation(handle, &flags));
      EXPECT(((flags & HANDLE_FLAG_INHERIT) != 0) == ((i & 1) != 0));
      REQUIRE(GetSecurityInfo(handle, SE_KERNEL_OBJECT,
                              DACL_SECURITY_INFORMATION, NULL, NULL, &list,
                              NULL, &found) == ERROR_SUCCESS);
      if (i & 2)
         EXPECT(list == NULL);
      LocalFree(found);
   }

   HANDLE plain = runtime_share(device, fence, NULL);
   REQUIRE(GetHandleInformation(plain, &flags));
   EXPECT(!(flags & HANDLE_FLAG_INHERIT));
}

static void
names(intptr_t arg)
{
   static const WCHAR *const prefixes[] = {L"", L"Local\\", L"Global\\"};
   WCHAR base[RUNTIME_NAME_SIZE], name[2 * RUNTIME_NAME_SIZE];

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();

   for (unsigned i = 0; i < TEST_COUNT(prefixes); i++) {
      ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

      runtime_make_name(base);
      _snwprintf(name, TEST_COUNT(name), L"%ls%ls /:*?<>|", prefixes[i], base);
      runtime_share(device, fence, name);
      runtime_expect_linked(fence, runtime_open(device,
                                                runtime_open_name(device,
                                                                  name)));
   }
}

static void
expect_no_such_name(ID3D12Device *device, const WCHAR *name)
{
   HANDLE handle = (HANDLE)(intptr_t)-1;

   EXPECT(FAILED(ID3D12Device_OpenSharedHandleByName(device, name, GENERIC_ALL,
                                                     &handle)));
   EXPECT(handle == NULL);
}

static void
names_refused(intptr_t arg)
{
   WCHAR name[MAX_PATH + 2], mutated[RUNTIME_NAME_SIZE];

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   runtime_make_name(mutated);
   wcscpy(name, mutated);
   expect_no_such_name(device, name);
   expect_no_such_name(device, NULL);
   runtime_share(device, fence, name);
   mutated[0] ^= 0x20;
   expect_no_such_name(device, mutated);

   EXPECT_HR(try_share(device, fence, GENERIC_ALL, L"lvp-d3d12\\inner"),
             DXGI_ERROR_INVALID_CALL);
   wmemset(name, L'x', MAX_PATH + 1);
   name[MAX_PATH + 1] = 0;
   EXPECT_HR(try_share(device, fence, GENERIC_ALL, name),
             DXGI_ERROR_INVALID_CALL);
}

/* Of a fence, of the same fence, and of anything else: there is just one
 * namespace.
 */
static void
names_taken(intptr_t arg)
{
   WCHAR name[RUNTIME_NAME_SIZE];

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *one = runtime_fence(device, 0, SHARED);
   ID3D12Fence *other = runtime_fence(device, 0, SHARED);

   runtime_make_name(name);
   runtime_share(device, one, name);
   EXPECT_HR(try_share(device, other, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);

   runtime_make_name(name);
   test_own_handle(CreateEventW(NULL, TRUE, FALSE, name));
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   expect_no_such_name(device, name);

   runtime_make_name(name);
   test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                      PAGE_READWRITE, 0, 1 << 20, name));
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   expect_no_such_name(device, name);
}

/* A name lasts as long as handles do, whatever fences there are. */
static void
names_end(intptr_t arg)
{
   WCHAR name[RUNTIME_NAME_SIZE], second[RUNTIME_NAME_SIZE];

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   runtime_make_name(name);
   runtime_make_name(second);
   HANDLE handle = runtime_share(device, fence, name);
   HANDLE other = runtime_share(device, fence, second);
   HANDLE unnamed = runtime_share(device, fence, NULL);
   HANDLE found = runtime_open_name(device, name);
   ID3D12Fence *opened = runtime_open(device, found);

   runtime_release(fence);
   test_close(handle);
   test_close(runtime_open_name(device, name));
   test_close(found);
   expect_no_such_name(device, name);
   test_close(runtime_open_name(device, second));
   test_close(other);
   expect_no_such_name(device, second);

   /* Free for another one */
   ID3D12Fence *successor = runtime_fence(device, 50, SHARED);
   runtime_share(device, successor, name);
   runtime_expect_linked(successor,
                         runtime_open(device,
                                      runtime_open_name(device, name)));
   runtime_expect_linked(opened, runtime_open(device, unnamed));
   EXPECT(ID3D12Fence_GetCompletedValue(opened) < 50);
}

static void
expect_refused(ID3D12Device *device, HANDLE handle)
{
   void *out = device;

   EXPECT_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                           &out),
             E_INVALIDARG);
   EXPECT(out == NULL);
}

static HANDLE
section(unsigned size, UINT64 magic)
{
   HANDLE handle = test_own_handle(
      CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, size,
                         NULL));
   UINT64 *map = MapViewOfFile(handle, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(map != NULL);
   map[0] = magic;
   UnmapViewOfFile(map);
   return handle;
}

static void
handles_refused(intptr_t arg)
{
   HANDLE file, process;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   HANDLE closed = runtime_event();

   test_close(closed);
   expect_refused(device, closed);
   expect_refused(device, NULL);
   expect_refused(device, INVALID_HANDLE_VALUE);
   expect_refused(device, GetCurrentThread());
   expect_refused(device, (HANDLE)(uintptr_t)0xdeadbeec);
   expect_refused(device, runtime_event());
   process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, GetCurrentProcessId());
   expect_refused(device, test_own_handle(process));
   file = CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, 0, NULL,
                      OPEN_EXISTING, 0, NULL);
   expect_refused(device, test_own_handle(file));
   /* Like the driver's own payloads: 'MvkSync2' */
   expect_refused(device, section(4096, UINT64_C(0x32636e79536b764d)));
   expect_refused(device, section(1 << 20, UINT64_C(0x32636e79536b764d)));
   expect_refused(device, section(1 << 20, 0));
}

static void
interfaces_refused(intptr_t arg)
{
   void *out = (void *)1;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   HANDLE handle = runtime_share(device, runtime_fence(device, 0, SHARED),
                                 NULL);

   EXPECT_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Resource,
                                           &out),
             E_NOINTERFACE);
   EXPECT(out == NULL);
   EXPECT_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                           NULL),
             S_FALSE);
}

/* A driver must be able to tell it from what it has made itself. */
static void
handle_is_not_the_drivers(intptr_t arg)
{
   typedef LONG (WINAPI *query_fn)(HANDLE, int, void *, ULONG, ULONG *);
   struct {
      void *base;
      ULONG attributes;
      LARGE_INTEGER size;
   } info = {0};
   union {
      FARPROC plain;
      query_fn query;
   } found;

   runtime_expect_no_leaks();
   ID3D12Device *device = runtime_warp();
   HANDLE handle = runtime_share(device, runtime_fence(device, 0, SHARED),
                                 NULL);

   found.plain = GetProcAddress(GetModuleHandleA("ntdll.dll"),
                                "NtQuerySection");
   REQUIRE(found.plain != NULL);
   EXPECT(found.query(handle, 0, &info, sizeof(info), NULL) == 0);
   EXPECT(info.attributes & SEC_FILE);

   UINT64 *map = MapViewOfFile(handle, FILE_MAP_READ, 0, 0, 8);
   REQUIRE(map != NULL);
   EXPECT(map[0] != UINT64_C(0x32636e79536b764d));
   UnmapViewOfFile(map);
}

static void
adapters(intptr_t arg)
{
   void *out = NULL;

   runtime_expect_no_leaks();
   ID3D12Device *warp = runtime_warp();
   ID3D12Device *gpu = runtime_device(DOUBLE_GPU_LUID);
   ID3D12Fence *bound = runtime_fence(gpu, 0, SHARED);
   ID3D12Fence *free = runtime_fence(gpu, 0, CROSS_ADAPTER);
   HANDLE handle = runtime_share(gpu, bound, NULL);

   EXPECT_HR(ID3D12Device_OpenSharedHandle(warp, handle, &IID_ID3D12Fence,
                                           &out),
             E_INVALIDARG);
   EXPECT(out == NULL);
   runtime_expect_linked(bound, runtime_open(gpu, handle));
   runtime_expect_linked(free, runtime_open(warp, runtime_share(gpu, free,
                                                                NULL)));
}

static void
d3d11_fence(intptr_t arg)
{
   const LUID luid = runtime_luid(DOUBLE_WARP_LUID);
   const struct runtime *runtime = runtime_expect_no_leaks();
   ID3D12Device *warp = runtime_warp();
   ID3D12Device *gpu = runtime_device(DOUBLE_GPU_LUID);
   WCHAR name[RUNTIME_NAME_SIZE];
   HANDLE handle = NULL, second = NULL;
   void *out = NULL;

   runtime_make_name(name);
   REQUIRE_HR(runtime->create_d3d11_fence_handle(&luid, 77, FALSE, NULL,
                                                 GENERIC_ALL, name, &handle),
              S_OK);
   test_own_handle(handle);
   EXPECT_HR(runtime->create_d3d11_fence_handle(&luid, 0, FALSE, NULL,
                                                GENERIC_ALL, name, &second),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   EXPECT_HR(runtime->create_d3d11_fence_handle(&luid, 0, FALSE, NULL,
                                                GENERIC_READ, NULL, &second),
             DXGI_ERROR_INVALID_CALL);
   EXPECT_HR(ID3D12Device_OpenSharedHandle(gpu, handle, &IID_ID3D12Fence,
                                           &out),
             E_INVALIDARG);

   ID3D12Fence *fence = runtime_open(warp, handle);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), 77);
   runtime_expect_linked(fence, runtime_open(warp,
                                             runtime_open_name(warp, name)));

   REQUIRE_HR(runtime->create_d3d11_fence_handle(&luid, 5, TRUE, NULL,
                                                 GENERIC_ALL, NULL, &second),
              S_OK);
   test_own_handle(second);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(runtime_open(gpu, second)), 5);
}

static const struct test_case cases[] = {
   {"one_fence_many_handles", one_fence_many_handles, 0, 0},
   {"fences_are_apart", fences_are_apart, 0, 0},
   {"handle_outlives_fence", handle_outlives_fence, 0, 0},
   {"fence_outlives_handle", fence_outlives_handle, 0, 0},
   {"duplicated_handle", duplicated_handle, 0, 0},
   {"what_cannot_be_shared", what_cannot_be_shared, 0, 0},
   {"access_words", access_words, 0, 0},
   {"security_attributes", security_attributes, 0, 0},
   {"names", names, 0, 0},
   {"names_refused", names_refused, 0, 0},
   {"names_taken", names_taken, 0, 0},
   {"names_end", names_end, 0, 0},
   {"handles_refused", handles_refused, 0, 0},
   {"interfaces_refused", interfaces_refused, 0, 0},
   {"handle_is_not_the_drivers", handle_is_not_the_drivers, 0, 0},
   {"adapters", adapters, 0, 0},
   {"d3d11_fence", d3d11_fence, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}
