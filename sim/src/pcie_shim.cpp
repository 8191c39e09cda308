// Clocks one Verilated PCIe-side top against a memory that answers late, in order, and as its host says. Knows AXI and nothing of registers or
// records.
//
// SIM_MODEL is the Verilated class, SIM_TABLE the symbol the Rust side links. Both clocks are one here.

#include SIM_HEADER
#include "verilated.h"
#ifdef SIM_TRACED
#include "verilated_fst_c.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>

namespace {

constexpr size_t BEAT_BYTES = 32;
constexpr size_t BURST_BYTES_MAX = 4096;
constexpr uint64_t LITE_CLOCKS_MAX = 4096;
constexpr uint8_t OKAY = 0, SLVERR = 2, NO_RESPONSE = 4;

// xorshift64*: the patterns repeat with the seed.
struct Dice {
    uint64_t state = 1;
    uint64_t draw() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1dULL;
    }
    bool below(uint32_t of_256) { return of_256 != 0 && (draw() >> 56) < of_256; }
    uint64_t within(uint64_t least, uint64_t most) { return least + draw() % (most - least + 1); }
};

// The host's memory: 1 if the transfer was done, 0 if the bus must answer with an error.
using Transfer = uint32_t (*)(void* host, uint32_t is_write, uint64_t address, uint8_t* data, size_t bytes);

// How long a bus holds its reset.
constexpr int RESET_CLOCKS = 16;

struct Timing {
    uint64_t seed;
    uint64_t latency_min;
    uint64_t latency_max;
    // Of 256 clocks, so many in which a channel is not ready or not valid.
    uint32_t stall_of_256;
};

struct Seen {
    uint64_t clocks;
    uint64_t interrupts;
    // Breaches of AXI by the top.
    uint64_t breaches;
    uint32_t irq_request;
};

struct Burst {
    uint64_t due;
    uint64_t address;
    size_t bytes;
    size_t at;
    bool is_good;
    uint8_t data[BURST_BYTES_MAX];
};

struct Offer {
    bool stands = false;
    uint8_t payload[BEAT_BYTES + 1];

    // An offer that was not taken must stand as it was. 1 if it does not.
    uint64_t check(bool valid, bool ready, const void* data, size_t bytes) {
        const bool breach = stands && (!valid || std::memcmp(payload, data, bytes) != 0);
        stands = valid && !ready;
        if (stands) std::memcpy(payload, data, bytes);
        return breach;
    }
};

struct Pcie {
    VerilatedContext context;
    std::unique_ptr<SIM_MODEL> top;
    Dice dice;
    Timing timing{1, 1, 1, 0};
    Seen seen{};
    std::deque<Burst> reads, asked_writes, writes;
    Offer ar, aw, w;
    bool answers_write = false;
#ifdef SIM_TRACED
    std::unique_ptr<VerilatedFstC> trace;
#endif

    Pcie() { context.threads(1); }
    ~Pcie() {
        Verilated::threadContextp(&context);
#ifdef SIM_TRACED
        trace.reset();
#endif
        top.reset();
        Verilated::threadContextp(Verilated::defaultContextp());
    }

    uint64_t due() { return seen.clocks + dice.within(timing.latency_min, timing.latency_max); }
    bool stalls() { return dice.below(timing.stall_of_256); }

    void breach(bool is_one) { seen.breaches += is_one; }

    Burst burst(uint64_t address, uint8_t length) {
        const size_t bytes = (length + size_t{1}) * BEAT_BYTES;
        breach(address % BEAT_BYTES != 0 || address / 4096 != (address + bytes - 1) / 4096 || bytes > BURST_BYTES_MAX);
        return Burst{due(), address, bytes, 0, true, {}};
    }

    void forget() {
        reads.clear();
        writes.clear();
        asked_writes.clear();
        answers_write = false;
        ar = aw = w = Offer{};
    }

