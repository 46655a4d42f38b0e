/* SPDX-License-Identifier: MIT */

/* What needs no driver */
#include "bench.h"

const struct bench_suite *const bench_suites[] = {
   &bench_sync_suite,
   &bench_block_suite,
   &bench_wait_suite,
   &bench_shared_suite,
   &bench_pairs_suite,
   &bench_broadcast_suite,
   &bench_crowd_suite,
   NULL,
};
