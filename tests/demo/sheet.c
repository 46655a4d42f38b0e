/* SPDX-License-Identifier: MIT */
#include "demo_common.h"

#include <stdlib.h>

#define COLUMNS 8
#define THUMB_WIDTH (DEMO_WIDTH / 2)
#define THUMB_HEIGHT (DEMO_HEIGHT / 2)
#define GAP 4

void
sheet_create(struct sheet *sheet, uint32_t frames)
{
   const uint32_t rows = (frames + COLUMNS - 1) / COLUMNS;

   sheet->width = GAP + COLUMNS * (THUMB_WIDTH + GAP);
   sheet->height = GAP + rows * (THUMB_HEIGHT + GAP);
   sheet->row_size = (size_t)sheet->width * 3;
   sheet->rows = calloc(sheet->height, sheet->row_size);
   REQUIRE(sheet->rows != NULL);
}

static uint8_t
average(const uint32_t *at, unsigned shift)
{
   return (uint8_t)((((at[0] >> shift) & 0xff) + ((at[1] >> shift) & 0xff) +
                     ((at[DEMO_WIDTH] >> shift) & 0xff) +
                     ((at[DEMO_WIDTH + 1] >> shift) & 0xff) + 2) / 4);
}

void
sheet_add(struct sheet *sheet, uint32_t frame, const uint32_t *pixels)
{
   const uint32_t left =
      GAP + frame % COLUMNS * (THUMB_WIDTH + GAP);
   const uint32_t top =
      GAP + frame / COLUMNS * (THUMB_HEIGHT + GAP);

   for (uint32_t y = 0; y < THUMB_HEIGHT; y++) {
      uint8_t *to = sheet->rows + (top + y) * sheet->row_size + left * 3;

      for (uint32_t x = 0; x < THUMB_WIDTH; x++) {
         const uint32_t *from = pixels + 2 * y * DEMO_WIDTH + 2 * x;

         for (unsigned channel = 0; channel < 3; channel++)
            *to++ = average(from, channel * 8);
      }
   }
}

/* As PPM, which takes no library; ci/demo makes a PNG of it. */
void
sheet_write(const struct sheet *sheet, const char *path)
{
   FILE *file = fopen(path, "wb");

   REQUIRE(file != NULL);
   fprintf(file, "P6\n%u %u\n255\n", (unsigned)sheet->width,
           (unsigned)sheet->height);
   REQUIRE(fwrite(sheet->rows, sheet->row_size, sheet->height, file) ==
           sheet->height);
   REQUIRE(fclose(file) == 0);
}