    void clock(Transfer transfer, void* host) {
        auto& t = *top;
        t.m_axi_arready = !stalls();
        t.m_axi_awready = !stalls();
        t.m_axi_wready = !stalls();
        t.irq_accept = !stalls();

        t.m_axi_rvalid = !reads.empty() && reads.front().due <= seen.clocks && !stalls();
        if (t.m_axi_rvalid) {
            Burst& read = reads.front();
            if (read.at == 0) read.is_good = transfer(host, 0, read.address, read.data, read.bytes);
            std::memcpy(&t.m_axi_rdata, read.data + read.at, BEAT_BYTES);
            t.m_axi_rresp = read.is_good ? OKAY : SLVERR;
            t.m_axi_rlast = read.at + BEAT_BYTES == read.bytes;
        }
        if (!answers_write && !writes.empty() && writes.front().due <= seen.clocks && !stalls()) {
            Burst& write = writes.front();
            write.is_good = transfer(host, 1, write.address, write.data, write.bytes);
            answers_write = true;
        }
        t.m_axi_bvalid = answers_write;
        t.m_axi_bresp = answers_write && !writes.front().is_good ? SLVERR : OKAY;

        t.axi_clk = 0;
        t.core_clk = 0;
        t.eval();

        breach(ar.check(t.m_axi_arvalid, t.m_axi_arready, &t.m_axi_araddr, sizeof(t.m_axi_araddr)));
        breach(aw.check(t.m_axi_awvalid, t.m_axi_awready, &t.m_axi_awaddr, sizeof(t.m_axi_awaddr)));
        breach(w.check(t.m_axi_wvalid, t.m_axi_wready, &t.m_axi_wdata, BEAT_BYTES));
        if (t.m_axi_rvalid) {
            breach(!t.m_axi_rready);
            reads.front().at += BEAT_BYTES;
            if (reads.front().at == reads.front().bytes) reads.pop_front();
        }
        if (t.m_axi_arvalid && t.m_axi_arready) reads.push_back(burst(t.m_axi_araddr, t.m_axi_arlen));
        if (answers_write && t.m_axi_bready) {
            writes.pop_front();
            answers_write = false;
        }
        if (t.m_axi_awvalid && t.m_axi_awready) asked_writes.push_back(burst(t.m_axi_awaddr, t.m_axi_awlen));
        if (t.m_axi_wvalid && t.m_axi_wready) {
            breach(asked_writes.empty());
            if (!asked_writes.empty()) {
                Burst& write = asked_writes.front();
                std::memcpy(write.data + write.at, &t.m_axi_wdata, BEAT_BYTES);
                write.at += BEAT_BYTES;
                const bool is_last = write.at == write.bytes;
                breach(is_last != static_cast<bool>(t.m_axi_wlast));
                if (is_last) {
                    write.due = due();
                    writes.push_back(write);
                    asked_writes.pop_front();
                }
            }
        }
        if (t.irq_request && t.irq_accept) seen.interrupts++;
        seen.irq_request = t.irq_request;

        dump(0);
        t.axi_clk = 1;
        t.core_clk = 1;
        t.eval();
        dump(1);
        seen.clocks++;
    }

    void dump(uint64_t level) {
#ifdef SIM_TRACED
        if (trace) trace->dump(2 * seen.clocks + level);
#endif
    }
};

void* pcie_new(const char* trace_path) {
    auto pcie = std::make_unique<Pcie>();
#ifdef SIM_TRACED
    if (trace_path) pcie->context.traceEverOn(true);
#endif
    pcie->top = std::make_unique<SIM_MODEL>(&pcie->context);
#ifdef SIM_TRACED
    if (trace_path) {
        pcie->trace = std::make_unique<VerilatedFstC>();
        pcie->top->trace(pcie->trace.get(), 99);
        pcie->trace->open(trace_path);
        if (!pcie->trace->isOpen()) return nullptr;
    }
#else
    if (trace_path) return nullptr;
#endif
    return pcie.release();
}

void pcie_free(void* handle) {
    auto* pcie = static_cast<Pcie*>(handle);
    pcie->top->final();
#ifdef SIM_TRACED
    if (pcie->trace) pcie->trace->close();
#endif
    delete pcie;
}

