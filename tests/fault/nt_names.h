/* SPDX-License-Identifier: MIT */
#ifndef FAULT_NT_NAMES_H
#define FAULT_NT_NAMES_H

#include <wchar.h>
#include <windows.h>

/* UNICODE_STRING and OBJECT_ATTRIBUTES, in no header that all compilers have */
struct nt_string {
   USHORT length, capacity;
   wchar_t *text;
};

static inline struct nt_string
make_string(wchar_t *text)
{
   const USHORT length = (USHORT)(wcslen(text) * sizeof(wchar_t));

   return (struct nt_string) { length, length, text };
}

struct nt_attributes {
   ULONG length;
   HANDLE root;
   struct nt_string *name;
   ULONG flags;
   void *descriptor, *quality;
};

#endif
