/* SPDX-License-Identifier: MIT */
/* What MSVC's run-time library links into each program, and Wine's has not */
#include <windows.h>

/* Not of the library: Mesa's C++, which ci/lib/clang-cl leaves out.  Objects
 * that come along refer to it, and no test gets there.
 */
#pragma comment(linker, "/alternatename:util_tls_qsort_r=abort")
#pragma comment(linker, "/alternatename:util_qsort_adapter=abort")
#pragma comment(linker, "/alternatename:_mesa_init_astc_decoder_luts=abort")
#pragma comment(linker, "/alternatename:_mesa_get_astc_decoder_partition_table=abort")

/* Referred to by whatever uses floating point */
int _fltused;

/* Mesa's objects take it for a function of the DLL. */
int _crt_atexit(void (*)(void));

int
at_exit(void (*function)(void))
{
   return _crt_atexit(function);
}

/* Wine 8's headers have it imported, Wine 10's not. */
int (*const __imp_atexit)(void (*)(void)) = at_exit;
#pragma comment(linker, "/alternatename:atexit=at_exit")

/* Thread-local storage: the linker sorts sections by what follows the "$". */
ULONG _tls_index;

#pragma section(".tls", long, read, write)
#pragma section(".tls$ZZZ", long, read, write)
__declspec(allocate(".tls")) char _tls_start;
__declspec(allocate(".tls$ZZZ")) char _tls_end;

#pragma section(".CRT$XLA", long, read)
#pragma section(".CRT$XLZ", long, read)
__declspec(allocate(".CRT$XLA")) PIMAGE_TLS_CALLBACK __xl_a;
__declspec(allocate(".CRT$XLZ")) PIMAGE_TLS_CALLBACK __xl_z;

const IMAGE_TLS_DIRECTORY _tls_used = {
   (ULONG_PTR)&_tls_start,
   (ULONG_PTR)&_tls_end,
   (ULONG_PTR)&_tls_index,
   (ULONG_PTR)(&__xl_a + 1),
};