// The function's reset: whatever was outstanding is forgotten.
void pcie_reset(void* handle, Transfer transfer, void* host) {
    auto& pcie = *static_cast<Pcie*>(handle);
    auto& top = *pcie.top;
    top.axi_rst = 1;
    top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_arvalid = 0;
    top.s_axil_bready = top.s_axil_rready = 1;
    pcie.forget();
    // In the first clocks of the reset the top still offers what it was about to: nobody takes it, and it owes nothing any more.
    const uint64_t breaches = pcie.seen.breaches;
    for (int i = 0; i < RESET_CLOCKS; i++) pcie.clock(transfer, host);
    pcie.seen.breaches = breaches;
    pcie.forget();
    top.axi_rst = 0;
}

void pcie_timing(void* handle, const Timing* timing) {
    auto& pcie = *static_cast<Pcie*>(handle);
    pcie.timing = *timing;
    pcie.dice.state = timing->seed | 1;
}

void pcie_run(void* handle, uint64_t clocks, Transfer transfer, void* host) {
    auto& pcie = *static_cast<Pcie*>(handle);
    for (uint64_t i = 0; i < clocks; i++) pcie.clock(transfer, host);
}

// The response, or NO_RESPONSE.
uint8_t pcie_write(void* handle, uint32_t address, uint32_t data, uint32_t strobe, Transfer transfer, void* host) {
    auto& pcie = *static_cast<Pcie*>(handle);
    auto& top = *pcie.top;
    top.s_axil_awaddr = address;
    top.s_axil_wdata = data;
    top.s_axil_wstrb = strobe;
    top.s_axil_awvalid = top.s_axil_wvalid = 1;
    for (uint64_t i = 0; i < LITE_CLOCKS_MAX; i++) {
        // What stands before the edge is what the edge takes.
        top.axi_clk = top.core_clk = 0;
        top.eval();
        const bool address_taken = top.s_axil_awvalid && top.s_axil_awready;
        const bool data_taken = top.s_axil_wvalid && top.s_axil_wready;
        const bool answered = top.s_axil_bvalid;
        const uint8_t response = top.s_axil_bresp;
        pcie.clock(transfer, host);
        if (address_taken) top.s_axil_awvalid = 0;
        if (data_taken) top.s_axil_wvalid = 0;
        if (answered) return response;
    }
    return NO_RESPONSE;
}

uint8_t pcie_read(void* handle, uint32_t address, uint32_t* data, Transfer transfer, void* host) {
    auto& pcie = *static_cast<Pcie*>(handle);
    auto& top = *pcie.top;
    top.s_axil_araddr = address;
    top.s_axil_arvalid = 1;
    for (uint64_t i = 0; i < LITE_CLOCKS_MAX; i++) {
        top.axi_clk = top.core_clk = 0;
        top.eval();
        const bool address_taken = top.s_axil_arvalid && top.s_axil_arready;
        const bool answered = top.s_axil_rvalid;
        const uint8_t response = top.s_axil_rresp;
        if (answered) *data = top.s_axil_rdata;
        pcie.clock(transfer, host);
        if (address_taken) top.s_axil_arvalid = 0;
        if (answered) return response;
    }
    return NO_RESPONSE;
}

void pcie_seen(void* handle, Seen* seen) { *seen = static_cast<Pcie*>(handle)->seen; }

struct Table {
    void* (*create)(const char*);
    void (*free)(void*);
    void (*reset)(void*, Transfer, void*);
    void (*timing)(void*, const Timing*);
    void (*run)(void*, uint64_t, Transfer, void*);
    uint8_t (*write)(void*, uint32_t, uint32_t, uint32_t, Transfer, void*);
    uint8_t (*read)(void*, uint32_t, uint32_t*, Transfer, void*);
    void (*seen)(void*, Seen*);
};

}  // namespace

extern "C" {
extern const Table SIM_TABLE;
const Table SIM_TABLE = {pcie_new, pcie_free, pcie_reset, pcie_timing, pcie_run, pcie_write, pcie_read,
                         pcie_seen};
}
