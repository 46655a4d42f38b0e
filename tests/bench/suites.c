/* SPDX-License-Identifier: MIT */

/* What needs no driver */
#include "peer.h"

const struct bench_case *const bench_cases[] = {
   bench_sync_cases,
   bench_block_cases,
   bench_wait_cases,
   bench_pairs_cases,
   bench_beside_cases,
   NULL,
};

const struct test_role bench_roles[] = {
   {"beside", bench_beside_peer},
   {"later", bench_later_peer},
   {"pairs", bench_pairs_peer},
   {0},
};
