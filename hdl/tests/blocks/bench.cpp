// Clocks the Verilated module `bench`: each vector of the input file is applied for one clock, and what the outputs
// are just before its rising edge goes to the output file. Vectors are 32-bit words, the lowest first.

#include "Vbench.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <vector>

int main(int count, char** names) {
    if (count != 3) return 64;
    VerilatedContext context;
    Vbench bench(&context);
    std::FILE* in = std::fopen(names[1], "rb");
    std::FILE* out = std::fopen(names[2], "wb");
    if (!in || !out) return 66;
    std::vector<uint32_t> words(sizeof(bench.in) / 4);
    while (std::fread(words.data(), 4, words.size(), in) == words.size()) {
        for (size_t i = 0; i < words.size(); i++) bench.in[i] = words[i];
        bench.clk = 0;
        bench.eval();
        for (size_t i = 0; i < sizeof(bench.out) / 4; i++) {
            const uint32_t word = bench.out[i];
            if (std::fwrite(&word, 4, 1, out) != 1) return 74;
        }
        bench.clk = 1;
        bench.eval();
    }
    bench.final();
    std::fclose(in);
    return std::fclose(out) == 0 ? 0 : 74;
}
