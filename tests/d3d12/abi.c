/* SPDX-License-Identifier: MIT */

/* Whether the headers in use describe Microsoft's interfaces. */
#include "runtime.h"

#include <string.h>

#include "abi.h"

static const struct abi_fact mingw[] = {
   ABI_D3D12
   ABI_SLOT(IDXGIFactory4, Release, 2)
   ABI_SLOT(IDXGIFactory4, EnumAdapters1, 12)
   ABI_SLOT(IDXGIFactory4, EnumWarpAdapter, 27)
   ABI_SLOT(IDXGIAdapter1, Release, 2)
   ABI_SLOT(IDXGIAdapter1, GetDesc1, 10)
   ABI_VALUE(sizeof(LUID), 8)
   ABI_VALUE(offsetof(DXGI_ADAPTER_DESC1, AdapterLuid),
             272 + 3 * sizeof(size_t))
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
      {&IID_IDXGIFactory4,
       {0x1bc6ea02, 0xef36, 0x464f,
        {0xbf, 0x0c, 0x21, 0xca, 0x39, 0xe5, 0x16, 0x8a}}},
      {&IID_IDXGIAdapter1,
       {0x29038f61, 0x3839, 0x4626,
        {0x91, 0xfd, 0x08, 0x68, 0x79, 0x01, 0x1a, 0x05}}},
   };

   for (unsigned i = 0; i < TEST_COUNT(identifiers); i++)
      EXPECT(!memcmp(identifiers[i].found, &identifiers[i].documented,
                     sizeof(IID)));
}

static const struct test_case cases[] = {
   {"mingw_slots", slots, (intptr_t)mingw, 0},
   {"directx_headers_slots", slots, (intptr_t)abi_directx_headers, 0},
   {"identifiers", identifiers, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}
