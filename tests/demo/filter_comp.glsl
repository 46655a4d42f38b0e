/* SPDX-License-Identifier: MIT */
#version 450

/* Right of the split: edges over a duotone. Left: the frame as it came. */
layout(local_size_x = 16, local_size_y = 16) in;

layout(set = 0, binding = 0) readonly buffer Source {
   uint source[];
};
layout(set = 0, binding = 1) writeonly buffer Target {
   uint target[];
};
layout(push_constant) uniform Constants {
   int width;
   int height;
   int split;
};

vec3
fetch(ivec2 at)
{
   at = clamp(at, ivec2(0), ivec2(width - 1, height - 1));
   return unpackUnorm4x8(source[at.y * width + at.x]).rgb;
}

float
grey(ivec2 at)
{
   return dot(fetch(at), vec3(0.30, 0.59, 0.11));
}

void
main()
{
   ivec2 at = ivec2(gl_GlobalInvocationID.xy);

   if (at.x >= width || at.y >= height)
      return;

   vec3 result = fetch(at);
   if (at.x >= split) {
      float nw = grey(at + ivec2(-1, -1)), n = grey(at + ivec2(0, -1));
      float ne = grey(at + ivec2(1, -1)), w = grey(at + ivec2(-1, 0));
      float e = grey(at + ivec2(1, 0)), sw = grey(at + ivec2(-1, 1));
      float s = grey(at + ivec2(0, 1)), se = grey(at + ivec2(1, 1));
      vec2 slope = vec2(ne + 2.0 * e + se - nw - 2.0 * w - sw,
                        sw + 2.0 * s + se - nw - 2.0 * n - ne);
      float edge = clamp(length(slope) * 1.6, 0.0, 1.0);

      result = mix(vec3(0.12, 0.06, 0.18), vec3(1.0, 0.86, 0.62), grey(at));
      result = mix(result, vec3(1.0), edge);
   }
   if (at.x == split)
      result = vec3(1.0);
   target[at.y * width + at.x] = packUnorm4x8(vec4(result, 1.0));
}
