// Primitives for any tool: plain Verilog, nothing instantiated. Simulation uses these.

`define BACKSTOP_LIMB_WIDE 18
`define BACKSTOP_LIMB_NARROW 18

// Product of two unsigned limbs: factors registered, product registered, 2 clocks.
module backstop_multiplier #(
    parameter LEFT = 18,
    parameter RIGHT = 18
) (
    input wire clock,
    input wire [LEFT-1:0] left,
    input wire [RIGHT-1:0] right,
    output reg [LEFT+RIGHT-1:0] product
);
    reg [LEFT-1:0] left_factor;
    reg [RIGHT-1:0] right_factor;

    always @(posedge clock) begin
        left_factor <= left;
        right_factor <= right;
        product <= {{RIGHT{1'b0}}, left_factor} * {{LEFT{1'b0}}, right_factor};
    end
endmodule

// Both RAMs hold nothing in particular at power-up, as memories do. A simulator that knows X makes X of it, and 0 times X is
// X there: `BACKSTOP_POWER_UP`, an expression, is what the words of such a simulation hold instead.

// RAM of one clock: a read of the word that is being written gives the old one; `read_data` stands while `read_enable`
// is low.
module backstop_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output reg [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    // The index is cut to the depth's own bits: the RAM is not padded to the bus.
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
`ifdef VERILATOR
    // Tests put wrong bits in.
    reg [WIDTH-1:0] cells [0:DEPTH-1] /* verilator public_flat_rw */;
`else
    reg [WIDTH-1:0] cells [0:DEPTH-1];
`endif
`ifdef BACKSTOP_POWER_UP
    integer word;
    initial for (word = 0; word < DEPTH; word = word + 1) cells[word] = `BACKSTOP_POWER_UP;
`endif

    always @(posedge clock) begin
        if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
        if (read_enable) read_data <= cells[read_address[INDEX-1:0]];
    end
endmodule

// RAM of two clocks, the second a register that always loads. A read of the word that is being written gives anything;
// here the complement of the old word, which no user can mistake for either.
module backstop_registered_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output reg [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    // The index is cut to the depth's own bits: the RAM is not padded to the bus.
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
`ifdef VERILATOR
    // Tests put wrong bits in.
    reg [WIDTH-1:0] cells [0:DEPTH-1] /* verilator public_flat_rw */;
`else
    reg [WIDTH-1:0] cells [0:DEPTH-1];
`endif
`ifdef BACKSTOP_POWER_UP
    integer word;
    initial for (word = 0; word < DEPTH; word = word + 1) cells[word] = `BACKSTOP_POWER_UP;
`endif
    reg [WIDTH-1:0] read;
    wire collision = write_enable && write_address[INDEX-1:0] == read_address[INDEX-1:0];

    always @(posedge clock) begin
        if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
        if (read_enable) read <= cells[read_address[INDEX-1:0]] ^ {WIDTH{collision}};
        read_data <= read;
    end
endmodule
