// SPDX-License-Identifier: MIT
//
// usage: node dawn.mjs INDEX.JS
// Computes and renders with Dawn, whose module that is; prints how many values
// are right, as JSON, after "RESULT ".
import { pathToFileURL } from 'node:url';

const { create, globals } = await import(pathToFileURL(process.argv[2]).href);
Object.assign(globalThis, globals);

const COUNT = 4096, SIZE = 64;
const errors = [];

// Dawn drops a GPU that is collected, with all that is pending.
const gpu = create(['backend=vulkan']);
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice();
device.addEventListener('uncapturederror', event => errors.push(event.error.message));
device.lost.then(info => errors.push(`lost: ${info.message}`));

function readable(size)
{
   return device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
}

async function read(buffer)
{
   await buffer.mapAsync(GPUMapMode.READ);
   return new Uint32Array(buffer.getMappedRange());
}

async function compute()
{
   const module = device.createShaderModule({ code: `
      @group(0) @binding(0) var<storage, read_write> data : array<u32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id : vec3u) {
         data[id.x] = data[id.x] * data[id.x] + 7u;
      }` });
   const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
   const data = device.createBuffer({
      size: 4 * COUNT, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
   });
   device.queue.writeBuffer(data, 0, Uint32Array.from({ length: COUNT }, (_, i) => i));
   const copy = readable(4 * COUNT);
   const encoder = device.createCommandEncoder();
   const pass = encoder.beginComputePass();
   pass.setPipeline(pipeline);
   pass.setBindGroup(0, device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: data } }],
   }));
   pass.dispatchWorkgroups(COUNT / 64);
   pass.end();
   encoder.copyBufferToBuffer(data, 0, copy, 0, 4 * COUNT);
   device.queue.submit([encoder.finish()]);
   const values = await read(copy);
   return [values.filter((v, i) => v === i * i + 7).length, COUNT];
}

// A triangle over one half of a picture: above the diagonal, each pixel has the
// colour of its coordinates; below, the one that it was cleared to.
async function render()
{
   const module = device.createShaderModule({ code: `
      @vertex fn vertex(@builtin(vertex_index) i : u32) -> @builtin(position) vec4f {
         return vec4f(select(-1.0, 1.0, i == 1u), select(1.0, -1.0, i == 2u), 0.0, 1.0);
      }
      @fragment fn fragment(@builtin(position) p : vec4f) -> @location(0) vec4f {
         return vec4f(floor(p.xy) / 255.0, 0.0, 1.0);
      }` });
   const format = 'rgba8unorm';
   const pipeline = device.createRenderPipeline({
      layout: 'auto', vertex: { module }, fragment: { module, targets: [{ format }] },
   });
   const texture = device.createTexture({
      size: [SIZE, SIZE], format, usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC,
   });
   const copy = readable(4 * SIZE * SIZE);
   const encoder = device.createCommandEncoder();
   const pass = encoder.beginRenderPass({ colorAttachments: [{
      view: texture.createView(), loadOp: 'clear', storeOp: 'store', clearValue: [0, 0, 1, 1],
   }] });
   pass.setPipeline(pipeline);
   pass.draw(3);
   pass.end();
   encoder.copyTextureToBuffer({ texture }, { buffer: copy, bytesPerRow: 4 * SIZE }, [SIZE, SIZE]);
   device.queue.submit([encoder.finish()]);
   const pixels = await read(copy);
   let right = 0;
   pixels.forEach((pixel, i) => {
      const x = i % SIZE, y = Math.floor(i / SIZE);
      const inside = 0xff000000 + y * 256 + x, outside = 0xffff0000;
      // Whose the diagonal is depends on rounding.
      if (x + y + 1 === SIZE)
         right += pixel === inside || pixel === outside;
      else
         right += pixel === (x + y + 1 < SIZE ? inside : outside);
   });
   return [right, SIZE * SIZE];
}

const result = { adapter: adapter.info.description, compute: await compute(), render: await render(), errors };
console.log('RESULT ' + JSON.stringify(result));
process.exit(0);
