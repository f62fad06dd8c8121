// The steps on a GPU, equal to `reference.py` bit for bit: all arithmetic is on integers.
//
// One thread makes one pixel at a time: it follows the whole program there, so that a batch of images of any sizes
// is one launch and no thread waits for another. `table.py` checks all bounds; what stands there is trusted here.
//
// Emitted in front of this file from `table.py`: struct Step, struct Image, struct Output, and the constants FILL,
// PASTE, BLEND, FLAT, UNIFORM, NORMAL, Q16, FRACTION_BITS, QUANTILES, PHILOX_ROUNDS, PHILOX_M0, PHILOX_M1,
// PHILOX_W0, PHILOX_W1; from `gpu.py`: PIXELS.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// Weights of neighbouring taps sum to ONE along each axis, so that both together have POSITION_BITS.
const u32 ONE = 1u << FRACTION_BITS;
const int POSITION_BITS = 2 * FRACTION_BITS;
const u32 HALF = 1u << (POSITION_BITS - 1);

// Loops over channels run to a fixed number, so that the compiler unrolls them and keeps a pixel in registers.
const int MOST_CHANNELS = 4;

// Philox4x32-10 (Salmon et al. 2011) of a counter of 64 bits.
struct Block {
    u32 words[4];
};

// Some bits of a block; they lie within one word. No index depends on `bit`: words stay in registers.
__device__ inline u32 take_bits(const Block& block, int bit, int bits) {
    const u32* words = block.words;
    u32 word = bit < 64 ? (bit < 32 ? words[0] : words[1]) : (bit < 96 ? words[2] : words[3]);
    return (word >> (bit % 32)) & ((1u << bits) - 1);
}

__device__ inline Block hash_block(u64 counter, u32 key0, u32 key1) {
    Block block = {{(u32)counter, (u32)(counter >> 32), 0u, 0u}};
    for (int round = 0; round < PHILOX_ROUNDS; ++round) {
        u64 product0 = (u64)block.words[0] * PHILOX_M0, product1 = (u64)block.words[2] * PHILOX_M1;
        block.words[0] = (u32)(product1 >> 32) ^ block.words[1] ^ key0;
        block.words[1] = (u32)product1;
        block.words[2] = (u32)(product0 >> 32) ^ block.words[3] ^ key1;
        block.words[3] = (u32)product0;
        key0 += PHILOX_W0;
        key1 += PHILOX_W1;
    }
    return block;
}

// Whether a pixel belongs to a step's area: a box, or cells of a grid of patches.
__device__ inline bool is_inside(const Step& step, const u8* bitmaps, int y, int x, int width) {
    if (y < step.y0 || y >= step.y1 || x < step.x0 || x >= step.x1) return false;
    if (step.patch_height == 0) return true;
    int columns = (width + step.patch_width - 1) / step.patch_width;
    i64 cell = (i64)(y / step.patch_height) * columns + x / step.patch_width;
    return bitmaps[step.bitmap + cell] != 0;
}

// Paint a pixel with a colour, or with noise that only its place in the image decides. Alpha is opaque.
template <typename Value>
__device__ inline void paint(const Step& step, const u16* quantiles, i64 place, int channels, Value* pixel) {
    if (step.noise == FLAT) {
        for (int c = 0; c < MOST_CHANNELS; ++c) pixel[c] = (Value)step.value[c];
        return;
    }
    // A block holds 2^shift values; those of a pixel lie in one block or in two neighbours.
    bool is_wide = step.noise == NORMAL || sizeof(Value) == 2;
    int bits = is_wide ? 16 : 8, shift = is_wide ? 3 : 4;
    u64 first = (u64)place * channels, counter = first >> shift;
    Block block = hash_block(counter, step.key_low, step.key_high);
    for (int c = 0; c < MOST_CHANNELS; ++c) {
        if (c >= channels) break;
        u64 value = first + c;
        if (value >> shift != counter) block = hash_block(++counter, step.key_low, step.key_high);
        u32 lane = take_bits(block, (int)(value & ((1u << shift) - 1)) * bits, bits);
        if (c == 3)
            pixel[c] = (Value)~(Value)0;
        else if (step.noise == NORMAL)
            pixel[c] = (Value)quantiles[(i64)(step.quantiles + c) * QUANTILES + lane];
        else
            pixel[c] = (Value)lane;
    }
}

