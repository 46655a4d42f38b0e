/* SPDX-License-Identifier: MIT */

/* Whether a program for this machine starts at all */
int
main(void)
{
   return 42;
}
