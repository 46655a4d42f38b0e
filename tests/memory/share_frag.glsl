// SPDX-License-Identifier: MIT
#version 450

layout(set = 0, binding = 0) buffer shared_words { uint words[]; };
layout(set = 0, binding = 2) buffer private_words { uint result[]; };
layout(set = 0, binding = 3) uniform usampler2D shared_texture;

layout(push_constant) uniform constants {
   uint tag;
   uint width;
   uint is_image;
   uint is_write;
};

// The shared image when it is written, else a private one, which nobody reads
layout(location = 0) out uint color;

void
main()
{
   const ivec2 at = ivec2(gl_FragCoord.xy);
   const uint i = uint(at.y) * width + uint(at.x);
   const uint value = (i * 2654435761u) ^ tag;

   color = value;
   if (is_write == 0)
      result[i] = is_image != 0 ? texelFetch(shared_texture, at, 0).x
                                : words[i];
   else if (is_image == 0)
      words[i] = value;
}
