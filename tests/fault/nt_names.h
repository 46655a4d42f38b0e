/* SPDX-License-Identifier: MIT */
#ifndef FAULT_NT_NAMES_H
#define FAULT_NT_NAMES_H

#include <windows.h>

/* UNICODE_STRING and OBJECT_ATTRIBUTES, in no header that all compilers have */
struct nt_string {
   USHORT length, capacity;
   wchar_t *text;
};

struct nt_attributes {
   ULONG length;
   HANDLE root;
   struct nt_string *name;
   ULONG flags;
   void *descriptor, *quality;
};

#endif
