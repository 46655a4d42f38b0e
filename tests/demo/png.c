/* SPDX-License-Identifier: MIT */

/* The smallest writer that makes a valid PNG: the pixels go into deflate's
 * stored blocks. It spares the demo a dependency on all its platforms.
 */
#include "demo_common.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 65535u

static uint32_t
crc32(uint32_t crc, const uint8_t *data, size_t size)
{
   crc = ~crc;
   for (size_t i = 0; i < size; i++) {
      crc ^= data[i];
      for (unsigned bit = 0; bit < 8; bit++)
         crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
   }
   return ~crc;
}

static uint32_t
adler32(const uint8_t *data, size_t size)
{
   uint32_t a = 1, b = 0;

   for (size_t i = 0; i < size; i++) {
      a = (a + data[i]) % 65521;
      b = (b + a) % 65521;
   }
   return b << 16 | a;
}

static void
put_be32(uint8_t *to, uint32_t value)
{
   for (unsigned i = 0; i < 4; i++)
      to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
write_chunk(FILE *file, const char *type, const uint8_t *data, size_t size)
{
   uint8_t head[8], tail[4];

   put_be32(head, (uint32_t)size);
   memcpy(head + 4, type, 4);
   put_be32(tail, crc32(crc32(0, head + 4, 4), data, size));
   REQUIRE(fwrite(head, sizeof(head), 1, file) == 1);
   REQUIRE(!size || fwrite(data, size, 1, file) == 1);
   REQUIRE(fwrite(tail, sizeof(tail), 1, file) == 1);
}

/* A zlib stream of stored blocks. */
static uint8_t *
store(const uint8_t *data, size_t size, size_t *stored_size)
{
   const size_t blocks = (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
   uint8_t *stored = malloc(2 + blocks * 5 + size + 4), *to = stored;

   REQUIRE(stored != NULL);
   *to++ = 0x78;
   *to++ = 0x01;
   for (size_t at = 0; at < size; at += BLOCK_SIZE) {
      const size_t length = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;

      *to++ = at + length == size;
      *to++ = (uint8_t)length;
      *to++ = (uint8_t)(length >> 8);
      *to++ = (uint8_t)~length;
      *to++ = (uint8_t)(~length >> 8);
      memcpy(to, data + at, length);
      to += length;
   }
   put_be32(to, adler32(data, size));
   *stored_size = (size_t)(to + 4 - stored);
   return stored;
}

void
sheet_write(const struct sheet *sheet, const char *path)
{
   static const uint8_t signature[8] = {0x89, 'P', 'N', 'G',
                                        '\r', '\n', 0x1a, '\n'};
   /* 8 bits per channel, RGB */
   uint8_t header[13] = {[8] = 8, [9] = 2};
   size_t size;
   uint8_t *stored = store(sheet->rows, sheet->height * sheet->row_size, &size);
   FILE *file = fopen(path, "wb");

   put_be32(header, sheet->width);
   put_be32(header + 4, sheet->height);
   REQUIRE(file != NULL);
   REQUIRE(fwrite(signature, sizeof(signature), 1, file) == 1);
   write_chunk(file, "IHDR", header, sizeof(header));
   write_chunk(file, "IDAT", stored, size);
   write_chunk(file, "IEND", NULL, 0);
   REQUIRE(fclose(file) == 0);
   free(stored);
}