// One axis of a partner that is read as if its source were stretched over the frame.
struct Axis {
    int level;     // a tap is the mean of 2^level pixels
    int taps;      // how many there are
    int tap;       // the one before the pixel
    int next;      // the one behind it
    u32 fraction;  // the weight of that one, of ONE
};

__device__ inline Axis find_taps(int offset, int source, int frame) {
    Axis axis;
    axis.level = 0;
    while (((i64)frame << (axis.level + 1)) <= source) ++axis.level;
    axis.taps = source >> axis.level;
    i64 position = (2 * (i64)offset + 1) * ((i64)axis.taps * HALF) / frame - HALF;
    i64 last = (i64)(axis.taps - 1) << POSITION_BITS;
    position = position < 0 ? 0 : position > last ? last : position;
    axis.tap = (int)(position >> POSITION_BITS);
    axis.next = axis.tap + 1 < axis.taps ? axis.tap + 1 : axis.tap;
    axis.fraction = (u32)(position >> FRACTION_BITS) & (ONE - 1);
    return axis;
}

// The rounded mean of a block of pixels; of one pixel, itself. Its loops stay loops: unrolled, a thread takes 94
// registers instead of 72, fewer threads fit, and every kind of step takes 1.3 to 2.0 times as long (H200).
template <typename Value>
__device__ inline u32 read_tap(const Value* source, i64 row, int channels, int y_level, int x_level, int y, int x) {
    u64 sum = ((u64)1 << (y_level + x_level)) >> 1;
#pragma unroll 1
    for (i64 v = (i64)y << y_level; v < (i64)(y + 1) << y_level; ++v)
#pragma unroll 1
        for (i64 u = (i64)x << x_level; u < (i64)(x + 1) << x_level; ++u) sum += source[v * row + u * channels];
    return (u32)(sum >> (y_level + x_level));
}

// A value of a partner between its pixels: four taps, each weighted by how near it is.
template <typename Value>
__device__ inline u32 read_between(const Value* source, i64 row, int channels, const Axis& rows, const Axis& columns) {
    u32 corner[2][2];
    for (int down = 0; down < 2; ++down)
        for (int along = 0; along < 2; ++along)
            corner[down][along] = read_tap(
                source, row, channels, rows.level, columns.level, down ? rows.next : rows.tap,
                along ? columns.next : columns.tap);
    u32 left = (ONE - rows.fraction) * corner[0][0] + rows.fraction * corner[1][0];
    u32 right = (ONE - rows.fraction) * corner[0][1] + rows.fraction * corner[1][1];
    return ((ONE - columns.fraction) * left + columns.fraction * right + HALF) >> POSITION_BITS;
}

// Blend a value with that of a partner; of a paste the own weight is 0.
__device__ inline u32 blend(u32 value, u32 partner, u32 weight) {
    return (value * weight + partner * (Q16 - weight) + Q16 / 2) / Q16;
}

// Blend a pixel whose last channel is alpha with one of a partner: what is transparent counts as little as it is seen.
template <typename Value>
__device__ inline void blend_alpha(const u32* partner, u32 weight, Value* pixel) {
    u64 base_share = (u64)pixel[3] * weight, partner_share = (u64)partner[3] * (Q16 - weight);
    u64 whole = base_share + partner_share, divisor = whole ? whole : 1;
    for (int c = 0; c < 3; ++c)
        pixel[c] = (Value)((pixel[c] * base_share + partner[c] * partner_share + whole / 2) / divisor);
    pixel[3] = (Value)((whole + HALF) >> POSITION_BITS);
}

