/* SPDX-License-Identifier: MIT */

/* Stands in for a header that is generated with the driver.  upstream.c looks
 * at nothing of it.
 */
