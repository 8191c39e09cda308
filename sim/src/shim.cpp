// Clocks one Verilated machine, a batch of beats at a time. Knows port names and nothing of what a record means.
//
// SIM_MODEL is the Verilated class, SIM_TABLE the symbol the Rust side links or loads. A beat is 32 bytes, byte 0 =
// tdata[7:0]; the host is little endian (checked in ffi.rs), so a beat is copied as it is.

#include SIM_HEADER
#include "verilated.h"
#include "verilated_syms.h"
#ifdef SIM_TRACED
#include "verilated_fst_c.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

namespace {

constexpr size_t BEAT_BYTES = 32;
// One clock is enough: the machine throws away what was on its way out.
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

struct Machine {
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

    Machine() { context.threads(1); }
    // Verilator erases a model's scopes from the context that the thread used last, which may be another machine's and gone.
    ~Machine() {
        Verilated::threadContextp(&context);
#ifdef SIM_TRACED
        trace.reset();
#endif
        top.reset();
        Verilated::threadContextp(Verilated::defaultContextp());
    }

    void half(uint8_t level) {
        top->clk = level;
        top->eval();
#ifdef SIM_TRACED
        if (trace) trace->dump(2 * clocks + level);
#endif
    }
};

void* machine_new(const char* trace_path) {
    auto machine = std::make_unique<Machine>();
#ifdef SIM_TRACED
    if (trace_path) machine->context.traceEverOn(true);
#endif
    machine->top = std::make_unique<SIM_MODEL>(&machine->context);
#ifdef SIM_TRACED
    if (trace_path) {
        machine->trace = std::make_unique<VerilatedFstC>();
        machine->top->trace(machine->trace.get(), 99);
        machine->trace->open(trace_path);
        if (!machine->trace->isOpen()) return nullptr;
    }
#else
    if (trace_path) return nullptr;
#endif
    return machine.release();
}

void machine_free(void* handle) {
    auto* machine = static_cast<Machine*>(handle);
    machine->top->final();
#ifdef SIM_TRACED
    if (machine->trace) machine->trace->close();
#endif
    delete machine;
}

void machine_reset(void* handle) {
    auto& machine = *static_cast<Machine*>(handle);
    auto& top = *machine.top;
    machine.offering = false;
    top.rst = 1;
    top.s_axis_tvalid = 0;
    top.m_axis_tready = 0;
    for (int i = 0; i < RESET_CLOCKS; i++) {
        machine.half(0);
        machine.half(1);
        machine.clocks++;
    }
    top.rst = 0;
}

void machine_stalls(void* handle, uint64_t seed, uint32_t idle_of_256, uint32_t stall_of_256) {
    auto& machine = *static_cast<Machine*>(handle);
    machine.dice.state = seed | 1;
    machine.idle_of_256 = idle_of_256;
    machine.stall_of_256 = stall_of_256;
}

struct Stepped {
    size_t consumed;
    size_t produced;
    uint64_t clocks;
    uint64_t silence;
};

// Without room in `out` nothing is taken and all of `clocks_max` run. Else runs until `out` is full, `clocks_max` have passed, or no beat has moved for `gap` clocks after one came out. A beat once offered stays offered, also into the next call (AXI4-Stream).
void machine_step(void* handle, const uint8_t* in, size_t in_count, uint8_t* out, size_t out_capacity,
               uint64_t clocks_max, uint64_t gap, Stepped* result) {
    auto& machine = *static_cast<Machine*>(handle);
    auto& top = *machine.top;
    const bool stalling = machine.idle_of_256 != 0 || machine.stall_of_256 != 0;
    size_t consumed = 0;
    size_t produced = 0;
    uint64_t clocks = 0;
    uint64_t silence = 0;
    bool fresh = true;
    while (clocks < clocks_max && (out_capacity == 0 || produced < out_capacity)) {
        if (consumed < in_count && !machine.offering && !(stalling && machine.dice.below(machine.idle_of_256))) {
            machine.offering = true;
            fresh = true;
        }
        if (machine.offering && fresh) {
            std::memcpy(&top.s_axis_tdata, in + BEAT_BYTES * consumed, BEAT_BYTES);
            fresh = false;
        } else if (stalling && !machine.offering) {
            // Data without valid is anything.
            for (size_t word = 0; word < BEAT_BYTES / 4; word++) top.s_axis_tdata[word] = machine.dice.draw() >> 32;
        }
        top.s_axis_tvalid = machine.offering;
        const bool ready = out_capacity != 0 && !(stalling && machine.dice.below(machine.stall_of_256));
        top.m_axis_tready = ready;
        machine.half(0);
        const bool given = ready && top.m_axis_tvalid;
        const bool taken = machine.offering && top.s_axis_tready;
        if (taken) {
            machine.offering = false;
            consumed++;
        }
        if (given) {
            std::memcpy(out + BEAT_BYTES * produced, &top.m_axis_tdata, BEAT_BYTES);
            produced++;
        }
        machine.half(1);
        machine.clocks++;
        clocks++;
        silence = given || taken ? 0 : silence + 1;
        if (silence >= gap && produced != 0) break;
    }
    top.m_axis_tready = 0;
    *result = Stepped{consumed, produced, clocks, silence};
}

uint64_t machine_clocks(void* handle) { return static_cast<Machine*>(handle)->clocks; }

uint32_t machine_ecc_corrected(void* handle) { return static_cast<Machine*>(handle)->top->ecc_corrected; }

uint32_t machine_ecc_uncorrected(void* handle) { return static_cast<Machine*>(handle)->top->ecc_uncorrected; }

// Flips a bit of a RAM that verilate.rs made public: `ram` 0 is the lane's accounts, 1 its slots. 1 if it is there.
uint32_t machine_flip(void* handle, uint32_t ram, size_t lane, size_t index, size_t bit) {
    auto& machine = *static_cast<Machine*>(handle);
    const std::string instance = ".lanes$" + std::to_string(lane) + ".lane.";
    const std::string store = ram == 0 ? ".accounts" : ".slots";
    for (const auto& [name, scope] : *machine.context.scopeNameMap()) {
        const std::string path = name;
        if (path.find(instance) == std::string::npos || path.find(store) == std::string::npos) continue;
        const VerilatedVar* cells = scope->varFind("cells");
        if (!cells || index >= static_cast<size_t>(cells->unpacked().elements()) ||
            bit >= static_cast<size_t>(cells->packed().elements()))
            return 0;
        static_cast<uint32_t*>(cells->datap())[index * (cells->entSize() / 4) + bit / 32] ^= uint32_t{1} << bit % 32;
        return 1;
    }
    return 0;
}

struct Table {
    void* (*create)(const char*);
    void (*free)(void*);
    void (*reset)(void*);
    void (*stalls)(void*, uint64_t, uint32_t, uint32_t);
    void (*step)(void*, const uint8_t*, size_t, uint8_t*, size_t, uint64_t, uint64_t, Stepped*);
    uint64_t (*clocks)(void*);
    uint32_t (*ecc_corrected)(void*);
    uint32_t (*ecc_uncorrected)(void*);
    uint32_t (*flip)(void*, uint32_t, size_t, size_t, size_t);
};

}  // namespace

extern "C" {
extern const Table SIM_TABLE;
const Table SIM_TABLE = {machine_new, machine_free, machine_reset, machine_stalls, machine_step, machine_clocks,
                         machine_ecc_corrected, machine_ecc_uncorrected, machine_flip};
}
