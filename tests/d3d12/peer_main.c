/* SPDX-License-Identifier: MIT */

/* The child's side. */
#include "peer.h"

static ID3D12Device *warp, *gpu;
static ID3D12Fence *slots[PEER_SLOTS];
static HANDLE last_event;

static ID3D12Device *
device_of(const struct peer_request *request)
{
   return request->luid == DOUBLE_GPU_LUID ? gpu : warp;
}

static const WCHAR *
name_of(const struct peer_request *request)
{
   return request->name[0] ? request->name : NULL;
}

static HRESULT
share(const struct peer_request *request, UINT64 *value)
{
   HANDLE handle = NULL;
   HRESULT result = ID3D12Device_CreateSharedHandle(
      device_of(request), (ID3D12DeviceChild *)slots[request->slot], NULL,
      GENERIC_ALL, name_of(request), &handle);

   *value = (uintptr_t)handle;
   return result;
}

static HRESULT
create(const struct peer_request *request, UINT64 *value)
{
   void *fence = NULL;
   HRESULT result = ID3D12Device_CreateFence(device_of(request),
                                             request->value,
                                             (D3D12_FENCE_FLAGS)request->flags,
                                             &IID_ID3D12Fence, &fence);

   slots[request->slot] = fence;
   return SUCCEEDED(result) ? share(request, value) : result;
}

/* The handle is the parent's doing, or stays open here. */
static HRESULT
open_handle(const struct peer_request *request, HANDLE handle)
{
   void *fence = NULL;
   HRESULT result = ID3D12Device_OpenSharedHandle(device_of(request), handle,
                                                  &IID_ID3D12Fence, &fence);

   slots[request->slot] = fence;
   return result;
}

static HRESULT
open_name(const struct peer_request *request)
{
   HANDLE handle = NULL;
   HRESULT result = ID3D12Device_OpenSharedHandleByName(
      device_of(request), request->name, GENERIC_ALL, &handle);

   if (SUCCEEDED(result)) {
      result = open_handle(request, handle);
      CloseHandle(handle);
   }
   return result;
}

static HRESULT
arm(const struct peer_request *request)
{
   if (last_event != NULL)
      CloseHandle(last_event);
   last_event = CreateEventW(NULL, TRUE, FALSE, NULL);
   return ID3D12Fence_SetEventOnCompletion(slots[request->slot],
                                           request->value, last_event);
}

static HRESULT
echo(const struct peer_request *request)
{
   HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
   HRESULT result = S_OK;

   for (UINT64 i = 1; i <= request->value && SUCCEEDED(result); i++) {
      result = ID3D12Fence_SetEventOnCompletion(slots[request->slot], i,
                                                event);
      runtime_expect_set(event);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(slots[request->slot]), i);
      if (SUCCEEDED(result))
         result = ID3D12Fence_Signal(slots[request->other], i);
   }
   CloseHandle(event);
   return result;
}

static HRESULT
storm(const struct peer_request *request)
{
   for (UINT64 value = request->value;; value++) {
      HRESULT result = ID3D12Fence_Signal(slots[request->slot], value);

      if (FAILED(result))
         return result;
   }
}

static HRESULT
make_fail(const struct peer_request *request)
{
   return SetEnvironmentVariableW(L"" DOUBLE_FAIL_VARIABLE, request->name)
             ? S_OK : E_FAIL;
}

static struct peer_reply
serve(const struct peer_request *request)
{
   struct peer_reply reply = {.result = S_OK};
   ID3D12Fence **slot = &slots[request->slot];

   switch (request->op) {
   case PEER_CREATE:
      reply.result = create(request, &reply.value);
      break;
   case PEER_OPEN:
      reply.result = open_handle(request, (HANDLE)(uintptr_t)request->handle);
      break;
   case PEER_OPEN_NAME:
      reply.result = open_name(request);
      break;
   case PEER_SHARE:
      reply.result = share(request, &reply.value);
      break;
   case PEER_CLOSE:
      REQUIRE(CloseHandle((HANDLE)(uintptr_t)request->handle));
      break;
   case PEER_RELEASE:
      ID3D12Fence_Release(*slot);
      *slot = NULL;
      break;
   case PEER_SIGNAL:
      reply.result = ID3D12Fence_Signal(*slot, request->value);
      break;
   case PEER_VALUE:
      reply.value = ID3D12Fence_GetCompletedValue(*slot);
      break;
   case PEER_WAIT:
      reply.result = ID3D12Fence_SetEventOnCompletion(*slot, request->value,
                                                      NULL);
      break;
   case PEER_ARM:
      reply.result = arm(request);
      break;
   case PEER_IS_SET:
      reply.value = WaitForSingleObject(last_event, (DWORD)request->value) ==
                    WAIT_OBJECT_0;
      break;
   case PEER_ECHO:
      reply.result = echo(request);
      break;
   case PEER_STORM:
      reply.result = storm(request);
      break;
   case PEER_REMOVE:
      reply.result = runtime_load()->remove_device(
         device_of(request), DXGI_ERROR_DEVICE_HUNG,
         (enum double_removal)request->flags);
      break;
   case PEER_REMOVED_REASON:
      reply.result = ID3D12Device_GetDeviceRemovedReason(device_of(request));
      break;
   case PEER_MAKE_FAIL:
      reply.result = make_fail(request);
      break;
   case PEER_HANDLES:
      reply.value = test_count_handles();
      break;
   }
   return reply;
}

int
peer_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct peer_request request;

   warp = runtime_warp();
   if (runtime_load_any()->is_double)
      gpu = runtime_device(DOUBLE_GPU_LUID);
   while (child_link_receive(&link, &request, sizeof(request))) {
      const struct peer_reply reply = serve(&request);

      if (!child_link_send(&link, &reply, sizeof(reply)))
         break;
   }
   return test_failed();
}
