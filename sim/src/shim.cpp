// Clocks one Verilated lane, a batch of beats at a time. Knows port names and nothing of what a record means.
//
// SIM_MODEL is the Verilated class, SIM_TABLE the symbol the Rust side links or loads. A beat is 32 bytes, byte 0 =
// tdata[7:0]; the host is little endian (checked in ffi.rs), so a beat is copied as it is.

#include SIM_HEADER
#include "verilated.h"
#ifdef SIM_TRACED
#include "verilated_fst_c.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace {

constexpr size_t BEAT_BYTES = 32;
// One clock is enough: the lane throws away what was on its way out.
constexpr int RESET_CLOCKS = 1;

// xorshift64*: the stall patterns repeat with the seed.
struct Dice {
    uint64_t state = 1;
    uint64_t draw() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1dULL;
    }
    bool below(uint32_t of_256) { return (draw() >> 56) < of_256; }
};

struct Lane {
    VerilatedContext context;
    std::unique_ptr<SIM_MODEL> top;
#ifdef SIM_TRACED
    std::unique_ptr<VerilatedFstC> trace;
#endif
    uint64_t clocks = 0;
    bool offering = false;
    Dice dice;
    uint32_t idle_of_256 = 0;
    uint32_t stall_of_256 = 0;

    void half(uint8_t level) {
        top->clk = level;
        top->eval();
#ifdef SIM_TRACED
        if (trace) trace->dump(2 * clocks + level);
#endif
    }
};

void* lane_new(const char* trace_path) {
    auto lane = std::make_unique<Lane>();
#ifdef SIM_TRACED
    if (trace_path) lane->context.traceEverOn(true);
#endif
    lane->top = std::make_unique<SIM_MODEL>(&lane->context);
#ifdef SIM_TRACED
    if (trace_path) {
        lane->trace = std::make_unique<VerilatedFstC>();
        lane->top->trace(lane->trace.get(), 99);
        lane->trace->open(trace_path);
        if (!lane->trace->isOpen()) return nullptr;
    }
#else
    if (trace_path) return nullptr;
#endif
    return lane.release();
}

void lane_free(void* handle) {
    auto* lane = static_cast<Lane*>(handle);
    lane->top->final();
#ifdef SIM_TRACED
    if (lane->trace) lane->trace->close();
#endif
    delete lane;
}

void lane_reset(void* handle) {
    auto& lane = *static_cast<Lane*>(handle);
    auto& top = *lane.top;
    lane.offering = false;
    top.rst = 1;
    top.s_axis_tvalid = 0;
    top.m_axis_tready = 0;
    for (int i = 0; i < RESET_CLOCKS; i++) {
        lane.half(0);
        lane.half(1);
        lane.clocks++;
    }
    top.rst = 0;
}

void lane_stalls(void* handle, uint64_t seed, uint32_t idle_of_256, uint32_t stall_of_256) {
    auto& lane = *static_cast<Lane*>(handle);
    lane.dice.state = seed | 1;
    lane.idle_of_256 = idle_of_256;
    lane.stall_of_256 = stall_of_256;
}

struct Stepped {
    size_t consumed;
    size_t produced;
    uint64_t clocks;
    uint64_t silence;
};

// Runs until `out` is full, `clocks_max` have passed, or no beat has moved for `gap` clocks after one came out. A beat once offered stays offered, also into the next call (AXI4-Stream).
void lane_step(void* handle, const uint8_t* in, size_t in_count, uint8_t* out, size_t out_capacity,
               uint64_t clocks_max, uint64_t gap, Stepped* result) {
    auto& lane = *static_cast<Lane*>(handle);
    auto& top = *lane.top;
    const bool stalling = lane.idle_of_256 != 0 || lane.stall_of_256 != 0;
    size_t consumed = 0;
    size_t produced = 0;
    uint64_t clocks = 0;
    uint64_t silence = 0;
    bool fresh = true;
    while (clocks < clocks_max && produced < out_capacity) {
        if (consumed < in_count && !lane.offering && !(stalling && lane.dice.below(lane.idle_of_256))) {
            lane.offering = true;
            fresh = true;
        }
        if (lane.offering && fresh) {
            std::memcpy(&top.s_axis_tdata, in + BEAT_BYTES * consumed, BEAT_BYTES);
            fresh = false;
        } else if (stalling && !lane.offering) {
            // Data without valid is anything.
            for (size_t word = 0; word < BEAT_BYTES / 4; word++) top.s_axis_tdata[word] = lane.dice.draw() >> 32;
        }
        top.s_axis_tvalid = lane.offering;
        const bool ready = !(stalling && lane.dice.below(lane.stall_of_256));
        top.m_axis_tready = ready;
        lane.half(0);
        const bool given = ready && top.m_axis_tvalid;
        const bool taken = lane.offering && top.s_axis_tready;
        if (taken) {
            lane.offering = false;
            consumed++;
        }
        if (given) {
            std::memcpy(out + BEAT_BYTES * produced, &top.m_axis_tdata, BEAT_BYTES);
            produced++;
        }
        lane.half(1);
        lane.clocks++;
        clocks++;
        silence = given || taken ? 0 : silence + 1;
        if (silence >= gap && produced != 0) break;
    }
    top.m_axis_tready = 0;
    *result = Stepped{consumed, produced, clocks, silence};
}

uint64_t lane_clocks(void* handle) { return static_cast<Lane*>(handle)->clocks; }

struct Table {
    void* (*create)(const char*);
    void (*free)(void*);
    void (*reset)(void*);
    void (*stalls)(void*, uint64_t, uint32_t, uint32_t);
    void (*step)(void*, const uint8_t*, size_t, uint8_t*, size_t, uint64_t, uint64_t, Stepped*);
    uint64_t (*clocks)(void*);
};

}  // namespace

extern "C" {
extern const Table SIM_TABLE;
const Table SIM_TABLE = {lane_new, lane_free, lane_reset, lane_stalls, lane_step, lane_clocks};
}
