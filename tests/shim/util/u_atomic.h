/* SPDX-License-Identifier: MIT */
#ifndef NT_SHIM_U_ATOMIC_H
#define NT_SHIM_U_ATOMIC_H

/* Mesa's, with a moment for others before each compare-and-swap */
#include_next "util/u_atomic.h"

#include "nt_shim.h"

#undef p_atomic_cmpxchg
#define p_atomic_cmpxchg(pointer, old, new_value) \
   (nt_shim_disturb(), \
    __sync_val_compare_and_swap((pointer), (old), (new_value)))

#endif
