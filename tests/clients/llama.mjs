// SPDX-License-Identifier: MIT
//
// usage: node llama.mjs BINARIES-FOLDER MODEL.gguf cpu|vulkan
// llama.cpp, by node-llama-cpp's addon: makes a tiny model, evaluates a prompt
// and prints what it computed, as JSON, after "RESULT ".
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, path, where] = process.argv.slice(2);
const WIDTH = 64, HEADS = 4, LAYERS = 2, HIDDEN = 128, CONTEXT = 64;
const TOKENS = ['<unk>', '<s>', '</s>',
   ...Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)];
const F32 = 0;

class Writer {
   parts = [];
   length = 0;
   bytes(b) { this.parts.push(b); this.length += b.length; }
   number(size, put) { const b = Buffer.alloc(size); put(b); this.bytes(b); }
   u32(v) { this.number(4, b => b.writeUInt32LE(v)); }
   i32(v) { this.number(4, b => b.writeInt32LE(v)); }
   u64(v) { this.number(8, b => b.writeBigUInt64LE(BigInt(v))); }
   f32(v) { this.number(4, b => b.writeFloatLE(v)); }
   string(s) { this.u64(Buffer.byteLength(s)); this.bytes(Buffer.from(s)); }
   align() { this.bytes(Buffer.alloc(-this.length & 31)); }
}

// Numbers of GGUF's types.
const TYPES = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 };

function model()
{
   const settings = [
      ['general.architecture', 'string', 'llama'],
      ['llama.context_length', 'u32', CONTEXT],
      ['llama.embedding_length', 'u32', WIDTH],
      ['llama.block_count', 'u32', LAYERS],
      ['llama.feed_forward_length', 'u32', HIDDEN],
      ['llama.attention.head_count', 'u32', HEADS],
      ['llama.rope.dimension_count', 'u32', WIDTH / HEADS],
      ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-5],
      ['tokenizer.ggml.model', 'string', 'llama'],
      ['tokenizer.ggml.tokens', 'string', TOKENS],
      ['tokenizer.ggml.scores', 'f32', TOKENS.map(() => 0)],
      // Unknown, control, byte
      ['tokenizer.ggml.token_type', 'i32', TOKENS.map((_, i) => i === 0 ? 2 : i < 3 ? 3 : 6)],
   ];
   const tensors = [['token_embd.weight', [WIDTH, TOKENS.length]],
                    ['output_norm.weight', [WIDTH]],
                    ['output.weight', [WIDTH, TOKENS.length]]];
   for (let i = 0; i < LAYERS; i++) {
      for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output'])
         tensors.push([`blk.${i}.${name}.weight`, [WIDTH, WIDTH]]);
      tensors.push([`blk.${i}.attn_norm.weight`, [WIDTH]],
                   [`blk.${i}.ffn_norm.weight`, [WIDTH]],
                   [`blk.${i}.ffn_gate.weight`, [WIDTH, HIDDEN]],
                   [`blk.${i}.ffn_up.weight`, [WIDTH, HIDDEN]],
                   [`blk.${i}.ffn_down.weight`, [HIDDEN, WIDTH]]);
   }

   const file = new Writer(), data = new Writer();
   file.bytes(Buffer.from('GGUF'));
   file.u32(3);
   file.u64(tensors.length);
   file.u64(settings.length);
   for (const [key, type, value] of settings) {
      file.string(key);
      if (Array.isArray(value)) {
         file.u32(TYPES.array);
         file.u32(TYPES[type]);
         file.u64(value.length);
         value.forEach(v => file[type](v));
      } else {
         file.u32(TYPES[type]);
         file[type](value);
      }
   }
   let state = 1;
   for (const [name, shape] of tensors) {
      file.string(name);
      file.u32(shape.length);
      shape.forEach(n => file.u64(n));
      file.u32(F32);
      file.u64(data.length);
      const values = new Float32Array(shape.reduce((a, b) => a * b));
      for (let i = 0; i < values.length; i++) {
         state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
         const random = state / 2 ** 31 - 1;
         values[i] = shape.length === 1 ? 1 + random / 8 : random * 2 / Math.sqrt(shape[0]);
      }
      data.bytes(Buffer.from(values.buffer));
      data.align();
   }
   file.align();
   return Buffer.concat([...file.parts, ...data.parts]);
}

writeFileSync(path, model());

const addon = createRequire(import.meta.url)(`${folder}\\llama-addon.node`);
const log = [];
addon.setLogger((level, message) => log.push(message));
addon.setLoggerLogLevel(5);
addon.loadBackends(folder);
await addon.init();
const loaded = new addon.AddonModel(path, { gpuLayers: where === 'vulkan' ? LAYERS + 1 : 0, addonExports: addon });
if (!await loaded.init())
   throw new Error(`the model was not loaded:\n${log.join('')}`);
const context = new addon.AddonContext(loaded, {
   contextSize: CONTEXT, batchSize: CONTEXT, sequences: 1, threads: 2, flashAttention: false,
});
if (!await context.init())
   throw new Error(`there is no context:\n${log.join('')}`);

// One token at a time: for more, llama.cpp takes shaders so large that LLVM
// compiles each for half a minute.
const sampler = new addon.AddonSampler(loaded);
sampler.applyConfig({ temperature: 0 });
const prompt = [1, ...[...Buffer.from('memory')].map(byte => byte + 3)];
const steps = [];
for (let position = 0; steps.length < 4; position++) {
   const token = prompt[position] ?? steps.at(-1).token;
   context.initBatch(1);
   const [last] = context.addToBatch(0, position, Uint32Array.of(token), Uint32Array.of(0));
   await context.decodeBatch();
   const [next, flat] = await context.sampleToken(last, sampler, true);
   if (position + 1 < prompt.length)
      continue;
   const probabilities = new Array(TOKENS.length).fill(0);
   for (let i = 0; i + 1 < flat.length; i += 2)
      probabilities[flat[i]] = flat[i + 1];
   steps.push({ token: next, probabilities });
}
const { deviceNames } = addon.getGpuDeviceInfo();
console.log('RESULT ' + JSON.stringify({ deviceNames, memory: loaded.getMemoryBreakdown(), steps }));
process.exit(0);
