/* SPDX-License-Identifier: MIT */
#include "stress.h"

static const struct stress_config mixed = {
   .operations = 1000 * 1000,
   .weights = {
      [OP_FENCE] = 30, [OP_SET] = 8, [OP_TIMELINE] = 20,
      [OP_SEMAPHORE] = 15, [OP_TIMEOUT] = 2, [OP_QUICK] = 24, [OP_CHURN] = 1,
      [OP_ABANDON] = 1,
   },
   .shared_percent = 50,
};

static const struct stress_config private_only = {
   .operations = 300 * 1000,
   .weights = {
      [OP_FENCE] = 40, [OP_SET] = 10, [OP_TIMELINE] = 25,
      [OP_SEMAPHORE] = 20, [OP_TIMEOUT] = 2, [OP_QUICK] = 3,
   },
};

static const struct stress_config shared_only = {
   .operations = 300 * 1000,
   .weights = {
      [OP_FENCE] = 35, [OP_SET] = 3, [OP_TIMELINE] = 30,
      [OP_SEMAPHORE] = 15, [OP_TIMEOUT] = 5, [OP_QUICK] = 10, [OP_CHURN] = 2,
      [OP_ABANDON] = 10,
   },
   .shared_percent = 100,
};

static const struct stress_config quiet = {
   .operations = 200 * 1000,
   .weights = {
      [OP_FENCE] = 40, [OP_SET] = 1, [OP_TIMELINE] = 40, [OP_SEMAPHORE] = 20,
   },
   .shared_percent = 100,
   .rounds = true,
};

static const struct stress_config crowded = {
   .operations = 20 * 1000,
   .weights = { [OP_FENCE] = 10, [OP_TIMELINE] = 30, [OP_SEMAPHORE] = 10 },
   .shared_percent = 80,
   .crowded = true,
};

#ifdef NT_SHIM_H
static const struct stress_config no_bell = {
   .operations = 20 * 1000,
   .weights = {
      [OP_FENCE] = 30, [OP_SET] = 5, [OP_TIMELINE] = 20, [OP_SEMAPHORE] = 10,
   },
   .shared_percent = 60,
   .no_bell = true,
};
#endif

/* The watchdog of this program is a better one than the test framework's. */
#define DAY (24 * 3600)
#define CASE(name, config) { (name), stress_run, (intptr_t)&(config), DAY }

int
main(int argc, char **argv)
{
   const struct test_case cases[] = {
      CASE("private and shared payloads", mixed),
      CASE("private payloads", private_only),
      CASE("shared payloads with peers", shared_only),
      CASE("shared payloads with little else going on", quiet),
      CASE("shared payloads with few slots", crowded),
#ifdef NT_SHIM_H
      CASE("no bells", no_bell),
#endif
      { 0 },
   };
   return test_main(argc, argv, cases, NULL);
}
