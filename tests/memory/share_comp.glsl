// SPDX-License-Identifier: MIT
#version 450

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) buffer shared_words { uint words[]; };
layout(set = 0, binding = 1, r32ui) uniform uimage2D shared_image;
layout(set = 0, binding = 2) buffer private_words { uint result[]; };

layout(push_constant) uniform constants {
   uint tag;
   uint width;
   uint is_image;
   uint is_write;
};

void
main()
{
   const uint i = gl_GlobalInvocationID.x;
   const ivec2 at = ivec2(i % width, i / width);
   const uint value = (i * 2654435761u) ^ tag;

   if (is_write == 0)
      result[i] = is_image != 0 ? imageLoad(shared_image, at).x : words[i];
   else if (is_image != 0)
      imageStore(shared_image, at, uvec4(value));
   else
      words[i] = value;
}