// Paste or blend a pixel of a partner, which has as many channels.
template <typename Value>
__device__ inline void mix(
    const Step& step, const Value* partner, int partner_width, int y, int x, int channels, Value* pixel) {
    int source_height = step.source_y1 - step.source_y0, source_width = step.source_x1 - step.source_x0;
    int frame_height = step.frame_y1 - step.frame_y0, frame_width = step.frame_x1 - step.frame_x0;
    i64 row = (i64)partner_width * channels;
    const Value* source = partner + step.source_y0 * row + (i64)step.source_x0 * channels;
    u32 weight = step.kind == BLEND ? (u32)step.weight_q16 : 0;
    y -= step.frame_y0;
    x -= step.frame_x0;
    // Most partners are of the image's size: then the only tap is the pixel itself.
    bool is_same = source_height == frame_height && source_width == frame_width;
    u32 read[MOST_CHANNELS] = {0, 0, 0, 0};
    if (is_same) {
        source += y * row + (i64)x * channels;
        for (int c = 0; c < MOST_CHANNELS; ++c)
            if (c < channels) read[c] = source[c];
    } else {
        Axis rows = find_taps(y, source_height, frame_height), columns = find_taps(x, source_width, frame_width);
        for (int c = 0; c < MOST_CHANNELS; ++c) {
            if (c >= channels) break;
            read[c] = read_between(source + c, row, channels, rows, columns);
        }
    }
    // Where both are opaque, the common formula gives the same, without divisions of 64 bits.
    const u32 opaque = (Value)~(Value)0;
    if (step.kind == BLEND && channels == 4 && (pixel[3] != opaque || read[3] != opaque)) {
        blend_alpha(read, weight, pixel);
        return;
    }
    for (int c = 0; c < MOST_CHANNELS; ++c)
        if (c < channels) pixel[c] = (Value)blend(pixel[c], read[c], weight);
}

// The output that a pixel of the launch belongs to: the last one that begins at or before it.
__device__ inline int find_output(const Output* outputs, int count, i64 pixel) {
    int low = 0, high = count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (outputs[middle].pixel <= pixel)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

// Make a pixel of an output.
template <typename Value>
__device__ inline void apply_program(
    const Step* steps, const u8* bitmaps, const u16* quantiles, const Image* images, const Output& output,
    const i64* partners, i64 place, const Value* sources, Value* out) {
    const Image& base = images[output.base];
    // The division is one of 32 bits where that is enough: devices have none of 64 bits and compute it step by step.
    int y = place >> 32 ? (int)(place / base.width) : (int)((u32)place / (u32)base.width);
    int x = (int)(place - (i64)y * base.width), channels = base.channels;
    const Value* under = sources + base.offset + place * channels;
    Value pixel[MOST_CHANNELS];
    for (int c = 0; c < MOST_CHANNELS; ++c)
        if (c < channels) pixel[c] = under[c];
    for (i64 index = output.first; index < output.last; ++index) {
        const Step& step = steps[index];
        if (!is_inside(step, bitmaps, y, x, base.width)) continue;
        if (step.kind == FILL) {
            paint(step, quantiles, place, channels, pixel);
            continue;
        }
        const Image& partner = images[partners[step.slot]];
        mix(step, sources + partner.offset, partner.width, y, x, channels, pixel);
    }
    Value* made = out + output.offset + place * channels;
    for (int c = 0; c < MOST_CHANNELS; ++c)
        if (c < channels) made[c] = pixel[c];
}

template <typename Value>
__device__ inline void apply_programs(
    const Step* steps, const u8* bitmaps, const u16* quantiles, const Image* images, const Output* outputs, int count,
    const i64* partners, int slots, i64 pixels, const Value* sources, Value* out) {
    // A block makes pieces of neighbouring pixels, PIXELS for each thread, and looks up once where a piece begins.
    // With a look-up for each pixel, steps took 1.3 to 1.8 times as long (H200).
    i64 piece = (i64)blockDim.x * PIXELS;
    for (i64 start = blockIdx.x * piece; start < pixels; start += gridDim.x * piece) {
        i64 stop = start + piece < pixels ? start + piece : pixels;
        int n = find_output(outputs, count, start);
        for (i64 at = start + threadIdx.x; at < stop; at += blockDim.x) {
            while (n + 1 < count && outputs[n + 1].pixel <= at) ++n;
            apply_program(
                steps, bitmaps, quantiles, images, outputs[n], partners + (i64)n * slots, at - outputs[n].pixel,
                sources, out);
        }
    }
}

extern "C" __global__ void apply_programs_8(
    const Step* steps, const u8* bitmaps, const u16* quantiles, const Image* images, const Output* outputs, int count,
    const i64* partners, int slots, i64 pixels, const u8* sources, u8* out) {
    apply_programs(steps, bitmaps, quantiles, images, outputs, count, partners, slots, pixels, sources, out);
}

extern "C" __global__ void apply_programs_16(
    const Step* steps, const u8* bitmaps, const u16* quantiles, const Image* images, const Output* outputs, int count,
    const i64* partners, int slots, i64 pixels, const u16* sources, u16* out) {
    apply_programs(steps, bitmaps, quantiles, images, outputs, count, partners, slots, pixels, sources, out);
}
