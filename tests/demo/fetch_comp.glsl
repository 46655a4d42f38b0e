/* SPDX-License-Identifier: MIT */
#version 450

/* The texels of a frame, as they came out of the producer's image. */
layout(local_size_x = 16, local_size_y = 16) in;

layout(set = 0, binding = 0) uniform sampler2D frame;
layout(set = 0, binding = 1) writeonly buffer Target {
   uint target[];
};

void
main()
{
   ivec2 at = ivec2(gl_GlobalInvocationID.xy);
   ivec2 size = textureSize(frame, 0);

   if (at.x < size.x && at.y < size.y)
      target[at.y * size.x + at.x] = packUnorm4x8(texelFetch(frame, at, 0));
}
