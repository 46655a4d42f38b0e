/* SPDX-License-Identifier: MIT */
#ifndef BENCH_ICD_H
#define BENCH_ICD_H

#include "bench.h"
#include "gpu.h"

/** A driver used directly, as two of them in one process have to be: the
 * loader would choose for both
 */
struct bench_icd {
   HMODULE module;
   struct gpu gpu;
};

/* Where the drivers are is in the environment: LVP_SYNC_OURS, and
 * LVP_SYNC_UPSTREAM.  Those of us that are to export enable the extensions that
 * only we have.
 */
void bench_icd_open(struct bench_icd *icd, enum bench_side side, bool exports);
void bench_icd_close(struct bench_icd *icd);

#endif /* BENCH_ICD_H */
