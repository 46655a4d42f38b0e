/* SPDX-License-Identifier: MIT */
#ifndef UNIT_CASES_H
#define UNIT_CASES_H

#include "test.h"

/* One table for each program; UNIT_CASES names it. */
extern const struct test_case payload_cases[];
extern const struct test_case wait_cases[];
extern const struct test_case shared_cases[];
extern const struct test_case ticket_cases[];
extern const struct test_case queue_cases[];

#endif
