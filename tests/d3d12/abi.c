/* SPDX-License-Identifier: MIT */

/* Whether the headers in use describe Microsoft's interfaces. */
#include "runtime.h"

#include <string.h>

#include "abi.h"

static const struct abi_fact mingw[] = {
   ABI_D3D12_DEVICE(ABI_SLOT)
   ABI_SIZE(ID3D12Device, 44)
   ABI_D3D12_FENCE(ABI_SLOT)
   ABI_SIZE(ID3D12Fence, 11)
   ABI_DXGI_FACTORY4(ABI_SLOT)
   ABI_SIZE(IDXGIFactory4, 28)
   ABI_DXGI_FACTORY1(ABI_SLOT, IDXGIFactory1)
   ABI_SIZE(IDXGIFactory1, 14)
   ABI_DXGI_ADAPTER1(ABI_SLOT)
   ABI_SIZE(IDXGIAdapter1, 11)
   ABI_VALUE(sizeof(D3D12_FENCE_FLAGS), 4)
   ABI_VALUE(D3D12_FENCE_FLAG_SHARED, 1)
   ABI_VALUE(D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER, 2)
   ABI_VALUE(D3D_FEATURE_LEVEL_11_0, 0xb000)
   ABI_VALUE(sizeof(LUID), 8)
   ABI_VALUE(offsetof(DXGI_ADAPTER_DESC1, AdapterLuid),
             272 + 3 * sizeof(size_t))
   ABI_VALUE(offsetof(DXGI_ADAPTER_DESC1, Flags), 280 + 3 * sizeof(size_t))
   ABI_VALUE(DXGI_ADAPTER_FLAG_SOFTWARE, 2)
   {0},
};

static void
slots(intptr_t table)
{
   const struct abi_fact *fact = (const struct abi_fact *)table;

   if (!fact->name)
      test_skip("the build has no DirectX-Headers");
   for (; fact->name; fact++) {
      if (fact->found != fact->documented)
         test_fail(false, __FILE__, __LINE__, "%s: %u, not %u", fact->name,
                   (unsigned)fact->found, (unsigned)fact->documented);
   }
}

static void
identifiers(intptr_t arg)
{
   static const struct {
      const IID *found;
      IID documented;
   } identifiers[] = {
      {&IID_ID3D12Device,
       {0x189819f1, 0x1db6, 0x4b57,
        {0xbe, 0x54, 0x18, 0x21, 0x33, 0x9b, 0x85, 0xf7}}},
      {&IID_ID3D12Fence,
       {0x0a753dcf, 0xc4d8, 0x4b91,
        {0xad, 0xf6, 0xbe, 0x5a, 0x60, 0xd9, 0x5a, 0x76}}},
      {&IID_IDXGIFactory1,
       {0x770aae78, 0xf26f, 0x4dba,
        {0xa8, 0x29, 0x25, 0x3c, 0x83, 0xd1, 0xb3, 0x87}}},
      {&IID_IDXGIFactory4,
       {0x1bc6ea02, 0xef36, 0x464f,
        {0xbf, 0x0c, 0x21, 0xca, 0x39, 0xe5, 0x16, 0x8a}}},
      {&IID_IDXGIAdapter,
       {0x2411e7e1, 0x12ac, 0x4ccf,
        {0xbd, 0x14, 0x97, 0x98, 0xe8, 0x53, 0x4d, 0xc0}}},
      {&IID_IDXGIAdapter1,
       {0x29038f61, 0x3839, 0x4626,
        {0x91, 0xfd, 0x08, 0x68, 0x79, 0x01, 0x1a, 0x05}}},
   };

   for (unsigned i = 0; i < TEST_COUNT(identifiers); i++)
      EXPECT(!memcmp(identifiers[i].found, &identifiers[i].documented,
                     sizeof(IID)));
}

static void
errors(intptr_t arg)
{
   static const struct {
      HRESULT found;
      uint32_t documented;
   } codes[] = {
      {DXGI_ERROR_INVALID_CALL, 0x887a0001},
      {DXGI_ERROR_NOT_FOUND, 0x887a0002},
      {DXGI_ERROR_UNSUPPORTED, 0x887a0004},
      {DXGI_ERROR_DEVICE_REMOVED, 0x887a0005},
      {DXGI_ERROR_DEVICE_HUNG, 0x887a0006},
      {DXGI_ERROR_NAME_ALREADY_EXISTS, 0x887a002c},
   };

   for (unsigned i = 0; i < TEST_COUNT(codes); i++)
      EXPECT_U64((uint32_t)codes[i].found, codes[i].documented);
}

static const struct test_case cases[] = {
   {"mingw_slots", slots, (intptr_t)mingw, 0},
   {"directx_headers_slots", slots, (intptr_t)abi_directx_headers, 0},
   {"identifiers", identifiers, 0, 0},
   {"errors", errors, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}
