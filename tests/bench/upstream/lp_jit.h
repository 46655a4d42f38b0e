/* SPDX-License-Identifier: MIT */

/* Stands in for llvmpipe's header, which takes LLVM.  upstream.c looks at
 * nothing of it.
 */
#ifndef BENCH_LP_JIT_H
#define BENCH_LP_JIT_H

struct lp_descriptor {
   int unused;
};

struct llvmpipe_memory_allocation {
   int unused;
};

#endif /* BENCH_LP_JIT_H */
