/* SPDX-License-Identifier: MIT */
#ifndef LVP_UNUSED_H
#define LVP_UNUSED_H

/* Before a parameter, as in Mesa's util/macros.h */
#ifndef UNUSED
#ifdef _MSC_VER
#define UNUSED
#else
#define UNUSED __attribute__((unused))
#endif
#endif

#endif
