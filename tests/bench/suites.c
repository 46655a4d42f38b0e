/* SPDX-License-Identifier: MIT */

/* What needs no driver */
#include "peer.h"

const struct bench_case *const bench_cases[] = {
   bench_sync_cases,
   bench_block_cases,
   bench_wait_cases,
   bench_shared_cases,
   bench_pairs_cases,
   bench_broadcast_cases,
   bench_crowd_cases,
   NULL,
};

const struct test_role bench_roles[] = {
   {"broadcast", bench_broadcast_peer},
   {"beside", bench_beside_peer},
   {"later", bench_later_peer},
   {"idle", bench_idle_peer},
   {"pairs", bench_pairs_peer},
   {"pingpong", bench_pingpong_peer},
   {0},
};
